"""The workflows hold to our rules: least rights, pins, and nothing that a laptop could not run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.environments import ROOT

WORKFLOWS = {
    path.name: yaml.safe_load(path.read_text())
    for path in sorted((ROOT / ".github/workflows").glob("*.yml"))
}
JOBS = {
    f"{name}:{job}": body
    for name, workflow in WORKFLOWS.items()
    for job, body in workflow["jobs"].items()
}
STEPS = [(job, step) for job, body in JOBS.items() for step in body["steps"]]
RUNS = [(job, step["run"]) for job, step in STEPS if "run" in step]

ACTIONS = {
    "actions/cache",
    "actions/checkout",
    "actions/download-artifact",
    "actions/setup-python",
    "actions/upload-artifact",
    "github/codeql-action",
    "ossf/scorecard-action",
}
"""Whose code runs in our workflows: nobody else's without a look at it."""

WRITES = {
    "ci.yml:say-durations": {"pull-requests"},
    "ci.yml:codeql": {"security-events"},
    "nightly.yml:scorecard": {"security-events"},
    "release.yml:sign": {"id-token"},
    "release.yml:publish": {"contents", "packages"},
    "release.yml:promote": {"contents", "packages"},
    "release.yml:index": {"id-token"},
}
"""Job → what it may write. All others only read."""

NO_TARGET = (
    r"cat \S+ \| gh pr comment \S+ --edit-last --create-if-none --body-file -",
    r"gh release list .*--jq \S+ .* >> \"\$GITHUB_OUTPUT\"",
    r'gh release download "\$TAG" --dir dist',
    r"sudo bash \.ci/run packages",
    r"exit 1",
)
"""What a step may run that is no target of the Makefile: GitHub's own command, in one line."""

AS_ROOT = r'(?:sudo --preserve-env env "PATH=\$PATH" )?'
MAKE = re.compile(rf'{AS_ROOT}make ([a-z-]+)(?: DIR=dist)?(?: ARGS=(?:"[^"]*"|\S+))?(?: [|>].*)?')
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def triggers(name: str) -> dict[str, Any]:
    """Return what starts a workflow: YAML 1.1 reads the key `on` as true."""
    return dict(WORKFLOWS[name][True])


def test_each_workflow_is_started_by_what_it_should_be() -> None:
    assert triggers("ci.yml") == {"pull_request": None, "push": {"branches": ["main"]}}
    assert set(triggers("nightly.yml")) == {"schedule", "workflow_dispatch"}
    assert triggers("release.yml")["push"] == {"tags": ["v*"]}
    assert set(triggers("release.yml")["workflow_dispatch"]["inputs"]) == {"tag"}
    assert set(WORKFLOWS) == {"ci.yml", "nightly.yml", "release.yml"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_gives_nothing_and_never_runs_twice_at_once(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}
    assert set(WORKFLOWS[name]["concurrency"]) == {"group", "cancel-in-progress"}


def test_no_release_is_stopped_half_way() -> None:
    assert WORKFLOWS["release.yml"]["concurrency"]["cancel-in-progress"] is False


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_the_least_rights_and_an_end(job: str) -> None:
    assert 0 < JOBS[job]["timeout-minutes"] <= 60
    granted = JOBS[job]["permissions"]
    assert {what for what, how in granted.items() if how == "write"} == WRITES.get(job, set())
    assert set(granted.values()) <= {"read", "write"}


@pytest.mark.parametrize("job", [job for job, granted in WRITES.items() if "release" in job])
def test_what_may_write_in_a_release_waits_for_its_environment(job: str) -> None:
    expected = "stable" if job.endswith(("promote", "index")) else "release"
    assert JOBS[job]["environment"] == expected


def test_an_identity_is_given_to_jobs_that_hold_nothing_else() -> None:
    for job, granted in WRITES.items():
        if "id-token" in granted:
            assert granted == {"id-token"}, job
    signing = [step["run"] for step in JOBS["release.yml:sign"]["steps"] if "run" in step]
    assert signing == ["make sign"]


@pytest.mark.parametrize(("job", "step"), STEPS)
def test_a_step_uses_known_actions_and_leaves_no_credential(job: str, step: dict[str, Any]) -> None:
    used = str(step.get("uses", ""))
    if used.startswith("actions/checkout@"):
        assert step["with"]["persist-credentials"] is False
    elif used and not used.startswith("./"):
        assert "/".join(used.split("@", maxsplit=1)[0].split("/")[:2]) in ACTIONS
    assert "secrets." not in str(step)


@pytest.mark.parametrize(("job", "run"), RUNS)
def test_nothing_is_expanded_into_a_script(job: str, run: str) -> None:
    assert "${{" not in run


def test_shellcheck_has_nothing_to_say_about_a_step() -> None:
    program = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}")
    assert program, "it is in the development environment"
    script = "\n".join(sorted({run for _, run in RUNS} - {"exit 1"}))
    # Variables come from `env`, where it cannot look.
    words = [program, "--shell=bash", "--exclude=SC2154", "-"]
    done = subprocess.run(words, input=script, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize(("job", "run"), RUNS)
def test_a_step_runs_what_a_laptop_runs(job: str, run: str) -> None:
    assert "\n" not in run.strip()
    if any(re.fullmatch(pattern, run) for pattern in NO_TARGET):
        return
    assert MAKE.fullmatch(run)


def test_what_upgrades_from_the_release_before_has_the_whole_history() -> None:
    (checkout,) = (
        step for job, step in STEPS if job == "ci.yml:test" and "checkout" in step.get("uses", "")
    )
    assert checkout["with"]["fetch-depth"] == 0


def test_each_target_that_a_step_names_is_there() -> None:
    named = {found[1] for _, run in RUNS if (found := MAKE.fullmatch(run))}
    assert sorted(named - TARGETS) == []


@pytest.mark.parametrize(("job", "step"), [one for one in STEPS if one[0][:8] == "release."])
def test_no_release_restores_a_cache(job: str, step: dict[str, Any]) -> None:
    assert not str(step.get("uses", "")).startswith("actions/cache")
    assert "cache" not in step.get("with", {})


def test_a_cache_is_only_kept_where_it_is_asked_for() -> None:
    action = yaml.safe_load((ROOT / ".github/actions/python/action.yml").read_text())
    assert action["inputs"]["cache"]["default"] == "false"
    (cached,) = [
        step for step in action["runs"]["steps"] if step["uses"].startswith("actions/cache@")
    ]
    assert cached["if"] == "inputs.cache == 'true'"
    assert all("cache" not in step["with"] for step in action["runs"]["steps"])


def test_a_release_begins_with_its_pins() -> None:
    started_by_a_tag = {
        job: body
        for job, body in WORKFLOWS["release.yml"]["jobs"].items()
        if "environment" not in body or body["environment"] != "stable"
    }
    first = [job for job, body in started_by_a_tag.items() if "needs" not in body]
    assert first == ["pins"]
    assert JOBS["release.yml:pins"]["steps"][-1]["run"] == "make pins-check ARGS=--release"


def test_promotion_builds_nothing() -> None:
    for job in ("promote", "index"):
        steps = [step["run"] for step in JOBS[f"release.yml:{job}"]["steps"] if "run" in step]
        assert not [
            run for run in steps if re.match(r"make (dist|image|build|provenance|sign)", run)
        ]


def test_nothing_of_a_fork_meets_a_token_that_writes() -> None:
    job = JOBS["ci.yml:say-durations"]
    assert "head.repo.full_name == github.repository" in job["if"]
    # What it runs is not the pull request's: there is no checkout.
    assert not [step for step in job["steps"] if "checkout" in str(step.get("uses"))]


def test_one_job_stands_for_all_the_others() -> None:
    jobs = set(WORKFLOWS["ci.yml"]["jobs"]) - {"done", "say-durations"}
    assert set(JOBS["ci.yml:done"]["needs"]) == jobs
    assert JOBS["ci.yml:done"]["if"] == "always()"

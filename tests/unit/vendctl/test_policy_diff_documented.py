"""The commands that docs/policy.md shows for `vendctl policy diff`, run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
SECTION = (ROOT / "docs/policy.md").read_text().split("\n## What a change does\n")[1]
SECTION = SECTION.split("\n## ")[0]


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.+?)```", SECTION, re.DOTALL)
    assert found
    return found[1]


def ran(script: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script, with the `vendctl` of this checkout on the Python of the tests."""
    where = f"{ROOT / 'functions'}{os.pathsep}{ROOT}"
    return subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": where, "PYTHONUTF8": "1", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def with_vendctl(script: str, written: str) -> str:
    return script.replace(written, f"{sys.executable} -m vendctl")


def test_the_example_says_what_the_page_shows() -> None:
    typed = re.match(r"\$ (.+)\n> (.+)\n", block("console"))
    assert typed
    found = ran(with_vendctl("\n".join(typed.groups()), "bin/vendctl"), ROOT)
    assert (found.stderr, found.returncode) == ("", 0)
    assert found.stdout == block("console")[typed.end() :]


RECIPE: dict[Any, Any] = yaml.safe_load(block("yaml"))
STEPS = RECIPE["jobs"]["policy-diff"]["steps"]


def test_the_recipe_compares_what_a_merge_would_bring(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = [
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "-c",
            "init.defaultBranch=main",
        ]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    file = tmp_path / "policy/policy.yaml"
    file.parent.mkdir()
    shutil.copy(ROOT / "policy/policy.yaml", file)
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "base")
    git("checkout", "-q", "-b", "change")
    file.write_text(file.read_text().replace("role/partner-*", "role/part*"))
    git("commit", "-q", "-a", "-m", "change")
    git("checkout", "-q", "main")
    git("merge", "-q", "--no-ff", "change")
    summary, places = tmp_path / "summary.md", {"RUNNER_TEMP": str(tmp_path)}
    tell, fail = (one["run"] for one in STEPS if "vendctl" in one.get("run", ""))
    told = ran(
        with_vendctl(tell, ".ecr-vend/bin/vendctl"),
        tmp_path,
        GITHUB_STEP_SUMMARY=str(summary),
        **places,
    )
    assert (told.stderr, told.returncode) == ("", 0)
    assert "role/part*" in summary.read_text()
    assert summary.read_text() == (tmp_path / "diff.md").read_text()
    assert ran(with_vendctl(fail, ".ecr-vend/bin/vendctl"), tmp_path).returncode == 1


def test_the_recipe_runs_nothing_of_the_pull_request_and_writes_only_comments() -> None:
    assert list(RECIPE[True]) == ["pull_request"]  # YAML 1.1 reads `on` as a boolean
    assert RECIPE["jobs"]["policy-diff"]["permissions"] == {
        "contents": "read",
        "pull-requests": "write",
    }
    assert all(one["with"]["persist-credentials"] is False for one in STEPS if "uses" in one)
    assert all("${{" not in one.get("run", "") for one in STEPS)
    comment = next(one for one in STEPS if "gh pr comment" in one.get("run", ""))
    assert comment["if"] == "github.event.pull_request.head.repo.full_name == github.repository"

"""Where a release comes from is told by the workflow's run alone, and signed by it alone."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.release.fake_services import BEARER, serving
from tests.release.fake_sigstore import Sigstore
from tests.release.small_release import ATTESTATION, IMAGE, RUN, STATEMENT, SUMS, VERSION, Release
from tools.environments import ROOT, Missing, make
from tools.release import provenance
from tools.release.identity import BUILD_TYPE, Signer

NOW = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
WORKFLOW = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR_ID": "1",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_REF": RUN.ref,
    "GITHUB_REPOSITORY": RUN.repository,
    "GITHUB_REPOSITORY_ID": "2",
    "GITHUB_REPOSITORY_OWNER_ID": "3",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_RUN_ID": RUN.number,
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_SHA": RUN.commit,
    "GITHUB_WORKFLOW_REF": f"{RUN.repository}/{RUN.workflow}@{RUN.ref}",
    "RUNNER_ENVIRONMENT": "github-hosted",
}


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """A folder as `make dist` leaves it, in a clean checkout of the run's commit."""
    monkeypatch.setattr(provenance, "commit", lambda: RUN.commit)
    made = Release(tmp_path / "dist", Sigstore(), RUN).write()
    for path in made.folder.iterdir():
        if "sigstore" in path.name or "intoto" in path.name:
            path.unlink()
    return made


def described(release: Release, *images: str, **changed: str) -> dict[str, Any]:
    """Return the provenance as the workflow writes it, into the folder too."""
    made: dict[str, Any] = provenance.statement(
        release.folder, list(images), WORKFLOW | changed, now=NOW
    )
    release.put(STATEMENT, made)
    return made


def test_the_provenance_names_the_run_the_commit_and_every_file(release: Release) -> None:
    made = described(release, f"{IMAGE}@sha256:{'ab' * 32}")
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert made["predicateType"] == "https://slsa.dev/provenance/v1"
    subjects = {one["name"]: one["digest"]["sha256"] for one in made["subject"]}
    files = {name: hashlib.sha256(content).hexdigest() for name, content in release.files.items()}
    assert subjects == files | {IMAGE: "ab" * 32}
    build = made["predicate"]["buildDefinition"]
    assert build["buildType"] == BUILD_TYPE
    assert build["externalParameters"] == {
        "workflow": {"ref": RUN.ref, "repository": RUN.source, "path": RUN.workflow}
    }
    assert build["internalParameters"]["github"] == {
        "actor_id": "1",
        "event_name": "push",
        "repository_id": "2",
        "repository_owner_id": "3",
        "runner_environment": "github-hosted",
    }
    source, *locks = build["resolvedDependencies"]
    assert source == {
        "uri": f"git+{RUN.source}@{RUN.ref}",
        "digest": {"gitCommit": RUN.commit},
    }
    for lock in locks:
        digest = hashlib.sha256((ROOT / lock["name"]).read_bytes()).hexdigest()
        assert lock["digest"] == {"sha256": digest}
    assert {"client/requirements.txt", "functions/requirements.txt"} <= {
        lock["name"] for lock in locks
    }
    details = made["predicate"]["runDetails"]
    assert details["builder"] == {"id": Signer(VERSION).subject}
    assert details["metadata"] == {
        "invocationId": RUN.address,
        "finishedOn": "2026-01-31T12:30:00Z",
    }


def test_a_path_and_a_tag_may_hold_an_at_sign(release: Release) -> None:
    ref = "refs/tags/v@1"
    made = described(
        release,
        GITHUB_REF=ref,
        GITHUB_WORKFLOW_REF=f"{RUN.repository}/.github/workflows/r@w.yml@{ref}",
    )
    workflow = made["predicate"]["buildDefinition"]["externalParameters"]["workflow"]
    assert (workflow["path"], workflow["ref"]) == (".github/workflows/r@w.yml", ref)


def test_what_a_run_was_given_by_hand_is_told(release: Release, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"inputs": {"tag": "v1.2.0", "none": ""}}))
    made = described(release, GITHUB_EVENT_PATH=str(event))
    assert made["predicate"]["buildDefinition"]["externalParameters"]["inputs"] == {"tag": "v1.2.0"}
    event.write_text(json.dumps({"ref": RUN.ref}))
    made = described(release, GITHUB_EVENT_PATH=str(event))
    assert "inputs" not in made["predicate"]["buildDefinition"]["externalParameters"]


def test_a_start_is_told_where_the_workflow_tells_it(release: Release) -> None:
    made = described(release, BUILD_STARTED_ON="2026-01-31T13:00:00+01:00")
    assert made["predicate"]["runDetails"]["metadata"]["startedOn"] == "2026-01-31T12:00:00Z"
    assert "startedOn" not in described(release)["predicate"]["runDetails"]["metadata"]
    for wrong in ("yesterday", "2026-01-31T13:00:00"):
        with pytest.raises(Missing, match="write it like"):
            described(release, BUILD_STARTED_ON=wrong)


def test_a_laptops_build_says_so(release: Release) -> None:
    made: dict[str, Any] = provenance.statement(release.folder, [], {}, now=NOW)
    build = made["predicate"]["buildDefinition"]
    assert build["externalParameters"]["note"] == "local build"
    assert build["buildType"] != BUILD_TYPE
    assert made["predicate"]["runDetails"]["builder"]["id"].endswith("/local-build")


@pytest.mark.parametrize("commit", ["", f"{RUN.commit}-dirty"])
def test_there_is_no_provenance_of_what_no_commit_holds(
    release: Release, monkeypatch: pytest.MonkeyPatch, commit: str
) -> None:
    monkeypatch.setattr(provenance, "commit", lambda: commit)
    with pytest.raises(Missing, match="a provenance names the commit"):
        described(release)


def test_what_cannot_be_told_truly_is_not_told(release: Release) -> None:
    with pytest.raises(Missing, match=r"GITHUB_RUN_ID is not set"):
        described(release, GITHUB_RUN_ID="")
    with pytest.raises(Missing, match="the checkout is of"):
        described(release, GITHUB_SHA="0" * 40)
    for image in ("registry.test/a/b:1.2.0", "a@sha256:00", f"ab@sha256:{'0' * 64}"):
        with pytest.raises(Missing, match="is not HOST/NAME@sha256:DIGEST"):
            described(release, image)
    release.put("more", b"")
    with pytest.raises(Missing, match="not in the sums: more"):
        described(release)


# Signing, with a sigstore and a GitHub on the loopback.


def tool(name: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of the environment `release` as a job would."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    command = [make("release") / "bin/python", ROOT / f"tools/release/{name}.py", *words]
    return subprocess.run(
        list(map(str, command)), env=kept | variables, capture_output=True, text=True, check=False
    )


def test_what_the_workflow_signs_is_what_a_download_is_verified_by(release: Release) -> None:
    described(release, f"{IMAGE}@sha256:{'ab' * 32}")
    trust = release.folder.parent / "trust.json"
    with serving(release.sigstore, RUN) as address:
        release.put("trust.json", release.sigstore.trust_config(address), trust.parent)
        signed = tool(
            "sign",
            str(release.folder),
            "--trust-config",
            str(trust),
            GITHUB_ACTIONS="true",
            ACTIONS_ID_TOKEN_REQUEST_URL=f"{address}/token",
            ACTIONS_ID_TOKEN_REQUEST_TOKEN=BEARER,
        )
    assert signed.returncode == 0, signed.stderr
    artefacts = [name for name in release.files if not name.endswith(".cdx.json")]
    signatures = {f"{name}.sigstore.json" for name in (SUMS, *artefacts)} | {ATTESTATION}
    assert {Path(line).name for line in signed.stdout.splitlines()} == signatures
    assert (release.folder / ATTESTATION).read_text().count("\n") == 1
    found = tool("verify", str(release.folder), "--trust-config", str(trust))
    assert found.returncode == 0, found.stdout
    assert f"✓ signatures of files: {len(artefacts)} files" in found.stdout


def test_nobody_but_a_workflow_signs(release: Release) -> None:
    described(release)
    done = tool("sign", str(release.folder))
    assert done.returncode == 1
    assert "There is no workflow here that GitHub vouches for" in done.stderr
    assert not list(release.folder.glob("*.sigstore.json"))


def test_a_job_without_the_permission_is_told_which(release: Release) -> None:
    described(release)
    done = tool("sign", str(release.folder), GITHUB_ACTIONS="true")
    assert done.returncode == 1
    assert "permissions: id-token: write" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_sigstore_refuses_is_a_sentence(release: Release) -> None:
    described(release)
    trust = release.folder.parent / "trust.json"
    with serving(release.sigstore, dataclasses.replace(RUN, issuer="")) as address:
        release.put("trust.json", release.sigstore.trust_config(f"{address}/x/"), trust.parent)
        done = tool(
            "sign",
            str(release.folder),
            "--trust-config",
            str(trust),
            GITHUB_ACTIONS="true",
            ACTIONS_ID_TOKEN_REQUEST_URL=f"{address}/token",
            ACTIONS_ID_TOKEN_REQUEST_TOKEN=BEARER,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("sigstore did not sign: ")
    assert "Traceback" not in done.stderr


def test_only_a_workflows_provenance_of_these_files_is_signed(release: Release) -> None:
    harms: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: None, "run `make provenance`"),
        (lambda: release.put(STATEMENT, b"{}"), "its _type is"),
        (
            lambda: release.put(STATEMENT, provenance.statement(release.folder, [], {}, now=NOW)),
            "only a workflow's build is signed",
        ),
        (lambda: release.put("more", b""), "not in the sums: more"),
    )
    for harm, words in harms:
        harm()
        done = tool("sign", str(release.folder))
        assert done.returncode == 1
        assert words in done.stderr

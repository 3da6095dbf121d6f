"""Who verifies a release is told what holds, what does not, and what was not looked at.

The releases here are made and signed by the tests, with a sigstore of their own; what verifies them
is the command that users have, in its own environment.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.release.fake_sigstore import Run
from tests.release.small_release import (
    ATTESTATION,
    IMAGE,
    IMAGE_DIGEST,
    PYZ,
    RUN,
    SIGSTORE,
    SUMS,
    SUMS_SIGNATURE,
    VERSION,
    WHEEL,
    Release,
)
from tools.environments import ROOT, make

if TYPE_CHECKING:
    from pathlib import Path

    from tests.release.verification import Verifier


def test_a_good_release_is_verified_and_each_check_says_what_it_found(
    verify: Verifier, release: Release
) -> None:
    found = verify(release.write().folder)
    assert (found.code, found.error) == (0, "")
    lines = found.out.splitlines()
    assert [line.split(": ")[0] for line in lines[:-2]] == [
        "✓ contents",
        "✓ digests",
        f"✓ signature of {SUMS}",
        "✓ signatures of files",
        "✓ provenance",
        "✓ bills of materials",
        "✓ versions",
    ]
    assert RUN.subject in lines[2]
    assert RUN.commit in lines[4]
    assert lines[-1] == f"verified: ecr-vend {VERSION}"


def test_a_script_reads_the_commit_the_run_and_the_images(
    verify: Verifier, release: Release
) -> None:
    document = verify(release.write().folder, "--json", "--commit", RUN.commit).document
    assert document.pop("checks")
    assert document == {
        "verified": True,
        "verdict": f"verified: ecr-vend {VERSION}",
        "version": VERSION,
        "commit": RUN.commit,
        "run": RUN.address,
        "images": {IMAGE: IMAGE_DIGEST},
    }


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no sha256sum")
def test_the_commands_in_the_documentation_verify_a_download_and_refuse_another(
    release: Release,
) -> None:
    text = (ROOT / "docs/client.md").read_text()
    block = text.split("### Check what you downloaded")[1].split("```bash\n")[1].split("```")[0]
    commands = block.replace("\\\n", " ").strip().splitlines()
    assert [line.split()[0] for line in commands] == ["sha256sum", "sigstore", "sigstore"]
    trusted = f"sigstore --trust-config {release.folder.parent / 'trust.json'} verify"
    folder = make("release") / "bin"

    def run(line: str) -> int:
        words = shlex.split(line.replace("sigstore verify", trusted))
        found = shutil.which(words[0], path=f"{folder}{os.pathsep}{os.defpath}")
        assert found
        command = [found, *words[1:]]
        return subprocess.run(
            command, cwd=release.folder, capture_output=True, check=False
        ).returncode

    release.write()
    assert [run(line) for line in commands] == [0, 0, 0]
    release.put(PYZ, b"altered")
    release.put(SUMS, release.sums() + b"\n")
    assert 0 not in [run(line) for line in commands]


def test_a_root_of_trust_that_is_not_sigstores_is_said_aloud(
    verify: Verifier, release: Release
) -> None:
    assert "not by sigstore's own" in verify(release.write().folder).out


def test_what_the_tests_sigstore_signs_is_nothing_to_the_true_one(
    verify: Verifier, release: Release
) -> None:
    found = verify.run(str(release.write().folder), "--offline", "--json")
    assert found.code == 1
    assert {f"signature of {SUMS}", "provenance"} <= found.failed().keys()


def test_nothing_is_opened_that_the_sums_do_not_prove(verify: Verifier, release: Release) -> None:
    release.files[PYZ] = b"no zip"
    release.write()
    release.sign_sums(replace(RUN, repository="else/ecr-vend"))
    found = verify(release.folder, "--json")
    assert "insides" in found.unseen()
    assert not {"versions", "bills of materials"} & found.failed().keys()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--version", "1.1.0"), "refs/tags/v1.1.0"),
        (("--commit", "0" * 40), f"its commit is {RUN.commit} and not {'0' * 40}"),
        (("--repository", "a/b"), "github.com/a/b/"),
        (("--workflow", "x.yml"), "/x.yml@"),
        (("--issuer", "https://x.test"), "another issuer"),
    ],
)
def test_what_is_expected_can_be_said_and_is_then_demanded(
    verify: Verifier, release: Release, options: tuple[str, ...], words: str
) -> None:
    found = verify(release.write().folder, "--json", *options)
    assert found.code == 1
    assert any(words in said for said in found.failed().values())


def test_a_fork_verifies_what_its_own_workflow_signed(verify: Verifier, tmp_path: Path) -> None:
    run = Run(repository="fork/vend", workflow=".github/workflows/ship.yml")
    release = Release(tmp_path / "release", SIGSTORE, run).write()
    told = ("--repository", run.repository, "--workflow", run.workflow)
    assert verify(release.folder, *told).code == 0
    assert verify(release.folder).code == 1


def test_some_files_of_a_release_are_verified_when_they_are_named(
    verify: Verifier, release: Release
) -> None:
    release.write()
    for path in release.folder.iterdir():
        if path.name not in {WHEEL, SUMS, SUMS_SIGNATURE}:
            path.unlink()
    release.put("holiday.jpg", b"")
    whole = verify(release.folder, "--json")
    assert whole.code == 1
    assert "--only FILE" in whole.failed()["contents"]
    some = verify(release.folder, "--only", WHEEL)
    assert some.code == 0
    assert f"– provenance: not attested: {ATTESTATION} is not there" in some.out
    assert some.out.endswith(f"verified: ecr-vend {VERSION}, without its provenance\n")
    release.put(WHEEL, b"altered")
    assert verify(release.folder, "--only", WHEEL).code == 1
    assert verify(release.folder, "--only", "holiday.jpg").code == 1


def test_a_named_file_needs_the_signature_of_the_sums(verify: Verifier, release: Release) -> None:
    (release.write().folder / SUMS_SIGNATURE).unlink()
    found = verify(release.folder, "--only", WHEEL)
    assert found.code == 1
    assert f"NOT VERIFIED: signature of {SUMS}" in found.out


def unsign(release: Release) -> None:
    for path in release.write().folder.iterdir():
        if "sigstore" in path.name or "intoto" in path.name:
            path.unlink()


def test_an_unsigned_release_is_accepted_only_where_that_is_asked_for(
    verify: Verifier, release: Release
) -> None:
    unsign(release)
    refused = verify(release.folder)
    assert refused.code == 1
    assert "--allow-unsigned accepts" in refused.out
    accepted = verify(release.folder, "--allow-unsigned")
    assert accepted.code == 0
    assert "NOT VERIFIED: nothing here proves who built these files" in accepted.out
    document = verify(release.folder, "--allow-unsigned", "--json").document
    assert (document["verified"], document["images"]) == (False, {})


def test_where_nothing_is_signed_no_root_of_trust_is_needed(
    verify: Verifier, release: Release
) -> None:
    unsign(release)
    assert verify(release.folder, "--allow-unsigned", trust=release.folder / "none").code == 0


def test_allowing_the_unsigned_allows_no_wrong_signature_and_no_wrong_sum(
    verify: Verifier,
    release: Release,
) -> None:
    release.write().sign_sums(replace(RUN, repository="else/ecr-vend"))
    assert verify(release.folder, "--allow-unsigned").code == 1
    unsign(release)
    release.put(PYZ, b"altered")
    assert verify(release.folder, "--allow-unsigned").code == 1


@pytest.mark.parametrize("gone", [SUMS_SIGNATURE, ATTESTATION])
def test_a_signature_that_is_missing_is_no_success(
    verify: Verifier, release: Release, gone: str
) -> None:
    (release.write().folder / gone).unlink()
    found = verify(release.folder)
    assert found.code == 1
    assert "NOT VERIFIED: " in found.out


def test_a_mistake_on_the_command_line_is_one_sentence(verify: Verifier, release: Release) -> None:
    folder = release.write().folder
    for found, words in (
        (verify(folder / "none"), "is no folder"),
        (verify(folder, "--commit", "abc"), "is no commit in full"),
        (verify(folder, trust=folder / SUMS), "is no root of trust"),
        (verify(folder, trust=folder / "none"), "could not be read"),
    ):
        assert found.code == 1
        assert words in found.error
        assert len(found.error.splitlines()) == 1

"""Who verifies a release is told of everything that is wrong with it, and of nothing else.

The releases here are made and signed by the tests, with a sigstore of their own; what verifies them
is the command that users have, in its own environment.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.release.fake_sigstore import Flaws, Run, Sigstore
from tests.release.small_release import (
    ATTESTATION,
    FUNCTIONS,
    IMAGE,
    IMAGE_DIGEST,
    PYZ,
    RUN,
    SOURCE,
    STATEMENT,
    SUMS,
    SUMS_SIGNATURE,
    VERSION,
    WHEEL,
    Release,
    bill,
    client,
    functions,
    sha,
    source,
    zipped,
)
from tools.environments import ROOT, make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIGSTORE = Sigstore()


@dataclass(frozen=True)
class Found:
    """What the command said."""

    code: int
    out: str
    error: str

    @property
    def document(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.out)
        return read

    def failed(self) -> dict[str, str]:
        """Return the checks that did not hold, with what was said of each."""
        checks = self.document["checks"]
        return {one["name"]: one["said"] for one in checks if one["passed"] is False}

    def unseen(self) -> set[str]:
        return {one["name"] for one in self.document["checks"] if one["passed"] is None}


class Verifier:
    """The command, in a process that stays."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [make("release") / "bin/python", ROOT / "tests/release/verifier.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, folder: Path, *options: str, trust: Path | None = None) -> Found:
        trust = trust or folder.parent / "trust.json"
        return self.run(str(folder), "--trust-config", str(trust), *options)

    def run(self, *words: str) -> Found:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        found = Found(**json.loads(self.process.stdout.readline()))
        assert "Traceback" not in found.error
        return found


@pytest.fixture(scope="module")
def verify() -> Iterator[Verifier]:
    made = Verifier()
    yield made
    with made.process as process:
        process.kill()


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path / "release", SIGSTORE)


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


# What is done to a good release → the check that must fail → words that must be in its sentence.

Harm = tuple["Callable[[Release], object]", str, str]


def signed_by(**other: str) -> Callable[[Release], object]:
    return lambda release: release.sign_sums(replace(RUN, **other))


def signed_with(flaws: Flaws) -> Callable[[Release], object]:
    return lambda release: release.sign_sums(flaws=flaws)


def attested(change: Callable[[dict[str, Any]], object]) -> Callable[[Release], object]:
    def harm(release: Release) -> None:
        statement = release.statement()
        change(statement)
        release.attest(statement)

    return harm


def signature_of_another_file(release: Release) -> None:
    release.put(SUMS_SIGNATURE, SIGSTORE.sign(b"another file", RUN))


def unsigned_provenance(release: Release) -> None:
    release.put(ATTESTATION, json.dumps(release.statement()).encode())


def altered_attestation(release: Release) -> None:
    path = release.folder / ATTESTATION
    bundle = json.loads(path.read_text())
    other = json.loads(json.dumps(SIGSTORE.attest(b"{}", RUN)))
    bundle["dsseEnvelope"]["payload"] = other["dsseEnvelope"]["payload"]
    release.put(ATTESTATION, bundle)


def build(statement: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = statement["predicate"]["buildDefinition"]
    return made


SUMS_SIGNED = f"signature of {SUMS}"
HARMS: dict[str, Harm] = {
    "altered artefact": (
        lambda one: one.put(PYZ, b"#!/usr/bin/env python3\nprint('mine')\n"),
        "digests",
        f"altered: {PYZ}",
    ),
    "missing file": (
        lambda one: (one.folder / FUNCTIONS).unlink(),
        "contents",
        f"{FUNCTIONS} is missing",
    ),
    "extra file": (lambda one: one.put("more", b""), "contents", "more is not in SHA256SUMS"),
    "extra signature": (
        lambda one: one.put("more.sigstore.json", b"{}"),
        "contents",
        "more.sigstore.json is not in SHA256SUMS",
    ),
    "sums altered": (
        lambda one: one.put(SUMS, one.sums() + f"{sha(b'')}  more\n".encode()),
        SUMS_SIGNED,
        "it is the signature of another file",
    ),
    "sums unreadable": (lambda one: one.put(SUMS, b"x\n"), "contents", "line 1 of SHA256SUMS"),
    "sums lead out": (
        lambda one: one.put(SUMS, f"{sha(b'')}  ../more\n".encode()),
        "contents",
        "line 1 of SHA256SUMS",
    ),
    "another workflow": (
        signed_by(workflow=".github/workflows/ci.yml"),
        SUMS_SIGNED,
        "somebody else signed",
    ),
    "another repository": (signed_by(repository="else/ecr-vend"), SUMS_SIGNED, "else/ecr-vend"),
    "a branch": (signed_by(ref="refs/heads/v1.2.0"), SUMS_SIGNED, "refs/heads/v1.2.0"),
    "another tag": (signed_by(ref="refs/tags/v1.1.0"), SUMS_SIGNED, "refs/tags/v1.1.0"),
    "another issuer": (
        signed_by(issuer="https://accounts.test"),
        SUMS_SIGNED,
        "another issuer vouches",
    ),
    "signature of another file": (
        signature_of_another_file,
        SUMS_SIGNED,
        "signature of another file",
    ),
    "certificate had ended": (
        signed_with(Flaws(signed_after=timedelta(minutes=11))),
        SUMS_SIGNED,
        "the certificate had ended",
    ),
    "no receipt": (
        signed_with(Flaws(unlogged_certificate=True)),
        SUMS_SIGNED,
        "in no log of certificates",
    ),
    "no log entry": (
        signed_with(Flaws(unlogged=True)),
        SUMS_SIGNED,
        "it is in no transparency log",
    ),
    "untrusted log": (
        signed_with(Flaws(untrusted_log=True)),
        SUMS_SIGNED,
        "the transparency log does not prove it",
    ),
    "wrong proof": (
        signed_with(Flaws(wrong_proof=True)),
        SUMS_SIGNED,
        "the transparency log does not prove it",
    ),
    "entry of another signature": (
        signed_with(Flaws(other_entry=True)),
        SUMS_SIGNED,
        "the log's entry is of another signature",
    ),
    "no bundle": (lambda one: one.put(SUMS_SIGNATURE, b"{}"), SUMS_SIGNED, "no sigstore bundle"),
    "a file signed by another": (
        lambda one: one.put(
            f"{PYZ}.sigstore.json", SIGSTORE.sign(one.files[PYZ], Run(repository="a/b"))
        ),
        "signatures of files",
        f"{PYZ} is not signed by {RUN.subject}",
    ),
    "attested by a branch": (
        lambda one: one.attest(one.statement(), replace(RUN, ref="refs/heads/main")),
        "provenance",
        "not attested by",
    ),
    "unsigned provenance": (unsigned_provenance, "provenance", "it is no sigstore bundle"),
    "a file's signature for provenance": (
        lambda one: one.put(ATTESTATION, SIGSTORE.sign(b"{}", RUN)),
        "provenance",
        "no attestation",
    ),
    "altered attestation": (altered_attestation, "provenance", "what it attests was altered"),
    "unlogged attestation": (
        lambda one: one.attest(one.statement(), flaws=Flaws(unlogged=True)),
        "provenance",
        "it is in no transparency log",
    ),
    "plain provenance differs": (
        lambda one: one.put(STATEMENT, b"{}"),
        "provenance",
        f"{STATEMENT} is not what was signed",
    ),
    "another run attested": (
        lambda one: one.sign_sums(replace(RUN, number="78")),
        "provenance",
        "another run signed SHA256SUMS",
    ),
    "another commit": (
        attested(
            lambda it: build(it)["resolvedDependencies"][0].update(digest={"gitCommit": "0" * 40})
        ),
        "provenance",
        f"its commit is '{'0' * 40}'",
    ),
    "another subject": (
        attested(lambda it: it["subject"][0].update(digest={"sha256": "0" * 64})),
        "provenance",
        f"it is of another {WHEEL}",
    ),
    "a subject less": (
        attested(lambda it: it["subject"].pop(0)),
        "provenance",
        f"{WHEEL} is no subject of it",
    ),
    "a subject more": (
        attested(lambda it: it["subject"].append({"name": "x", "digest": {"sha256": "0" * 64}})),
        "provenance",
        "it is also of x",
    ),
    "another builder": (
        attested(
            lambda it: it["predicate"]["runDetails"].update(builder={"id": "https://mine.test"})
        ),
        "provenance",
        "its builder is 'https://mine.test'",
    ),
    "a local build": (
        attested(lambda it: build(it).update(buildType="https://github.com/ecr-vend/local")),
        "provenance",
        "its build type is",
    ),
    "a run that was given inputs": (
        attested(lambda it: build(it)["externalParameters"].update(inputs={"ref": "mine"})),
        "provenance",
        "the run was given inputs",
    ),
    "another predicate": (
        attested(lambda it: it.update(predicateType="https://slsa.dev/provenance/v0.2")),
        "provenance",
        "its predicateType is",
    ),
}


@pytest.mark.parametrize("name", HARMS)
def test_a_release_that_was_tampered_with_is_refused_by_name(
    verify: Verifier, release: Release, name: str
) -> None:
    harm, check, words = HARMS[name]
    harm(release.write())
    found = verify(release.folder, "--json")
    assert found.code == 1
    assert words in found.failed()[check]
    assert found.document["verified"] is False
    assert found.document["verdict"].startswith("DO NOT USE: ")


# What the workflow itself got wrong: all of it properly signed.


def with_bill(name: str, content: bytes) -> dict[str, bytes]:
    return {name: content, f"{name}.cdx.json": bill(name, content)}


MADE_WRONG: dict[str, tuple[dict[str, bytes], str, str]] = {
    "bill of another artefact": (
        {f"{PYZ}.cdx.json": bill(PYZ, b"another")},
        "bills of materials",
        f"{PYZ}.cdx.json is the bill of another artefact",
    ),
    "bill against the schema": (
        {f"{PYZ}.cdx.json": b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "mine": 1}'},
        "bills of materials",
        "does not follow CycloneDX's schema",
    ),
    "bill of nothing": (
        {"x.cdx.json": bill("x", b"")},
        "bills of materials",
        "x.cdx.json is of x, which is not in the release",
    ),
    "bill of another version": (
        {f"{SOURCE}.cdx.json": bill(SOURCE, source(), "1.1.0")},
        "bills of materials",
        "is of version 1.1.0",
    ),
    "single file of another version": (
        with_bill(PYZ, zipped(client("1.1.0"))),
        "versions",
        f"{PYZ} says that it is 1.1.0",
    ),
    "wheel whose code and metadata differ": (
        with_bill(
            WHEEL, zipped(client() | {"ecr_vend/__init__.py": '__version__ = "1.1.0"\n'})
        ),
        "versions",
        "its metadata says 1.2.0, its code 1.1.0",
    ),
    "source of another version": (
        with_bill(SOURCE, source("1.1.0")),
        "versions",
        f"{SOURCE} says that it is 1.1.0",
    ),
    "functions of another commit": (
        with_bill(FUNCTIONS, functions(commit="0" * 40)),
        "versions",
        f"{FUNCTIONS} says that it is of {'0' * 40}",
    ),
    "no zip": (with_bill(PYZ, b"no zip"), "versions", f"{PYZ} cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE_WRONG)
def test_a_release_whose_parts_disagree_is_refused_though_it_is_signed(
    verify: Verifier, release: Release, name: str
) -> None:
    files, check, words = MADE_WRONG[name]
    release.files |= files
    found = verify(release.write().folder, "--json")
    assert found.code == 1
    assert words in found.failed()[check]
    assert found.failed().keys() == {check}


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

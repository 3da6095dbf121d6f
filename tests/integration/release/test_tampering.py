"""Whatever is wrong with a release is refused, in a sentence that names it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.release.fake_sigstore import Flaws, Run
from tests.release.small_release import (
    ATTESTATION,
    FUNCTIONS,
    IMAGE_BILL,
    PYZ,
    RUN,
    SIGSTORE,
    SOURCE,
    STATEMENT,
    SUMS,
    SUMS_SIGNATURE,
    WHEEL,
    Release,
    bill,
    client,
    functions,
    image_bill,
    sha,
    source,
    zipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.release.verification import Verifier


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
    "extra file of a name that a terminal obeys": (
        lambda one: one.put("\x1b[2Jmore", b""),
        "contents",
        "?[2Jmore is not in SHA256SUMS",
    ),
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
    "image's bill of something else": (
        {IMAGE_BILL: image_bill("application")},
        "bills of materials",
        f"{IMAGE_BILL} is the bill of something else than an image",
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

"""What a signed provenance must say, to be that of the release workflow's own run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tools.release.identity import BUILD_TYPE, PAYLOAD_TYPE, PREDICATE, STATEMENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.release.identity import Signer
    from tools.release.signatures import Certified


class Odd(Exception):
    """A provenance that says something else; the message says what."""


def read(kind: str, payload: bytes) -> dict[str, Any]:
    """Return the statement that an attestation holds.

    Raises:
        Odd: It holds something else.
    """
    try:
        document = json.loads(payload)
    except ValueError:
        raise Odd("what is signed is no JSON") from None
    if kind != PAYLOAD_TYPE or not isinstance(document, dict):
        raise Odd(f"what is signed is {kind!r} and no in-toto statement")
    for key, expected in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE)):
        if document.get(key) != expected:
            raise Odd(f"its {key} is {document.get(key)!r} and not {expected}")
    return document


def subjects(statement: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the digest of each file that a statement is about, and of each image.

    An image is what is named with its registry and folder; no file's name has a slash.

    Raises:
        Odd: A subject has no SHA-256, or is there twice.
    """
    files: dict[str, str] = {}
    images: dict[str, str] = {}
    listed = at(statement, "subject")
    for subject in listed if isinstance(listed, list) else []:
        name, digest = at(subject, "name"), at(subject, "digest", "sha256")
        if not isinstance(name, str) or not isinstance(digest, str):
            raise Odd("a subject of it has no name or no SHA-256")
        kind = images if "/" in name else files
        if name in kind:
            raise Odd(f"{name} is a subject of it twice")
        kind[name] = digest
    return files, images


def differing(files: dict[str, str], sums: Mapping[str, str], *, all_of_it: bool) -> Iterator[str]:
    """Yield in words where the subjects are not what the sums list."""
    for name, digest in sums.items():
        if name not in files:
            yield f"{name} is no subject of it"
        elif files[name] != digest:
            yield f"it is of another {name}"
    if all_of_it:
        for name in files.keys() - sums.keys():
            yield f"it is also of {name}, which is not in the release"


def commit_of(statement: dict[str, Any]) -> str | None:
    """Return the commit that a statement says it was built from."""
    listed = at(statement, "predicate", "buildDefinition", "resolvedDependencies")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(found := at(one, "digest", "gitCommit"), str):
            return found
    return None


def odd(statement: dict[str, Any], signer: Signer, certified: Certified) -> Iterator[str]:
    """Yield in words what is not as the signer's own run would say it.

    The workflow wrote the statement, GitHub what is in the certificate: whatever stands in both
    must agree, so that a run cannot claim another's commit.
    """
    build = ("predicate", "buildDefinition")
    workflow = (*build, "externalParameters", "workflow")
    run = ("predicate", "runDetails")
    expected = {
        "build type": ((*build, "buildType"), BUILD_TYPE),
        "repository": ((*workflow, "repository"), signer.source),
        "workflow": ((*workflow, "path"), signer.workflow),
        "ref": ((*workflow, "ref"), signer.ref),
        "builder": ((*run, "builder", "id"), signer.subject),
        "run": ((*run, "metadata", "invocationId"), certified.run),
    }
    for what, (path, value) in expected.items():
        if (said := at(statement, *path)) != value:
            yield f"its {what} is {said!r} and not {value}"
    if (commit := commit_of(statement)) != certified.commit:
        yield f"its commit is {commit!r}, the one that the workflow ran at {certified.commit}"
    if unknown := set(at(statement, *build, "externalParameters") or {}) - {"workflow"}:
        # The build type asks for this: what somebody put into a run may have changed the build.
        yield f"the run was given {', '.join(sorted(map(str, unknown)))}"
    if certified.ref != signer.ref:
        yield f"the certificate is for {certified.ref} and not {signer.ref}"
    if certified.repository != signer.source:
        yield f"the certificate is for {certified.repository} and not {signer.source}"
    if certified.runner != "github-hosted":
        yield f"it was built on a {certified.runner} runner"


def at(document: object, *path: str) -> Any:
    """Return what stands at a path of keys, None where it does not lead on."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document

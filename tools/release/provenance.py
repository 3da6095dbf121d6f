#!/usr/bin/env python3
"""Write where the artefacts of a release come from, into `dist/ecr-vend.intoto.json`.

    python3 tools/release/provenance.py                    # of dist
    python3 tools/release/provenance.py --image NAME@sha256:DIGEST

In GitHub Actions it names the workflow, its run and the commit. Elsewhere it says that this is a
local build, which `make verify-release` accepts of nobody. It is an in-toto statement with the
predicate of https://slsa.dev/spec/v1.0/provenance; `make sign` signs it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.environments import ROOT, Missing
from tools.locks import LOCKS
from tools.release.identity import (
    BUILD_TYPE,
    GITHUB,
    PREDICATE,
    REPOSITORY,
    STATEMENT,
    STATEMENT_TYPE,
)
from tools.release.sums import checked, digest
from tools.release.version import commit

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL_TYPE = f"{GITHUB}/{REPOSITORY}/local-build/v1"
"""The build type of what no workflow built. No verification takes it."""
LOCAL_BUILDER = f"{GITHUB}/{REPOSITORY}/local-build"
IMAGE = re.compile(r"(?P<name>[a-z0-9.:-]+(/[a-z0-9._-]+)+)@sha256:(?P<digest>[0-9a-f]{64})")

RFC_3339 = "%Y-%m-%dT%H:%M:%SZ"

STARTED = "BUILD_STARTED_ON"
"""The variable in which a workflow may say when the build began: GitHub has none for it."""

Document = dict[str, object]


def subjects(folder: Path, images: list[str]) -> list[Document]:
    """Return every artefact that the sums list, and every image, with its digest.

    Raises:
        Missing: The folder is not as its sums say, or an image is not named by its digest.
    """
    found: list[Document] = [
        {"name": name, "digest": {"sha256": digest}} for name, digest in checked(folder).items()
    ]
    for image in images:
        if not (match := IMAGE.fullmatch(image)):
            raise Missing(f"{image} is not HOST/NAME@sha256:DIGEST, with 64 hex digits")
        found.append({"name": match["name"], "digest": {"sha256": match["digest"]}})
    return found


def dependencies(source: str) -> list[Document]:
    """Return what the build took in: the commit, and each lock by its digest."""
    locks: list[Document] = [
        {"name": lock, "digest": {"sha256": digest(ROOT / lock)}} for lock in sorted(LOCKS)
    ]
    return [{"uri": f"git+{source}", "digest": {"gitCommit": commit()}}, *locks]


def workflow_run(variables: Mapping[str, str]) -> tuple[Document, Document]:
    """Return the build's definition and its run's details, as GitHub's variables tell them.

    Raises:
        Missing: A variable is not there, or the checkout is not of the run's commit.
    """

    def said(name: str) -> str:
        if not (value := variables.get(name)):
            raise Missing(f"{name} is not set, though GITHUB_ACTIONS is: run this in the workflow")
        return value

    if (built := commit()) != said("GITHUB_SHA"):
        raise Missing(f"the checkout is of {built}, the run of {said('GITHUB_SHA')}")
    server, repository = said("GITHUB_SERVER_URL"), said("GITHUB_REPOSITORY")
    reference = said("GITHUB_WORKFLOW_REF")
    # Both the path and the ref may hold an @, so neither is split off at one.
    path = reference.removeprefix(f"{repository}/").removesuffix(f"@{said('GITHUB_REF')}")
    source = f"{server}/{repository}"
    definition: Document = {
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "workflow": {"ref": said("GITHUB_REF"), "repository": source, "path": path},
            **inputs(variables),
        },
        "internalParameters": {
            "github": {
                "actor_id": said("GITHUB_ACTOR_ID"),
                "event_name": said("GITHUB_EVENT_NAME"),
                "repository_id": said("GITHUB_REPOSITORY_ID"),
                "repository_owner_id": said("GITHUB_REPOSITORY_OWNER_ID"),
                "runner_environment": said("RUNNER_ENVIRONMENT"),
            }
        },
        "resolvedDependencies": dependencies(f"{source}@{said('GITHUB_REF')}"),
    }
    run = f"{source}/actions/runs/{said('GITHUB_RUN_ID')}/attempts/{said('GITHUB_RUN_ATTEMPT')}"
    return definition, {
        "builder": {"id": f"{server}/{reference}"},
        "metadata": {"invocationId": run},
    }


def inputs(variables: Mapping[str, str]) -> Document:
    """Return what somebody put into a run that they started by hand, nothing where it is empty."""
    if not (path := variables.get("GITHUB_EVENT_PATH")):
        return {}
    given = json.loads(Path(path).read_text()).get("inputs") or {}
    told = {name: value for name, value in given.items() if value}
    return {"inputs": told} if told else {}


def local_run() -> tuple[Document, Document]:
    """Return the same of a build that no workflow made."""
    definition: Document = {
        "buildType": LOCAL_TYPE,
        "externalParameters": {"note": "local build", "command": "make dist"},
        "internalParameters": {},
        "resolvedDependencies": dependencies(f"{GITHUB}/{REPOSITORY}"),
    }
    return definition, {"builder": {"id": LOCAL_BUILDER}, "metadata": {}}


def statement(
    folder: Path, images: list[str], variables: Mapping[str, str], *, now: datetime
) -> Document:
    """Return the provenance of what is in a folder, all of it built by now.

    Raises:
        Missing: It cannot be told truly; the message says why.
    """
    if not (built := commit()) or built.endswith("-dirty"):
        where = "there is no git checkout" if not built else "files differ from the commit"
        raise Missing(f"{where}: a provenance names the commit that everything was built from")
    in_workflow = variables.get("GITHUB_ACTIONS") == "true"
    definition, details = workflow_run(variables) if in_workflow else local_run()
    metadata = details["metadata"]
    assert isinstance(metadata, dict)  # noqa: S101 for the type checker
    if began := variables.get(STARTED):
        metadata["startedOn"] = moment(began)
    metadata["finishedOn"] = now.strftime(RFC_3339)
    return {
        "_type": STATEMENT_TYPE,
        "subject": subjects(folder, images),
        "predicateType": PREDICATE,
        "predicate": {"buildDefinition": definition, "runDetails": details},
    }


def moment(text: str) -> str:
    """Return a time as the predicate wants it: RFC 3339, in UTC.

    Raises:
        Missing: It is no time, or of no zone.
    """
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        told = None
    if told is None or told.tzinfo is None:
        raise Missing(f"{STARTED} is {text!r}: write it like 2026-01-31T12:00:00Z")
    return told.astimezone(UTC).strftime(RFC_3339)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist", help="dist")
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="NAME@sha256:DIGEST",
        help="an image that the same run pushed; may be repeated",
    )
    arguments = parser.parse_args()
    try:
        now = datetime.now(tz=UTC)
        made = statement(arguments.folder, arguments.image, os.environ, now=now)
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    path = arguments.folder / STATEMENT
    path.write_text(json.dumps(made, indent=2) + "\n")
    print(path)
    if os.environ.get("GITHUB_ACTIONS") != "true":
        print("a local build: it says so, and no verification accepts it", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

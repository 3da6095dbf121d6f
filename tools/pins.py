#!/usr/bin/env python3
"""Hold every version to one place, and everything from outside to the bytes that were looked at.

    python3 tools/pins.py             # fill in what is not pinned yet; asks GitHub and the registry
    python3 tools/pins.py --upgrade   # take the newest release of each action, today's base image
    python3 tools/pins.py --check     # write nothing; fail where two places disagree
    python3 tools/pins.py --release   # the same, and fail while one pin is missing

Actions are pinned to commits and the base image to a digest, since whoever owns a tag can move it.
No pin is ever made up: what cannot be looked up stays missing, and no release is made meanwhile.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.environments import FUNCTIONS_PYTHON, ROOT, SUPPORTED, Missing
from tools.lookups import Action, Image, image_digest, newest, tags
from tools.release.version import version

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCKERFILE = Path("client/Dockerfile")
USES = re.compile(
    r"^(\s*(?:- )?uses: )(?!\./)([^@\s]+)@(\S+?)([ \t]+#[ \t]*(\S+).*)?$", re.MULTILINE
)
BASE = re.compile(r"^(ARG BASE=)(\S+)$", re.MULTILINE)
COMMIT = re.compile(r"[0-9a-f]{40}")
RELEASE = re.compile(r"v\d+\.\d+\.\d+")

FUNCTIONS_PLACES = {"template.yaml": r"^ +Runtime: python(\S+)$"}
"""File → where the functions' Python stands in it, besides `tools/environments.py`."""

BEST_PLACES = {"client/packaging/homebrew/ecr-vend.rb": r"\bpython@?(3\.\d+)"}
"""The same of the best supported Python, besides the base image."""

OLDEST_PLACES = {
    "client/pyproject.toml": r'^requires-python = ">=([\d.]+)"$',
    "pyproject.toml": r'^(?:target-version = "py|python_version = ")(3\.?\d+)"$',
}
"""The same of the oldest Python."""

SUPPORTED_PLACES = {
    "Makefile": r"^BOOT := (.*)$",
    "client/front/docker-credential-ecr-vend": r"^ *for found in (.*); do$",
    "client/ci/github/helper.js": r"^const PYTHONS = (.*);$",
    ".github/actions/python/action.yml": r"^ +python-version: \|\n((?: +[\d.]+\n)+)",
}
"""The same of all supported ones: each has to be named there."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it has to be.

    Attributes:
        place: The file, and the line where there is one.
        says: What is wrong there, and the cure.
        missing: It is only not filled in yet, which stops nothing but a release.
    """

    place: str
    says: str
    missing: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.says}"


def workflow_files(root: Path) -> list[Path]:
    """Return the files that may name an action."""
    return sorted(
        [
            *root.glob(".github/**/*.yml"),
            *root.glob(".github/**/*.yaml"),
            *root.glob("client/ci/github/*.yml"),
        ]
    )


def line_of(text: str, position: int) -> int:
    """Return the number of the line at a position."""
    return text.count("\n", 0, position) + 1


def actions(root: Path) -> Iterator[Action]:
    """Yield every use of an action that is not in this repository."""
    for path in workflow_files(root):
        text = path.read_text("utf-8")
        for found in USES.finditer(text):
            place = f"{path.relative_to(root).as_posix()}:{line_of(text, found.start())}"
            yield Action(place, found[2], found[3], found[5] or "")


def base_image(root: Path) -> Image | None:
    """Return the base image of the client's, None where there is no Dockerfile.

    Raises:
        Missing: The Dockerfile does not name it.
    """
    path = root / DOCKERFILE
    if not path.exists():
        return None
    if not (found := BASE.search(path.read_text("utf-8"))):
        raise Missing(f"{DOCKERFILE} has no line `ARG BASE=HOST/NAME:TAG@sha256:DIGEST`")
    return Image.parse(found[2])


def action_faults(root: Path) -> Iterator[Fault]:
    """Yield what is wrong with the actions: a tag in the place of a commit, or two commits."""
    seen: dict[str, Action] = {}
    for action in actions(root):
        if not COMMIT.fullmatch(action.ref):
            yield Fault(action.place, f"{action.name}@{action.ref} can be moved: run `make pin`")
            continue
        if not RELEASE.fullmatch(action.release):
            yield Fault(action.place, f"{action.name} lacks its `# vX.Y.Z`: run `make pin`")
        first = seen.setdefault(action.repository, action)
        if (first.ref, first.release) != (action.ref, action.release):
            yield Fault(
                action.place,
                f"{action.repository} is at {action.release} {action.ref[:12]} here and at "
                f"{first.release} {first.ref[:12]} in {first.place}: run `make pin ARGS=--upgrade`",
            )


def image_faults(root: Path) -> Iterator[Fault]:
    """Yield what is wrong with the base image."""
    image = base_image(root)
    if image is None:
        yield Fault(str(DOCKERFILE), "is not there", missing=True)
        return
    if not image.digest:
        yield Fault(str(DOCKERFILE), f"{image} has no digest yet: run `make pin`", missing=True)
    if not re.match(rf"{re.escape(SUPPORTED[0])}(?!\d)", image.tag):
        yield Fault(str(DOCKERFILE), f"{image} is not of Python {SUPPORTED[0]}, the best supported")
    text = (root / DOCKERFILE).read_text("utf-8")
    stages = {"${BASE}", "$BASE", "scratch"}
    for found in re.finditer(
        r"^FROM (?:--\S+ )*(\S+)(?: AS (\S+))?$", text, re.MULTILINE | re.IGNORECASE
    ):
        if found[1] not in stages:
            place = f"{DOCKERFILE}:{line_of(text, found.start())}"
            yield Fault(place, f"builds on {found[1]}, and every stage builds on ${{BASE}}")
        stages.add(found[2] or "")


def python_faults(root: Path) -> Iterator[Fault]:
    """Yield each place that names another Python than `tools/environments.py`."""
    if FUNCTIONS_PYTHON not in SUPPORTED:
        yield Fault("tools/environments.py", "FUNCTIONS_PYTHON is none of SUPPORTED")
    for wanted, places in (
        (FUNCTIONS_PYTHON, FUNCTIONS_PLACES),
        (SUPPORTED[0], BEST_PLACES),
        (SUPPORTED[-1], OLDEST_PLACES),
    ):
        for name, pattern in places.items():
            for place, said in said_in(root, name, pattern):
                if said.replace(".", "") != wanted.replace(".", ""):
                    yield Fault(place, f"says Python {said}, tools/environments.py {wanted}")
    for name, pattern in SUPPORTED_PLACES.items():
        for place, said in said_in(root, name, pattern):
            named = re.findall(r"3\.\d+", said)
            for lacking in sorted(set(SUPPORTED) - set(named)):
                yield Fault(place, f"does not name Python {lacking}, which is supported")


def uv_faults(root: Path) -> Iterator[Fault]:
    """Yield each place that names another uv than `requirements/uv.in`."""
    pattern = r"\buv==([\d.]+\d)|astral-sh/uv:v?([\d.]+\d)"
    wanted = next((said for _, said in said_in(root, "requirements/uv.in", pattern)), "none")
    names = [DOCKERFILE, *(path.relative_to(root) for path in workflow_files(root))]
    for name in ["requirements/uv.txt", *(name.as_posix() for name in names)]:
        if (root / name).exists():
            for place, said in said_in(root, name, pattern, required=False):
                if said != wanted:
                    yield Fault(place, f"says uv {said}, requirements/uv.in {wanted}")


def said_in(
    root: Path, name: str, pattern: str, *, required: bool = True
) -> Iterator[tuple[str, str]]:
    """Yield the place and text of what `pattern` finds in a file.

    Raises:
        Missing: It has to be there and is not.
    """
    text = (root / name).read_text("utf-8")
    found = list(re.finditer(pattern, text, re.MULTILINE))
    if required and not found:
        raise Missing(
            f"{name} does not say its version where tools/pins.py looks for it: {pattern}"
        )
    for one in found:
        yield f"{name}:{line_of(text, one.start())}", next(group for group in one.groups() if group)


def tag_faults() -> Iterator[Fault]:
    """Yield a fault where a tag started the workflow, and it is not that of the version."""
    tag = os.environ.get("GITHUB_REF_NAME", "")
    if os.environ.get("GITHUB_REF_TYPE") == "tag" and tag != f"v{version()}":
        yield Fault(f"tag {tag}", f"the version is {version()}: tag it as v{version()}")


def faults(root: Path) -> list[Fault]:
    """Return all that is wrong.

    Raises:
        Missing: A file does not name its version where it should.
    """
    return [
        *action_faults(root),
        *image_faults(root),
        *python_faults(root),
        *uv_faults(root),
        *tag_faults(),
    ]


def pin(root: Path, *, upgrade: bool) -> list[str]:
    """Fill in what is missing, all of it or nothing; what was written, a line each.

    Args:
        root: Of the repository.
        upgrade: Refresh what is pinned already as well.

    Raises:
        Missing: Something could not be looked up; the message says what.
    """
    resolved: dict[tuple[str, str], tuple[str, str]] = {}
    for action in actions(root):
        whole = COMMIT.fullmatch(action.ref) and RELEASE.fullmatch(action.release)
        if upgrade or not whole:
            key = (action.repository, action.ref)
            resolved[key] = newest(action, tags(action.repository), upgrade=upgrade)
    image = base_image(root)
    pinned = image
    if image and (upgrade or not image.digest):
        pinned = image.at(image_digest(image))
    written = []
    for path in workflow_files(root):
        text = path.read_text("utf-8")
        fresh = USES.sub(lambda found: pinned_use(found, resolved), text)
        if fresh != text:
            path.write_text(fresh, "utf-8")
            written.append(f"{path.relative_to(root)}: actions")
    if image and pinned != image:
        path = root / DOCKERFILE
        text = path.read_text("utf-8")
        path.write_text(BASE.sub(lambda found: f"{found[1]}{pinned}", text), "utf-8")
        written.append(f"{DOCKERFILE}: {pinned}")
    return written


def pinned_use(found: re.Match[str], resolved: dict[tuple[str, str], tuple[str, str]]) -> str:
    """Return the line of a workflow with its action at the commit that was looked up."""
    repository = "/".join(found[2].split("/")[:2])
    if (repository, found[3]) not in resolved:
        return found[0]
    commit, release = resolved[repository, found[3]]
    return f"{found[1]}{found[2]}@{commit} # {release}"


def check(root: Path, *, release: bool) -> int:
    """Print what is wrong and return the exit code."""
    found = faults(root)
    for fault in found:
        warns = fault.missing and not release
        print(f"{'warning: ' if warns else ''}{fault}", file=sys.stderr)
    if [fault for fault in found if fault.missing] and not release:
        print(
            "warning: no release can be made before `make pin` has filled this in", file=sys.stderr
        )
    return int(any(release or not fault.missing for fault in found))


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--upgrade", action="store_true", help="refresh what is pinned already")
    what.add_argument("--check", action="store_true", help="write nothing, fail on disagreement")
    parser.add_argument("--release", action="store_true", help="check, and let nothing be missing")
    arguments = parser.parse_args()
    try:
        if arguments.upgrade and arguments.release:
            parser.error("a release takes the pins as they are: no --upgrade")
        if arguments.check or arguments.release:
            return check(ROOT, release=arguments.release)
        for line in pin(ROOT, upgrade=arguments.upgrade) or ["nothing to pin"]:
            print(line)
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

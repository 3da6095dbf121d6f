"""The release before this one, as its own sources build it."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

from tools.environments import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BEFORE_THE_FIRST = "91923bbc1d9ede97fb484859bf5738dabcb9598f"
"""What is upgraded from until there is a release: the last commit whose stack had no prober."""


def git(*arguments: str) -> bytes:
    """Return what a git command prints."""
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout


def is_shallow() -> bool:
    """Return whether the clone has not the whole history."""
    return git("rev-parse", "--is-shallow-repository").strip() == b"true"


def previous_release() -> str:
    """Return the tag of the newest release before HEAD, or the commit that stands for one."""
    tags = git("tag", "--merged", "HEAD~1", "--list", "v*.*.*", "--sort=-version:refname")
    return tags.decode().split()[0] if tags.strip() else BEFORE_THE_FIRST


def checked_out(release: str, folder: Path) -> Path:
    """Put the files of a release into `folder` and return it."""
    with tarfile.open(fileobj=io.BytesIO(git("archive", "--format=tar", release))) as archive:
        archive.extractall(folder, filter="data")
    return folder


def bundle_of(release: Path) -> Path:
    """Build the functions of a checked-out release for this machine, with its own builder."""
    subprocess.run([sys.executable, "tools/artefacts/bundle.py", "host"], cwd=release, check=True)
    return release / "build/host"

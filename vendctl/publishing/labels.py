"""The label of a version: who wrote it and in which commit, as it stands in every record."""

from __future__ import annotations

import subprocess
from pathlib import Path

from vendctl.command_line import Failure
from vendctl.policy.document import STDIN

LONGEST = 64
GIVE_ONE = "give --label author/what"

GIT = ("git", "-c", "core.fsmonitor=false")
"""Without a checkout's own programs."""


def checked_label(label: str) -> str:
    """Return a label that AppConfig takes.

    AppConfig: 1 to 64 characters, not digits alone. It travels in a header, so: printable ASCII.
    https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_CreateHostedConfigurationVersion.html

    Raises:
        Failure: It is none.
    """
    if not 1 <= len(label) <= LONGEST:
        raise Failure(f"--label: {len(label)} characters: AppConfig takes 1 to {LONGEST}")
    if not (label.isascii() and label.isprintable()) or label != label.strip():
        raise Failure("--label: printable ASCII alone, without a space at either end")
    if label.isdecimal():
        raise Failure("--label: digits alone look like a version: write author/commit")
    return label


def label_of(file: str) -> str:
    """Return `author/commit` of the commit that last changed a file.

    Raises:
        Failure: It is in no checkout, or is not what was committed.
    """
    if file == STDIN:
        raise Failure(f"stdin has no author: {GIVE_ONE}")
    where = Path(file).resolve()
    folder, name = where.parent, where.name
    changed = git(folder, "status", "--porcelain", "--ignored", "--", name)
    if changed is None:
        raise Failure(f"{file} is in no git checkout of yours: {GIVE_ONE}")
    if changed:
        raise Failure(f"{file} is not as it was committed: commit it, or {GIVE_ONE}")
    wrote = git(folder, "log", "-1", "--format=%ae/%h", "--", name)
    if not wrote:
        raise Failure(f"{file} is in no commit: commit it, or {GIVE_ONE}")
    author, _, commit = wrote.rpartition("/")
    plain = "".join(one if one.isascii() and one.isprintable() else "_" for one in author)
    return f"{plain.strip()[: LONGEST - 1 - len(commit)]}/{commit}"


def unseen(file: str, label: str) -> bool:
    """Return whether a label names a commit that a file's checkout has, and its HEAD is not after.

    Then whoever publishes the file may undo what that commit changed.
    """
    commit = label.rpartition("/")[2]
    if file == STDIN or len(commit) < 7 or set(commit) - set("0123456789abcdef"):
        return False
    folder = Path(file).resolve().parent
    try:
        after = subprocess.run(
            [*GIT, "-C", folder, "merge-base", "--is-ancestor", commit, "HEAD"],
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    # 128: nobody here knows the commit, as in a shallow clone.
    return after.returncode == 1


def git(folder: Path, *words: str) -> str | None:
    """Return what git says of a folder, or None where it has nothing to say or is not there."""
    try:
        done = subprocess.run(
            [*GIT, "-C", folder, *words], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None

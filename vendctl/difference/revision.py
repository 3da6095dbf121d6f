"""A file as git has it at some revision, so that comparing needs no second checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

from vendctl.command_line import Failure

PREFIX = "git:"
SECONDS = 60


def committed(place: str) -> bytes | None:
    """Return the bytes at `git:REVISION:PATH`, or at `REVISION:PATH` where no file is called so.

    The path is counted from the top of the repository, as git counts it; one that begins with `./`
    from here. None where `place` does not name a revision.

    Raises:
        Failure: Git has no such thing, or there is no git.
    """
    named = place.removeprefix(PREFIX)
    revision, colon, path = named.partition(":")
    if not colon or (named == place and Path(place).exists()):
        if named != place:
            raise Failure(f"{place}: write git:REVISION:PATH, such as git:main:policy/policy.yaml")
        return None
    # What begins with a hyphen would be an option, and an empty revision the index.
    if not revision or revision.startswith("-") or not path:
        raise Failure(f"{place}: write REVISION:PATH, such as main:policy/policy.yaml")
    try:
        return subprocess.run(
            ["git", "cat-file", "blob", named],
            check=True,
            capture_output=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        ).stdout
    except FileNotFoundError:
        raise Failure(f"{place}: there is no such file, and no git to ask for a revision") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"{place}: git did not answer within {SECONDS} s") from None
    except subprocess.CalledProcessError as problem:
        said = problem.stderr.decode(errors="replace").strip().splitlines()
        raise Failure(
            f"{place}: there is no such file, and git says: {said[-1] if said else 'nothing'}"
        ) from None

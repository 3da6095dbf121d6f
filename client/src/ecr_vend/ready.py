"""Entries that the sh front prints without starting Python.

A fingerprint of the environment, the files the token depends on, the bytes to print, and which
entry's they are and how many, one line each. The front (`front/docker-credential-ecr-vend`)
composes the same fingerprint from the same variables and prints nothing unless it is equal to the
last byte, and the rest is as long as it was. Times are told by modification
times, which is all that sh can compare: an entry's own is when the token should be renewed, and a
marker beside it has the time of each file that it depends on.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_vend import private_files, tokens
from ecr_vend.cache import Cache
from ecr_vend.cache_files import READY
from ecr_vend.identity import FILE_VARIABLES, signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ecr_vend.cache import Token
    from ecr_vend.settings import Settings

VARIABLES = (
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "BOTO_CONFIG",
    "ECR_VEND_ACCESS",
    "ECR_VEND_CACHE_DIR",
    "ECR_VEND_CONFIG",
    "ECR_VEND_ENDPOINT",
    "ECR_VEND_GRANT",
    "ECR_VEND_PROFILE",
    "ECR_VEND_PULL",
    "ECR_VEND_PULL_THROUGH",
    "ECR_VEND_PUSH",
    "ECR_VEND_REASON",
    "ECR_VEND_REGION",
    "ECR_VEND_REGISTRIES",
    "ECR_VEND_ROLE",
    "ECR_VEND_SYSTEM_CONFIG",
    "ECR_VEND_TTL",
    "AWS_ACCESS_KEY_ID",
    "AWS_ACCOUNT_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_DEFAULT_OUTPUT",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_EXECUTION_ENV",
    "AWS_MAX_ATTEMPTS",
    "AWS_PAGER",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_RETRY_MODE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SDK_LOAD_CONFIG",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
"""Variables that an entry names with their values, in the order of the fingerprint."""

SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Variables that belong to AWS_ACCESS_KEY_ID. Their values are never written: only how long they
are. The key id already says whose they are."""

NAMED = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "ECR_VEND_PROFILE",
    "ECR_VEND_GRANT",
    "ECR_VEND_ACCESS",
)
"""Variables in an entry's file name: those who differ in them do not overwrite each other."""

SAFE = re.compile(r"[A-Za-z0-9./:_@%+=,~# -]*")
"""What sh handles without quoting rules; with anything else in a value Python answers."""

SAFE_PATH = re.compile(r"/[A-Za-z0-9./:_@%+=,~-]*")
SAFE_HOST = re.compile(r"[a-z0-9.:_-]{1,100}")
LONGEST_NAME = 240
CLAIM = ".asking~"
"""How the name begins of a file that says which process is about to write an entry."""


SETTLED = 2.0
"""Seconds a file must have been left alone: some shells compare whole seconds only, and a change
within the same one would go unseen."""


def fingerprint(host: str, environ: Mapping[str, str]) -> str | None:
    """Return the line that must be equal, None where the front would leave it to Python.

    Each value stands behind its variable's number and its own length, so that no two environments
    have one line, whatever their values hold. Numbers, since the shell reads byte by byte.
    """
    known = {*VARIABLES, *SECRET_VARIABLES}
    if any(name.startswith(("AWS_", "ECR_VEND_")) and name not in known for name in environ):
        return None
    parts = [
        f"{number}={len(environ[name])}:{environ[name]}"
        for number, name in enumerate(VARIABLES)
        if name in environ
    ]
    parts += [
        f"{number}={len(os.fsencode(environ[name]))}"
        for number, name in enumerate(SECRET_VARIABLES, len(VARIABLES))
        if name in environ
    ]
    if not all(SAFE.fullmatch(part) for part in parts):
        return None
    return ";".join([host, *parts, ""])


def name(host: str, environ: Mapping[str, str]) -> str | None:
    """Return an entry's file name, None where there can be none."""
    full = "~".join([host, *(environ.get(variable, "") for variable in NAMED)])
    return None if "/" in full or len(full) > LONGEST_NAME else full


def publish(
    host: str,
    token: Token,
    settings: Settings,
    environ: Mapping[str, str],
    *,
    clock: Callable[[], float] = time.time,
) -> None:
    """Write the entry for a host as callers name it, where the front can judge it exactly.

    Only where the cache still has the very token: not after an erasure or a wipe.
    """
    line, file = fingerprint(host, environ), name(host, environ)
    first = settings.managed(host)
    folder = settings.cache_dir / READY
    files = [*settings.seen, *token.dependencies.files]
    if (
        os.name == "nt"
        or not line
        or not file
        or not first
        or not token.fresh(clock())
        or token.dependencies.environment is not None
        or not SAFE_HOST.fullmatch(host)
        or not all(SAFE_PATH.fullmatch(path) for path in [*files, str(folder)])
        or not all(rooted(environ.get(variable, "/")) for variable in (*FILE_VARIABLES, "HOME"))
    ):
        return
    with contextlib.suppress(OSError):
        settled = clock() - SETTLED
        times = [modification(path, before=settled) for path in files]
        # Looked at once more now that their times are read: what is marked is what was in force
        # when the token was fetched.
        unchanged = all(signature(path) == was for path, was in settings.seen.items())
        if not unchanged or not token.dependencies.hold(environ):
            return
        known = zip(files, times, strict=True)
        seen = [f"!{path}" if at is None else f"={path}" for path, at in known]
        body = f'"Username":"AWS","Secret":"{token.password.reveal()}"}}'
        marks = [int((token.fetched - 1) * 1e9), *(at for at in times if at is not None)]
        if stands(folder / file, line, seen, body, marks):
            return
        cache = Cache(settings.cache_dir, environ, make=False)
        with cache.writing():
            if cache.load(first, tokens.wanted(first, settings, environ).key) != token:
                return
            private_files.open_folder(folder)
            mark = os.urandom(8).hex()
            for number, at in enumerate(marks):
                marker(folder / f"{mark}.{number}", at)
            content = "\n".join(entry(line, mark, seen, body)).encode()
            private_files.write(folder / file, content, modified=token.refresh)
            sweep(folder, clock())


def entry(line: str, mark: str, seen: list[str], body: str) -> list[str]:
    """Return the lines of an entry."""
    files = " ".join([mark, *seen])
    return [line, files, body, f"{mark} {len(files)} {len(body)}", ""]


def stands(path: Path, line: str, seen: list[str], body: str, marks: list[int]) -> bool:
    """Return whether an entry says this already; another call may have written it just now."""
    try:
        lines = private_files.read(path).decode().split("\n")
        mark = lines[1].partition(" ")[0]
        return lines == entry(line, mark, seen, body) and all(
            (path.parent / f"{mark}.{number}").stat().st_mtime_ns == at
            for number, at in enumerate(marks)
        )
    except (OSError, ValueError, IndexError):
        return False


def rooted(path: str) -> bool:
    """Return whether a path means the same in every working directory."""
    return not path or path.startswith(("/", "~/"))


def modification(path: str, *, before: float) -> int | None:
    """Return a file's modification time in ns since the epoch, None where there is no file.

    Raises:
        OSError: It cannot be looked at, or was changed too lately for sh to notice the next change.
    """
    try:
        found = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if found.st_mtime > before:
        raise private_files.Refused("changed just now")
    return found.st_mtime_ns


def marker(path: Path, at: int) -> None:
    """Make an empty file with a modification time."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    os.utime(path, ns=(at, at))


def erase(folder: Path, managed: Callable[[str], str | None], host: str) -> None:
    """Remove every entry for a registry, by whichever of its names it was asked for."""
    with contextlib.suppress(OSError):
        for path in list((folder / READY).iterdir()):
            asked, tilde, _ = path.name.partition("~")
            if tilde and managed(asked) == host:
                private_files.remove(path)


def sweep(folder: Path, now: float) -> None:
    """Remove entries whose time is over, markers that no entry names, and what killed calls left.

    Those are claims: of the calls that find no entry, the front lets one ask, who removes it.
    """
    named: set[str] = set()
    markers: list[Path] = []
    for path in list(folder.iterdir()):
        if "~" not in path.name or path.name.startswith(CLAIM):
            markers.append(path)
        elif mark := mark_of(path, now):
            named.add(mark)
        else:
            private_files.remove(path)
    for path in markers:
        # One that was made just now may belong to an entry that is about to be put in place, and a
        # claim goes by itself when its call ends.
        with contextlib.suppress(FileNotFoundError):
            if path.name.partition(".")[0] not in named and path.lstat().st_ctime < now - 60:
                private_files.remove(path)


def mark_of(path: Path, now: float) -> str:
    """Return what an entry's markers begin with, empty where it is over or none that is printed."""
    try:
        if path.lstat().st_mtime < now:
            return ""
        return os.fsdecode(private_files.read(path).split(b"\n")[1].partition(b" ")[0])
    except (OSError, IndexError):
        return ""

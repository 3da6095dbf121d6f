"""What the client did and why, for whoever asks: off unless ECR_VEND_LOG is `debug`.

To stderr, or to the file that ECR_VEND_LOG_FILE names: this user's alone, bounded, with one older
file beside it, whole lines however many processes write. A log that cannot be written never breaks
a call. No note holds a token, a secret key, a session token or a signature; what the environment
holds of those is taken out once more, whatever the note.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LEVEL = "debug"
"""The one level there is."""

OFF = frozenset({"", "off"})
"""What says in so many words that nothing is to be written; any other value means the same."""

LARGEST = 1 << 20
"""Bytes of a log file; the next line begins a new one, and the full one becomes `.1`."""

LONGEST = 300
"""Characters of one value."""

WAITING = 0.2
"""Seconds to wait for another process's line."""

SECRETS = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
)
"""Variables whose values stand in no log."""


def note(event: str, /, **values: object) -> None:
    """Write down that something happened, if anyone asked for it.

    Args:
        event: What, in a few words.
        values: What belongs to it; what is None is left out.
    """
    if os.environ.get("ECR_VEND_LOG") == LEVEL:
        _write(_line(event, values, os.environ))


def _line(event: str, values: Mapping[str, object], environ: Mapping[str, str]) -> str:
    import json
    import time

    from ecr_vend.errors import clean

    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z"
    parts = [
        f"{name}={json.dumps(clean(f'{value}', limit=LONGEST), ensure_ascii=False)}"
        for name, value in values.items()
        if value is not None
    ]
    line = " ".join([stamp, f"ecr-vend[{os.getpid()}]", event, *parts])
    for name in SECRETS:
        if secret := environ.get(name):
            line = line.replace(secret, "<redacted>")
    return line + "\n"


def _write(line: str) -> None:
    import contextlib
    import sys
    from pathlib import Path

    content = line.encode(errors="backslashreplace")
    if named := os.environ.get("ECR_VEND_LOG_FILE"):
        try:
            _append(Path(named), content)
        except OSError as error:
            content += f"ecr-vend: no log in {named}: {error.strerror or error}\n".encode(
                errors="backslashreplace"
            )
        else:
            return
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            # Past Python's buffer, so that a line is one write and processes do not mix theirs.
            os.write(sys.stderr.fileno(), content)


def _append(path: Path, content: bytes) -> None:
    """Add a line to the file; a new one where it would grow too large.

    Raises:
        OSError: The file is not this user's alone, or cannot be written.
    """
    import stat

    from ecr_vend import private_files
    from ecr_vend.private_files import Lock

    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | private_files.NO_LINKS
    with Lock.wait(path.with_name(f"{path.name}.lock"), WAITING):
        handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o600)
        try:
            found = os.fstat(handle)
            private_files.check(found, is_kind=stat.S_ISREG(found.st_mode))
            if found.st_size and found.st_size + len(content) > LARGEST:
                os.close(handle)
                path.replace(path.with_name(f"{path.name}.1"))
                handle = os.open(path, flags | os.O_EXCL, 0o600)
            os.write(handle, content)
        finally:
            os.close(handle)

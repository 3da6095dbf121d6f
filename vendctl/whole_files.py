"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from vendctl.command_line import Failure


def replace(file: str, content: bytes) -> None:
    """Put `content` in the place of what a file holds, with the same mode and owner.

    It is written beside the file and takes its name once it is on disk: whoever reads the file, or
    stops this, or has no room left, finds the old content or the new. A link stays one.

    Raises:
        Failure: It cannot be written, and is as it was.
    """
    target = Path(file).resolve()
    try:
        with target.open("r+b") as opened:  # says whether the file may be written at all
            was = os.fstat(opened.fileno())
        if not stat.S_ISREG(was.st_mode):
            raise Failure(f"{file}: this is no regular file")
        descriptor, beside = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(content)
                opened.flush()
                with suppress(PermissionError):  # another's file in a folder of ours
                    os.fchown(descriptor, was.st_uid, was.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(was.st_mode))
                os.fsync(descriptor)
            Path(beside).replace(target)
        finally:
            Path(beside).unlink(missing_ok=True)
    except OSError as problem:
        raise Failure(f"{file}: {problem.strerror}; it is as it was") from None

"""Files that only this user can read, in a folder that only this user can enter.

Whatever stands in the way (another owner, a symlink, open modes, a full or read-only disk) is a
`Refused`: the cache is then done without, never mended, because what another user could have put
there proves nothing.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from typing import TYPE_CHECKING, Self

from ecr_vend.deadline import Deadline

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

LARGEST = 256 * 1024
"""Bytes of the largest file worth reading; an ECR token has about 3 kB."""

OPEN_TO_OTHERS = 0o077
NO_LINKS = getattr(os, "O_NOFOLLOW", 0)


class Refused(OSError):
    """The file or folder cannot be trusted or used."""


def check(found: os.stat_result, *, is_kind: bool) -> None:
    """Refuse what is not of the kind expected, of another owner, or open to others."""
    if not is_kind:
        raise Refused("not the kind of file expected")
    if sys.platform != "win32" and (
        found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & OPEN_TO_OTHERS
    ):
        raise Refused("another user's, or open to others")


def open_folder(path: Path, *, make: bool = True) -> None:
    """Make the folder where it is missing, if asked to; see that it is this user's alone.

    Raises:
        OSError: It is not there, cannot be made, or is not.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        if not make:
            raise
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    check(found, is_kind=stat.S_ISDIR(found.st_mode))


def read(path: Path) -> bytes:
    """Return a private file's content.

    Raises:
        OSError: There is none, or it is not private, or too large.
    """
    # Non-blocking, so that a fifo someone put there does not hold the call up.
    handle = os.open(path, os.O_RDONLY | NO_LINKS | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "rb") as file:  # noqa: PTH123 a handle, not a path
        found = os.fstat(handle)
        check(found, is_kind=stat.S_ISREG(found.st_mode) and found.st_nlink == 1)
        if found.st_size > LARGEST:
            raise Refused("too large")
        return file.read(LARGEST)


def write(path: Path, content: bytes, *, modified: float | None = None) -> None:
    """Put a private file in place, whole or not at all.

    Args:
        path: Where; what was there is replaced.
        content: All of it.
        modified: Its modification time, seconds since the epoch; now when absent.

    Raises:
        OSError: It could not be written; what was there before still is.
    """
    draft = path.with_name(f".{os.getpid()}.{time.monotonic_ns():x}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINKS, 0o600)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 a handle, not a path
            file.write(content)
        if modified is not None:
            os.utime(draft, (modified, modified))
        draft.replace(path)
    except BaseException:
        remove(draft)
        raise


def remove(path: Path) -> None:
    """Remove a file that may be gone already."""
    with contextlib.suppress(OSError):
        path.unlink()


class Lock:
    """A lock that the system drops when its holder dies, however it dies."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def take(cls, path: Path) -> Lock | None:
        """Return the lock, or None when another process holds it.

        Raises:
            OSError: The file cannot be opened, or its file system knows no locks.
        """
        handle = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINKS, 0o600)
        try:
            found = os.fstat(handle)
            check(found, is_kind=stat.S_ISREG(found.st_mode))
            if _locked(handle) and _same(path, found):
                return cls(handle)
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        return None

    @classmethod
    def wait(cls, path: Path, seconds: float) -> Lock:
        """Return the lock once no other process holds it.

        Raises:
            OSError: As `take` does; TimeoutError when it is still held after some seconds.
        """
        deadline = Deadline(seconds)
        pause = 0.001
        while not (lock := cls.take(path)):
            if deadline.left() <= 0:
                raise TimeoutError("held by another process")
            time.sleep(pause)
            pause = min(pause * 2, 0.02)
        return lock

    def fileno(self) -> int:
        """Return the open file: a process that inherits it holds the lock as well."""
        return self._handle

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let another have it."""
        os.close(self._handle)


def _same(path: Path, found: os.stat_result) -> bool:
    """Return whether the file locked is still the one at its path, and not one swept away."""
    try:
        return os.path.samestat(path.lstat(), found)
    except FileNotFoundError:
        return False


def _locked(handle: int) -> bool:
    """Try to lock an open file; False when another holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True

"""The files of the cache: one folder of one user, in which writes and erasures keep apart.

Beside the tokens lies one file a registry whose content is random: its generation. Whoever asks for
a token reads it first, and stores what comes only where it is still the same, so what was erased or
wiped in the meantime stays so. One short lock keeps every write and every erasure apart.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from typing import TYPE_CHECKING

from ecr_vend import private_files
from ecr_vend.kept_token import SCHEMA
from ecr_vend.private_files import Lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FAILURE_LIFE = 60.0
LEFTOVER_AGE = 3600.0
"""Seconds after which the files of calls that were killed are swept away."""

WRITING = 2.0
"""Seconds to wait for others' writes, each of which takes a few milliseconds."""

READY = "ready"
"""The folder of the entries for the sh front; see `ready`."""

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""What a file system answers that knows no locks."""


class CacheFiles:
    """The folder, and what is in it. Writes nothing where anything is odd.

    Attributes:
        folder: Where it is.
        usable: Whether it is there and this user's alone.
    """

    def __init__(self, folder: Path, *, make: bool = True) -> None:
        self.folder = folder
        try:
            private_files.open_folder(folder, make=make)
        except OSError:
            self.usable = False
        else:
            self.usable = True

    def path(self, host: str, key: str, kind: str) -> Path:
        """Return where the token, lock or failure of a key is kept."""
        return self.folder / f"{host}-{key[:32]}.{kind}"

    def generation(self, host: str) -> bytes:
        """Return what tells whether `erase` or a wipe came between asking and storing.

        Empty where nothing can be stored; `store` takes that for an erasure.
        """
        path = self.generation_path(host)
        with contextlib.suppress(OSError), self.writing():
            with contextlib.suppress(OSError):
                if found := private_files.read(path):
                    os.utime(path)  # so that it is not swept away while it counts
                    return found
            fresh = os.urandom(8).hex().encode()
            private_files.write(path, fresh)
            return fresh
        return b""

    def generation_path(self, host: str) -> Path:
        """Return where the generation of a registry is kept."""
        return self.folder / f"{host}.generation"

    def current(self, host: str, since: bytes | None) -> bool:
        """Return whether nothing was erased since; to be asked while `writing`."""
        if since is None:
            return True
        try:
            return since == private_files.read(self.generation_path(host)) != b""
        except OSError:
            return False

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock that every write and every erasure takes, for a moment.

        Raises:
            OSError: It was not to be had, so nothing may be written.
        """
        if not self.usable:
            raise private_files.Refused("no cache")
        try:
            lock: contextlib.AbstractContextManager[object] = Lock.wait(
                self.folder / "writing.lock", WRITING
            )
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            lock = contextlib.nullcontext()
        with lock:
            yield

    @contextlib.contextmanager
    def writing_if_possible(self) -> Iterator[None]:
        """Hold the same lock for an erasure, which is not left undone for want of it."""
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):
                held.enter_context(self.writing())
            yield

    def sweep(self, now: float) -> None:
        """Remove what no call will read again, so that the folder does not grow."""
        if not self.usable:
            return
        with contextlib.suppress(OSError):
            for path in list(self.folder.iterdir()):
                if self._done_with(path, now):
                    private_files.remove(path)

    def _done_with(self, path: Path, now: float) -> bool:
        try:
            age = now - path.lstat().st_mtime
        except OSError:
            return False
        match path.suffix:
            case ".token":  # its time is set to the token's end
                return age > 0 and not self.of_a_newer_version(path)
            case ".failure" | ".renewal":
                return age > FAILURE_LIFE
            case ".new" | ".generation":
                return age > LEFTOVER_AGE
            case ".lock" if age > LEFTOVER_AGE:
                with contextlib.suppress(OSError):
                    if lock := Lock.take(path):
                        with lock:  # held while it goes, so that no one waits on a lock of the past
                            private_files.remove(path)
        return False

    def of_a_newer_version(self, path: Path) -> bool:
        """Return whether a later ecr-vend wrote a file: two versions do not undo each other."""
        schema = self.document(path).get("schema")
        return isinstance(schema, int) and schema > SCHEMA

    def document(self, path: Path) -> dict[str, object]:
        """Return the object a file holds, an empty one where its bytes are not what was written."""
        if not self.usable:
            return {}
        try:
            check, _, body = private_files.read(path).partition(b"\n")
            if check != hashlib.sha256(body).hexdigest().encode():
                return {}
            document = json.loads(body)
        except (OSError, ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def write(self, path: Path, document: Mapping[str, object]) -> None:
        """Put an object in place as `document` reads it, its time set to when it ends.

        Raises:
            OSError: It could not be written.
        """
        body = json.dumps(document).encode()
        expires = document.get("expires")
        private_files.write(
            path,
            hashlib.sha256(body).hexdigest().encode() + b"\n" + body,
            modified=expires if isinstance(expires, float) else None,
        )


def hosts_kept(folder: Path) -> Iterator[str]:
    """Yield the hosts that a cache folder has tokens of, by file name alone."""
    for host, _ in tokens_kept(folder):
        yield host


def tokens_kept(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files that should hold tokens, each with its host."""
    with contextlib.suppress(OSError):
        for path in sorted(folder.glob("*.token")):
            yield path.name[: -len("-.token") - 32], path

"""Tokens kept between calls.

One file a token, named after its registry and a digest of everything it was fetched with; see
`identity` for what that is. A file that is not exactly what was written counts as absent.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_vend import log, private_files
from ecr_vend.cache_files import READY, CacheFiles, hosts_kept, tokens_kept
from ecr_vend.errors import Problem
from ecr_vend.kept_token import PASSWORD, Token, document_of, token_from
from ecr_vend.private_files import Lock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["PASSWORD", "Cache", "Entry", "Token", "hosts_kept", "token_from"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What may be said of a kept token; the token itself is not in it.

    Attributes:
        host: The registry's first name.
        fetched: When it was asked for, seconds since the epoch.
        refresh: When it is renewed.
        expires: When it stops working.
        size: The bytes it takes on disk.
    """

    host: str
    fetched: float
    refresh: float
    expires: float
    size: int


class Cache(CacheFiles):
    """The tokens of one user on one machine. Works as an empty one where it cannot work."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *, make: bool = True) -> None:
        super().__init__(folder, make=make)
        self._environ = environ

    def load(self, host: str, key: str) -> Token | None:
        """Return the token kept under a key; None where there is none that may be served."""
        content = self.document(self.path(host, key, "token"))
        token = token_from(content, key)
        if token and not token.dependencies.hold(self._environ):
            log.note("kept, but what chose its credentials has changed", host=host)
            return None
        return token

    def store(
        self,
        host: str,
        key: str,
        token: Token,
        *,
        since: bytes | None = None,
        instead_of: Token | None = None,
    ) -> bool:
        """Keep a token, unless what it depends on has changed while it was fetched.

        Args:
            host: The registry's first name.
            key: What it was fetched with.
            token: The token.
            since: The generation from before it was asked for; only while that lasts.
            instead_of: The token it renews; only where that is still the one kept.

        Returns:
            Whether it is kept.
        """
        if not self.usable or not token.dependencies.hold(self._environ):
            return False
        path = self.path(host, key, "token")
        with contextlib.suppress(OSError), self.writing():
            if (
                not self.current(host, since)
                or (instead_of is not None and self.load(host, key) != instead_of)
                or self.of_a_newer_version(path)
            ):
                return False
            self.write(path, document_of(token, key))
            for kind in ("failure", "renewal"):
                private_files.remove(self.path(host, key, kind))
            return True
        return False

    def erase(self, host: str) -> None:
        """Drop every token of a registry, whoever it was fetched for, and those on their way."""
        log.note("erasing", host=host)
        if self.usable:
            with self.writing_if_possible():
                private_files.remove(self.generation_path(host))
                for kind in ("token", "failure", "renewal"):
                    for path in self.folder.glob(f"{host}-*.{kind}"):
                        private_files.remove(path)

    def clear(self) -> int:
        """Drop everything, entries for the sh front too; return how many tokens that were."""
        if not self.usable:
            return 0
        cleared = 0
        with self.writing_if_possible(), contextlib.suppress(OSError):
            # First of all, so that whatever is on its way is not stored however this ends.
            for path in self.folder.glob("*.generation"):
                private_files.remove(path)
            for path in list(self.folder.iterdir()):
                cleared += path.suffix == ".token"
                if path.suffix in {".token", ".failure", ".renewal", ".new"}:
                    private_files.remove(path)
            private_files.open_folder(self.folder / READY, make=False)
            for path in list((self.folder / READY).iterdir()):
                private_files.remove(path)
        return cleared

    def entries(self) -> tuple[list[Entry], int]:
        """Return what is kept, by host and time, and how many files are no tokens of ours.

        Damaged files and those of another version count as no tokens of ours.
        """
        found: list[Entry] = []
        others = 0
        for host, path in tokens_kept(self.folder) if self.usable else ():
            document = self.document(path)
            if token := token_from(document, str(document.get("key"))):
                size = path.lstat().st_size
                found.append(Entry(host, token.fetched, token.refresh, token.expires, size))
            else:
                others += 1
        return sorted(found, key=lambda entry: (entry.host, entry.expires)), others

    def try_lock(self, host: str, key: str) -> contextlib.AbstractContextManager[object] | None:
        """Return a context in which no other call asks for the same; None when another one does.

        Where nothing can be locked, everyone may ask.
        """
        if not self.usable:
            return contextlib.nullcontext()
        try:
            return Lock.take(self.path(host, key, "lock"))
        except OSError:
            return contextlib.nullcontext()

    def record_failure(
        self, host: str, key: str, problem: Problem, at: float, *, since: bytes | None = None
    ) -> None:
        """Tell the calls that want the same why there is no token, unless it was erased `since`."""
        document = {"at": at, "code": problem.code, "text": problem.text}
        with contextlib.suppress(OSError), self.writing():
            if self.current(host, since):
                self.write(self.path(host, key, "failure"), document)
                private_files.remove(self.path(host, key, "renewal"))

    def record_renewal(self, host: str, key: str, token: Token, at: float) -> bool:
        """Tell the calls that want the same that a process renews a token.

        Returns:
            Whether they can be told, and the token is still kept.
        """
        with contextlib.suppress(OSError), self.writing():
            if self.load(host, key) == token:
                self.write(self.path(host, key, "renewal"), {"at": at})
                return True
        return False

    def renewal(self, host: str, key: str) -> float | None:
        """Return when a process was started to renew a token that is still kept, if one was."""
        at = self.document(self.path(host, key, "renewal")).get("at")
        return at if isinstance(at, float) else None

    def failure(self, host: str, key: str, since: float, until: float = math.inf) -> Problem | None:
        """Return why another call failed from `since` until `until`, None if none did."""
        document = self.document(self.path(host, key, "failure"))
        at, code, text = (document.get(name) for name in ("at", "code", "text"))
        if not isinstance(at, float) or not since <= at <= until:
            return None
        try:
            return Problem.recorded(str(code), str(text))
        except KeyError:
            return None

"""Tokens kept between calls.

One file a token, named after its registry and a digest of everything it was fetched with; see
`identity` for what that is. A file that is not exactly what was written counts as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_vend import private_files
from ecr_vend.errors import Problem
from ecr_vend.identity import Dependencies
from ecr_vend.private_files import Lock
from ecr_vend.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SCHEMA = 1
LEAST_MARGIN = 60.0
"""Seconds before its end that a token is renewed at the latest, unless that is half its life."""

FAILURE_LIFE = 60.0
LEFTOVER_AGE = 3600.0
"""Seconds after which the files of calls that were killed are swept away."""

PASSWORD = re.compile(r"[!#-\[\]-~]{1,65536}")
"""What a password may hold: printable ASCII that JSON and a shell's `read -r` leave alone."""


@dataclass(frozen=True, slots=True)
class Token:
    """A vended registry password.

    Attributes:
        password: What the registry takes, with the user AWS.
        fetched: When it was asked for, seconds since the epoch by this machine's clock.
        expires: When it stops working, by the same clock.
        dependencies: What must not have changed for it to be served.
    """

    password: Secret
    fetched: float
    expires: float
    dependencies: Dependencies

    @property
    def refresh(self) -> float:
        """Return when to ask for another: a fifth of the life before its end.

        At least a minute, so that a pull may begin with it; at most half the life, so that a
        short token is cached at all.
        """
        life = self.expires - self.fetched
        return self.expires - min(max(life / 5, LEAST_MARGIN), life / 2)

    def alive(self, now: float) -> bool:
        """Return whether it works; not for a time before it was fetched: the clock went back."""
        return self.fetched - 1 <= now < self.expires

    def fresh(self, now: float) -> bool:
        """Return whether it need not be renewed yet."""
        return self.alive(now) and now < self.refresh


class Cache:
    """The tokens of one user on one machine. Works as an empty one where it cannot work."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self._environ = environ
        try:
            private_files.open_folder(folder)
        except OSError:
            self.usable = False
        else:
            self.usable = True

    def path(self, host: str, key: str, kind: str) -> Path:
        """Return where the token, lock or failure of a key is kept."""
        return self.folder / f"{host}-{key[:32]}.{kind}"

    def load(self, host: str, key: str) -> Token | None:
        """Return the token kept under a key; None where there is none that may be served."""
        content = self._document(self.path(host, key, "token"))
        token = token_from(content, key)
        return token if token and token.dependencies.hold(self._environ) else None

    def store(self, host: str, key: str, token: Token) -> None:
        """Keep a token, unless what it depends on has changed while it was fetched."""
        if not self.usable or not token.dependencies.hold(self._environ):
            return
        document = {
            "schema": SCHEMA,
            "key": key,
            "password": token.password.reveal(),
            "fetched": token.fetched,
            "expires": token.expires,
            "files": token.dependencies.files,
            "environment": token.dependencies.environment,
        }
        with contextlib.suppress(OSError):
            self._write(self.path(host, key, "token"), document)
            self.path(host, key, "failure").unlink(missing_ok=True)

    def erase(self, host: str) -> None:
        """Drop every token of a registry, whoever it was fetched for."""
        if self.usable:
            for path in self.folder.glob(f"{host}-*.token"):
                private_files.remove(path)

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

    def record_failure(self, host: str, key: str, problem: Problem, at: float) -> None:
        """Tell the calls that wait for the same why there is no token."""
        if self.usable:
            with contextlib.suppress(OSError):
                document = {"at": at, "code": problem.code, "text": problem.text}
                self._write(self.path(host, key, "failure"), document)

    def failure(self, host: str, key: str, since: float) -> Problem | None:
        """Return why another call failed at `since` or later, None if none did."""
        document = self._document(self.path(host, key, "failure"))
        at, code, text = (document.get(name) for name in ("at", "code", "text"))
        if not isinstance(at, float) or at < since:
            return None
        try:
            return Problem.recorded(str(code), str(text))
        except KeyError:
            return None

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
            case ".token":
                return age > 0  # its time is set to the token's end
            case ".failure":
                return age > FAILURE_LIFE
            case ".new":
                return age > LEFTOVER_AGE
            case ".lock" if age > LEFTOVER_AGE:
                with contextlib.suppress(OSError):
                    if lock := Lock.take(path):
                        with lock:  # held while it goes, so that no one waits on a lock of the past
                            private_files.remove(path)
        return False

    def _document(self, path: Path) -> dict[str, object]:
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

    def _write(self, path: Path, document: Mapping[str, object]) -> None:
        body = json.dumps(document).encode()
        expires = document.get("expires")
        private_files.write(
            path,
            hashlib.sha256(body).hexdigest().encode() + b"\n" + body,
            modified=expires if isinstance(expires, float) else None,
        )


def token_from(document: Mapping[str, object], key: str) -> Token | None:
    """Return the token a document describes, if it is one that was fetched with `key`."""
    if document.get("schema") != SCHEMA or document.get("key") != key:
        return None
    match document:
        case {
            "password": str() as password,
            "fetched": float() as fetched,
            "expires": float() as expires,
            "files": dict() as files,
            "environment": (str() | None) as environment,
        } if PASSWORD.fullmatch(password):
            return Token(Secret(password), fetched, expires, Dependencies(files, environment))
    return None


def hosts_kept(folder: Path) -> Iterator[str]:
    """Yield the hosts that a cache folder has tokens of, by file name alone."""
    with contextlib.suppress(OSError):
        for path in sorted(folder.glob("*.token")):
            yield path.name[: -len("-.token") - 32]

"""The token, in the one type that may hold it."""

from __future__ import annotations

import hashlib
from typing import NoReturn


class Token:
    """A registry password that shows itself only to who asks for it by name.

    Its repr, str and format redact it, and it cannot be pickled or copied into a record, so that
    a log line, a traceback with locals or a serialised exception never carries it.
    """

    __slots__ = ("_password",)

    def __init__(self, password: str) -> None:
        self._password = password

    def reveal(self) -> str:
        """Return the password. The HTTP answer is the only place that calls this."""
        return self._password

    def digest(self) -> bytes:
        """Return the SHA-256 of the password's bytes: what the ledger's HMAC is made of."""
        return hashlib.sha256(self._password.encode()).digest()

    def __repr__(self) -> str:
        return "Token(redacted)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not serialised")

"""A token with its times, and the document that it is kept as."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_vend.identity import Dependencies
from ecr_vend.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
LEAST_MARGIN = 60.0
"""Seconds before its end that a token is renewed at the latest, unless that is half its life."""

LONGEST_LIFE = 12 * 3600.0
"""Seconds that AWS lets any ECR token work (GetAuthorizationToken, Amazon ECR API reference)."""

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
        """Return when to ask for another: a third of the life before its end.

        Of a quarter of an hour that is as long as BuildKit keeps a password, 4 min 50 s. At least a
        minute, so that a pull may begin with it; at most half the life, so that a short token is
        cached at all.
        """
        life = self.expires - self.fetched
        return self.expires - min(max(life / 3, LEAST_MARGIN), life / 2)

    def alive(self, now: float) -> bool:
        """Return whether it works; not for a time before it was fetched: the clock went back."""
        return self.fetched - 1 <= now < self.expires

    def fresh(self, now: float) -> bool:
        """Return whether it need not be renewed yet."""
        return self.alive(now) and now < self.refresh


def document_of(token: Token, key: str) -> dict[str, object]:
    """Return the document from which `token_from` makes the same token."""
    return {
        "schema": SCHEMA,
        "key": key,
        "password": token.password.reveal(),
        "fetched": token.fetched,
        "expires": token.expires,
        "files": token.dependencies.files,
        "environment": token.dependencies.environment,
    }


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
        } if PASSWORD.fullmatch(password) and fetched < expires <= fetched + LONGEST_LIFE:
            return Token(Secret(password), fetched, expires, Dependencies(files, environment))
    return None

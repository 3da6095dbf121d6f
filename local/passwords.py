"""The registry passwords that the emulator has handed out, and who holds each.

ECR's own token is opaque and undocumented; what matters is that it acts as the session that asked
for it, and that it declares twelve hours. Ours is random, and kept here under its digest.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DECLARED_LIFE = 12 * 3600
"""Seconds that ECR says a token lives, whatever session asked for it."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a password acts as.

    Attributes:
        access_key: The key under which the emulator's IAM knows the session.
        expires: Unix time.
    """

    access_key: str
    expires: float


@dataclass
class Passwords:
    """All passwords of one emulator.

    Attributes:
        clock: Gives the Unix time.
    """

    clock: Callable[[], float]
    _held: dict[str, Holder] = field(default_factory=dict, repr=False)

    def issue(self, access_key: str) -> tuple[str, Holder]:
        """Return a new password that acts as `access_key`, and its holder."""
        password = secrets.token_urlsafe(96)
        holder = Holder(access_key, self.clock() + DECLARED_LIFE)
        self._held[fingerprint(password)] = holder
        return password, holder

    def holder(self, authorization: str) -> Holder | None:
        """Return who presents an `Authorization` header: None unless it is Basic, AWS and known.

        An expired one is returned like any other: the registry answers it in another way.
        """
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return self._held.get(fingerprint(password)) if user == "AWS" else None

    def expired(self, holder: Holder) -> bool:
        """Return whether the declared life is over."""
        return self.clock() >= holder.expires


def fingerprint(password: str) -> str:
    """Return the digest a password is kept under: looking it up takes no secret-dependent time."""
    return hashlib.sha256(password.encode()).hexdigest()


def authorization_token(password: str) -> str:
    """Return ECR's `authorizationToken` for a password: base64 of `AWS:<password>`."""
    return base64.b64encode(f"AWS:{password}".encode()).decode()

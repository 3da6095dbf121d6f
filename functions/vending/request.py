"""What a caller asks for, and what the stack allows whatever the policy says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from vending.access import Access


@dataclass(frozen=True, slots=True)
class VendRequest:
    """What a caller asks for, already known to be well formed.

    Either lists of literal repositories by access, or none of them and `access` for all that is
    granted up to that access.

    Attributes:
        registry: Name of the registry.
        repositories: Literal names by access; empty to ask for all that is granted.
        access: The highest access wanted where no repository is named.
        ttl: How long the token should work at most, or None for as long as the policy allows.
        grant: Name of the one grant to draw on, or None.
        reason: Why, in the caller's words.
    """

    registry: str
    repositories: dict[Access, tuple[str, ...]] = field(default_factory=dict)
    access: Access = Access.PULL
    ttl: timedelta | None = None
    grant: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the stack allows, whatever the policy says.

    Attributes:
        longest: The longest life of a token.
        shortest: The shortest that may be asked for.
    """

    longest: timedelta = timedelta(hours=1)
    shortest: timedelta = timedelta(minutes=1)

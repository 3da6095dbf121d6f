"""What a probe proves, one sentence each. It talks to ports only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vending.token import Token

ADMITTED = frozenset({200, 404})
"""Statuses of a registry that let a request in; 404 where it then found nothing."""

DENIED = 403
"""Status of a registry that knows the token and refuses what it asks. A token that it does not
know is 401, which proves nothing about scope."""


class Unreachable(Exception):
    """Nothing answered; the message says what was asked and names the error's type."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered.

    Attributes:
        status: HTTP status.
        code: Of the error, or empty.
        token: The registry's password, where one was vended.
        scope: Repositories by access, where one was vended.
    """

    status: int
    code: str = ""
    token: Token | None = None
    scope: dict[str, list[str]] | None = None

    def __str__(self) -> str:
        """Return status and code, for whoever reads why a proof failed."""
        return f"{self.status} {self.code}".rstrip()


class Door(Protocol):
    """A way to ask the service for a token that pulls the prober's repository.

    Each method raises `Unreachable` when nothing answered.
    """

    def granted(self) -> Answer:
        """Ask as the prober, for what it is granted."""

    def refused(self) -> Iterator[tuple[str, str, Answer]]:
        """Yield what must be refused, in words, the code of the refusal, and the answer."""


class Registry(Protocol):
    """The registry that tokens are for."""

    def status(self, method: str, path: str, token: Token) -> int:
        """Return the HTTP status of one request with the token as its password.

        Raises:
            Unreachable: Nothing answered.
        """


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was tried.

    Attributes:
        claim: What must hold.
        held: Whether it did.
        seen: What was answered; never a token.
        code: Of the service's error, where it answered with one.
    """

    claim: str
    held: bool
    seen: str
    code: str = ""


def prove(door: Door, registry: Registry, repository: str) -> Iterator[Proof]:
    """Yield a proof for each thing that must hold, those about refusals whatever came before.

    Args:
        door: How to ask the service.
        registry: Where its tokens are tried.
        repository: The one that the prober is granted to pull.
    """
    try:
        answer = door.granted()
        vended = answer.status == 200 and answer.scope == {"pull": [repository]}
        yield Proof("the prober is vended a token", vended, str(answer), answer.code)
        if vended and answer.token:
            yield from tried(registry, repository, answer.token)
        # Any other refusal may have another reason, and proves nothing.
        for claim, code, refusal in door.refused():
            held = (refusal.status, refusal.code) == (403, code)
            yield Proof(claim, held, str(refusal), refusal.code)
    except Unreachable as silence:
        yield Proof("the service and the registry answer", held=False, seen=str(silence))


def tried(registry: Registry, repository: str, token: Token) -> Iterator[Proof]:
    """Yield what the registry makes of the token."""
    pulled = registry.status("GET", f"/v2/{repository}/tags/list", token)
    yield Proof("the token reads its repository", pulled in ADMITTED, str(pulled))
    other = registry.status("GET", f"/v2/{repository}-other/tags/list", token)
    yield Proof("the token reads no other repository", other == DENIED, str(other))
    pushed = registry.status("POST", f"/v2/{repository}/blobs/uploads/", token)
    yield Proof("the token writes nothing", pushed == DENIED, str(pushed))

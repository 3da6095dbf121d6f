"""Why a policy answers a caller as it does: the question, and the answer as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from vendctl.explaining.near_misses import Compared
    from vending.access import Access
    from vending.caller import Caller
    from vending.decision import Decision
    from vending.errors import Refusal
    from vending.monitoring import Monitored
    from vending.request import VendRequest

ANYWHERE = "203.0.113.1"
"""What stands for the address of the caller (RFC 5737)."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a caller.

    Attributes:
        caller: Who.
        repository: A literal one, or None for all that the caller may have.
        access: Of what kind; None for pull of a repository, or for the most that is granted.
        registry: Its name; None for the default one, or for all where no repository is named.
        grant: The one grant that the request names, or None.
        ttl: How long the token should work at most, or None.
        source_ip: The address that it is asked from.
        every: Whether every grant is to be compared, and not only the nearest.
    """

    caller: Caller
    repository: str | None = None
    access: Access | None = None
    registry: str | None = None
    grant: str | None = None
    ttl: timedelta | None = None
    source_ip: str = ANYWHERE
    every: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """What ends a token.

    Attributes:
        words: Such as `max_ttl of the grant payments-ci`.
        entry: Where that stands in the policy, such as `("grants", 3, "max_ttl")`; empty if it does
            not.
        at: When.
    """

    words: str
    entry: tuple[str | int, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """A rule that takes something away from the caller, whatever is granted.

    Attributes:
        rule: `deny NAME`, `ceiling.accounts` or `ceiling.repositories`.
        entry: Where it stands in the policy.
        what: Its patterns: those that a deny takes, or those that the ceiling leaves.
    """

    rule: str
    entry: tuple[str | int, ...]
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """A rule in monitor mode that would have changed a decision.

    Attributes:
        monitored: What it would have done.
        entry: Where it stands in the policy.
    """

    monitored: Monitored
    entry: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request of the caller's comes to.

    Attributes:
        request: For which the token would be.
        decision: Of the evaluator.
        refusal: Why there would be no token, or None; a scope that fits no session policy is one.
        bound: What ends the token first, or None if there is none.
        session_policy: As it would be sent, empty if there would be no token.
        planned: What rules in monitor mode would have done to the decision.
    """

    request: VendRequest
    decision: Decision
    refusal: Refusal | None
    bound: Bound | None
    session_policy: str
    planned: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A grant that the caller has, and what a token by it alone would be.

    Attributes:
        compared: The grant, and how it matched.
        outcome: Of a request that names it.
    """

    compared: Compared
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a policy answers a caller as it does.

    Attributes:
        question: What was asked.
        at: The time of the question.
        outcomes: What the request comes to, in each registry that is asked about.
        held: The grants that are for this caller and what it asks for, in policy order.
        taken: What takes something of that away.
        near: The grants that miss, nearest first: where none matches, or all are asked for.
        others: How many grants miss in all.
        revokes: Whether the policy names the caller as one who revokes tokens and blocks callers.
        audits: Whether it names the caller as one who reads the records of vends.
    """

    question: Question
    at: datetime
    outcomes: tuple[Outcome, ...]
    held: tuple[Held, ...]
    taken: tuple[Taken, ...]
    near: tuple[Compared, ...]
    others: int
    revokes: bool
    audits: bool

    @property
    def allowed(self) -> bool:
        """Whether there would be a token."""
        return any(outcome.refusal is None for outcome in self.outcomes)

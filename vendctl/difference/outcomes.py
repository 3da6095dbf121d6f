"""What the two documents decide, asked of `decide` itself, today and on every day that matters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from vending.decision import decide
from vending.request import Limits, VendRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vending.access import Access
    from vending.caller import Caller
    from vending.policy import Policy

LAST_SECOND = time(23, 59, 59)
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of both documents.

    Attributes:
        registry: Its name.
        repository: A literal name, or None for all that is granted.
        access: Which.
        old_grant: The one grant that the request names, as it is called in the old document.
        new_grant: The same in the new one; None where the request names none.
    """

    registry: str
    repository: str | None
    access: Access
    old_grant: str | None = None
    new_grant: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a caller gets.

    Attributes:
        lifetime: Of its token.
        bound: Whether the token works from its address alone.
        break_glass: Whether it must say why.
        cut: Whether a token of this day ends at midnight at the latest, as a grant expires.
    """

    lifetime: timedelta
    bound: bool
    break_glass: bool
    cut: bool

    def is_at_least(self, other: Outcome) -> bool:
        """Return whether nothing about it is narrower than about the other."""
        return (
            self.lifetime >= other.lifetime
            and self.bound <= other.bound
            and self.break_glass <= other.break_glass
            and self.cut <= other.cut
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days on which both documents decide the same as on the first of them.

    Attributes:
        first: In UTC.
        last: In UTC; None where there is no end.
        old: What the old document gives; None for a refusal.
        new: What the new one gives.
    """

    first: date
    last: date | None
    old: Outcome | None
    new: Outcome | None

    @property
    def differs(self) -> bool:
        """Whether the documents disagree."""
        return self.old != self.new


Timeline = tuple[Stretch, ...]
"""Stretches from today to the end of time, each beginning the day after the one before ends."""


Days = tuple[date, date | None, bool]
"""A stretch of days: its first, its last, and whether it is the last day of a grant."""


def outcome(
    policy: Policy,
    caller: Caller,
    question: Question,
    *,
    grant: str | None,
    day: date,
    may_be_cut: bool,
) -> Outcome | None:
    """Return what a document gives a caller on a day; None where it refuses.

    Args:
        policy: The document.
        caller: Who asks.
        question: What for.
        grant: The grant that is named, as this document calls it.
        day: When.
        may_be_cut: Whether some grant expires on the day, so that its last hour differs.
    """
    request = VendRequest(
        registry=question.registry,
        repositories={question.access: (question.repository,)} if question.repository else {},
        access=question.access,
        grant=grant,
        reason="what does this change",
    )
    lifetimes = []
    for moment in (time(), LAST_SECOND) if may_be_cut else (time(),):
        now = datetime.combine(day, moment, UTC)
        decision = decide(policy, caller, request, now=now, limits=Limits())
        if decision.refusal or decision.expires_at is None:
            return None
        lifetimes.append(decision.expires_at - now)
    return Outcome(
        lifetimes[0],
        decision.bind_source_ip,
        decision.break_glass,
        cut=lifetimes[-1] < lifetimes[0],
    )


def timeline(
    policies: tuple[Policy, Policy],
    caller: Caller,
    question: Question,
    *,
    days: Sequence[Days],
) -> Timeline:
    """Return what both documents decide from today on.

    Args:
        policies: The old one and the new one.
        caller: Who asks.
        question: What for.
        days: What `stretches` returns.
    """
    grants = (question.old_grant, question.new_grant)
    found: list[Stretch] = []
    for first, last, may_be_cut in days:
        old, new = (
            outcome(policy, caller, question, grant=grant, day=first, may_be_cut=may_be_cut)
            for policy, grant in zip(policies, grants, strict=True)
        )
        if found and (found[-1].old, found[-1].new) == (old, new):
            first = found.pop().first  # noqa: PLW2901  one stretch of both
        found.append(Stretch(first, last, old, new))
    return tuple(found)


def stretches(expiries: Iterable[date | None], *, today: date) -> Iterator[Days]:
    """Yield the stretches of days on which no grant ceases to count, from today on."""
    first = today
    days = {day for day in expiries if day is not None and day >= today}
    # After the calendar's last day there is none to count to.
    for expiry in sorted(days - {date.max}):
        if expiry > first:
            yield first, expiry - A_DAY, False
        yield expiry, expiry, True
        first = expiry + A_DAY
    yield first, None, False

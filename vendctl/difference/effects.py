"""What a change of a decision is to whom it concerns: gained, lost, longer, shorter, bound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vendctl.difference.outcomes import Outcome, Stretch, Timeline


class Kind(StrEnum):
    """Kinds of effects, the most dangerous first."""

    GAINS = "gains"
    EXPIRES_LATER = "expires-later"
    NO_REASON = "needs-no-reason"
    UNBOUND = "no-longer-bound"
    LONGER = "lives-longer"
    UNCUT = "no-longer-cut"
    LOSES = "loses"
    EXPIRES_EARLIER = "expires-earlier"
    REASON = "needs-a-reason"
    BOUND = "bound"
    SHORTER = "lives-shorter"
    CUT = "cut"


ORDER = list(Kind)


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that is not as it was.

    Attributes:
        kind: What it is.
        first: The first day on which it is so; None for at once.
        last: The last day; None for no end.
        before: What it was: a lifetime, or a last day; None where there is none.
        after: What it is now.
    """

    kind: Kind
    first: date | None = None
    last: date | None = None
    before: timedelta | date | None = None
    after: timedelta | date | None = None


def effects(answers: Timeline) -> tuple[Effect, ...]:
    """Return what a timeline's changes are, the most dangerous first.

    Grants end and never begin, so whoever is granted something some day is granted it today.
    """
    today = answers[0]
    found: list[Effect] = []
    last_old, last_new = _last(answers, "old"), _last(answers, "new")
    if today.new and not today.old:
        found.append(Effect(Kind.GAINS, last=last_new, after=today.new.lifetime))
    elif today.old and not today.new:
        found.append(Effect(Kind.LOSES, before=today.old.lifetime))
    elif today.old and last_old != last_new:
        later = (last_new or date.max) > (last_old or date.max)
        kind = Kind.EXPIRES_LATER if later else Kind.EXPIRES_EARLIER
        found.append(Effect(kind, before=last_old, after=last_new))
    limits: list[Effect] = []
    for stretch in answers:
        if stretch.old and stretch.new and stretch.differs:
            _extend(limits, stretch, _limits(stretch.old, stretch.new), begins=stretch is today)
    # That tokens are cut at midnight goes without saying where the last day is another.
    quiet = {Kind.CUT, Kind.UNCUT} if found else set()
    # Nor that a token's limits last as long as there are tokens.
    end = last_new if last_old == last_new else None
    found += [
        replace(one, last=None) if one.last == end else one
        for one in limits
        if one.kind not in quiet
    ]
    return tuple(sorted(found, key=lambda one: ORDER.index(one.kind)))


def _last(answers: Timeline, side: str) -> date | None:
    """Return the last day on which a document grants it; None where there is none or no end."""
    granted = [one for one in answers if getattr(one, side)]
    return granted[-1].last if granted else None


_Limit = tuple[Kind, timedelta | None, timedelta | None]
"""What is not as it was, and what it was and is, where that is a length."""


def _limits(old: Outcome, new: Outcome) -> Iterator[_Limit]:
    if new.lifetime != old.lifetime:
        kind = Kind.LONGER if new.lifetime > old.lifetime else Kind.SHORTER
        yield kind, old.lifetime, new.lifetime
    if new.bound is not old.bound:
        yield Kind.BOUND if new.bound else Kind.UNBOUND, None, None
    if new.break_glass is not old.break_glass:
        yield Kind.REASON if new.break_glass else Kind.NO_REASON, None, None
    if new.cut is not old.cut:
        yield Kind.CUT if new.cut else Kind.UNCUT, None, None


def _extend(
    limits: list[Effect],
    stretch: Stretch,
    kinds: Iterator[_Limit],
    *,
    begins: bool,
) -> None:
    """Add what a stretch of days changes to what those before it do."""
    first = None if begins else stretch.first
    for kind, before, after in kinds:
        same = next(
            (
                at
                for at, one in enumerate(limits)
                if (one.kind, one.before, one.after) == (kind, before, after)
                and one.last
                and one.last + timedelta(days=1) == stretch.first
            ),
            None,
        )
        started = first if same is None else limits.pop(same).first
        limits.append(Effect(kind, started, stretch.last, before, after))

"""All that is not the same under two documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vendctl.difference.comparison import compare
from vendctl.difference.effort import Effort
from vendctl.difference.grouping import grouped
from vendctl.difference.rights import rights
from vendctl.difference.rules import Rules

if TYPE_CHECKING:
    from datetime import date

    from vendctl.difference.changes import Change
    from vendctl.difference.outcomes import Question
    from vendctl.difference.real_names import RealNames
    from vendctl.difference.rights import RightChange
    from vending.caller import Caller
    from vending.policy import Policy


@dataclass(frozen=True, slots=True)
class NameChange:
    """A name that requests may give in `grant` now, or no longer, and what can be had is the same.

    Attributes:
        old: What the grant was called; None where there was none.
        new: What it is called; None where it is gone.
        caller: A caller that shows it.
        question: What to ask about that caller.
    """

    old: str | None
    new: str | None
    caller: Caller
    question: Question


@dataclass(frozen=True, slots=True)
class Difference:
    """What a change of the policy does. There is none exactly when every decision is the same.

    Attributes:
        changes: What somebody gets, the most dangerous first.
        rights: Who may revoke and audit.
        names: Names of grants that requests may give now, or no longer.
        is_exhaustive: Whether all was looked at. Where it was not, what is said is true all the
            same, and there may be more.
    """

    changes: tuple[Change, ...]
    rights: tuple[RightChange, ...]
    names: tuple[NameChange, ...]
    is_exhaustive: bool

    def __bool__(self) -> bool:
        """Return whether anything changes."""
        return bool(self.changes or self.rights or self.names)

    @property
    def widens(self) -> bool:
        """Whether somebody may have or do what they could not before."""
        return any(one.widens for one in self.changes) or any(one.gains for one in self.rights)


def difference(
    old: Policy,
    new: Policy,
    *,
    today: date,
    names: RealNames | None = None,
    effort: Effort | None = None,
) -> Difference:
    """Return what changes when `new` serves in the place of `old`.

    Args:
        old: What serves.
        new: What would.
        today: The first day that counts, in UTC.
        names: The repositories that there are, where that is known.
        effort: How much work it may take; a great deal by default.
    """
    effort = effort or Effort()
    everyone = list(compare(Rules(old, new), today=today, effort=effort, names=names))
    named = {
        grant: (one.example, question)
        for one in everyone
        for here in one.registries
        for grant, question in here.names.items()
    }
    return Difference(
        changes=tuple(grouped(everyone)),
        rights=tuple(rights(old, new, effort=effort)),
        names=tuple(
            NameChange(before, after, caller, question)
            for (before, after), (caller, question) in named.items()
        ),
        is_exhaustive=not effort.is_exhausted,
    )

"""Who may revoke tokens and read records, and no longer may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vendctl.difference.callers import caller_classes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vendctl.difference.effort import Effort
    from vending.caller import Caller
    from vending.caller_patterns import CallerPattern
    from vending.policy import Policy


@dataclass(frozen=True, slots=True)
class RightChange:
    """A right that some callers have in one document only.

    Attributes:
        right: `revoke` or `audit`.
        gains: Whether they have it in the new one.
        callers: The pattern that names them.
        partly: Whether some that it matches have the right in both documents.
        caller: One of them.
    """

    right: Literal["revoke", "audit"]
    gains: bool
    callers: CallerPattern
    partly: bool
    caller: Caller


def rights(old: Policy, new: Policy, *, effort: Effort) -> list[RightChange]:
    """Return whose rights change, those first who gain one."""
    found = [
        *_of("revoke", old.revokers, new.revokers, effort),
        *_of("audit", old.auditors, new.auditors, effort),
    ]
    return sorted(found, key=lambda one: not one.gains)


def _of(
    right: Literal["revoke", "audit"],
    old: Sequence[CallerPattern],
    new: Sequence[CallerPattern],
    effort: Effort,
) -> Iterator[RightChange]:
    written = list(dict.fromkeys([*old, *new]))
    before, after = ({written.index(one) for one in side} for side in (old, new))
    examples: dict[int, Caller] = {}
    in_both: set[int] = set()
    for found in caller_classes(written, needed=before ^ after, effort=effort):
        had, has = found.patterns & before, found.patterns & after
        for number in found.patterns & (before ^ after):
            if had and has:
                in_both.add(number)
            else:
                examples.setdefault(number, found.example)
    for number, caller in sorted(examples.items()):
        yield RightChange(right, number in after, written[number], number in in_both, caller)

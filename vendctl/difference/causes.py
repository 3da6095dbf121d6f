"""Which of the rules that changed brought a change about."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vendctl.difference.outcomes import Timeline
    from vendctl.difference.rules import Rule
    from vending.access import Access


def causes_of(about: list[Rule], answers: Timeline, access: Access) -> tuple[Rule, ...]:
    """Return the changed rules that can have brought about what changes."""
    changed = [
        rule
        for rule in about
        if rule.is_changed
        and (rule.kind != "grant" or any(one.access.includes(access) for one in rule.grants))
    ]
    begins = any(one.new and not one.old for one in answers)
    ends = any(one.old and not one.new for one in answers)
    if begins is ends:
        return tuple(changed)
    # What is granted now, or denied no more; or the other way round. A grant that is about it in
    # both documents is neither.
    sides = [
        {rule.name for rule in about if rule.kind == "grant" and side(rule) is not None}
        for side in (attrgetter("old"), attrgetter("new"))
    ]
    able = [
        rule
        for rule in changed
        if rule.kind == "ceiling"
        or (
            (rule.new is not None) is ((rule.kind == "grant") is begins)
            and not (rule.kind == "grant" and rule.name in sides[0] & sides[1])
        )
    ]
    return tuple(able or changed)

"""Two documents compared: every class of callers and repositories for which they decide otherwise.

Where no changed rule matches, nothing changes. So callers are told apart only where a changed rule
matches them, and for each class of them repositories only where one of those does. Both documents
are then asked about one example of each class, by `decide`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from vendctl.difference.callers import caller_classes
from vendctl.difference.registry_comparison import InRegistry, compared
from vending.caller_patterns import CallerPattern

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from datetime import date

    from vendctl.difference.effort import Effort
    from vendctl.difference.real_names import RealNames
    from vendctl.difference.rules import Rule, Rules
    from vending.caller import Caller


@dataclass(frozen=True, slots=True)
class CallersCompared:
    """What changes for one class of callers.

    Attributes:
        patterns: The caller patterns that match them.
        example: One of them.
        registries: What was compared there, by registry.
    """

    patterns: frozenset[CallerPattern]
    example: Caller
    registries: tuple[InRegistry, ...]


def compare(
    rules: Rules, *, today: date, effort: Effort, names: RealNames | None = None
) -> Iterator[CallersCompared]:
    """Yield what changes, for each class of callers that a changed rule is about.

    Args:
        rules: Of both documents.
        today: The first day that counts, in UTC.
        effort: Where the work is counted; the answer is incomplete once it is exhausted.
        names: The repositories that there are, where that is known.
    """
    numbers = _numbered(rules)
    about = _by_pattern(rules)
    everyone = [rule for rule in chain(rules.denies, rules.ceiling) if rule.callers is None]
    order = {rule: at for at, rule in enumerate((*rules.grants, *rules.denies, *rules.ceiling))}
    accounts = {numbers[CallerPattern(account=one)] for one in rules.admitted}
    known: dict[Hashable, tuple[InRegistry, ...]] = {}
    written = list(numbers)
    for found in caller_classes(
        written, needed=[numbers[one] for one in rules.touched], effort=effort
    ):
        if effort.is_exhausted:
            return
        matching = {rule for number in found.patterns for rule in about.get(number, ())}
        live = sorted({*matching, *everyone}, key=order.__getitem__)
        # The ceiling's accounts apart, a decision knows of a caller only which rules match.
        alike = (*map(order.__getitem__, live), "in", *sorted(found.patterns & accounts))
        if alike not in known:
            known[alike] = tuple(
                compared(
                    live,
                    found.example,
                    rules=rules,
                    today=today,
                    effort=effort,
                    names=names,
                )
            )
        if known[alike]:
            patterns = frozenset(written[number] for number in found.patterns)
            yield CallersCompared(patterns, found.example, known[alike])


def _numbered(rules: Rules) -> dict[CallerPattern, int]:
    """Return a number for each caller pattern that tells callers apart."""
    written = chain(
        rules.touched,
        (one for rule in chain(rules.grants, rules.denies) for one in rule.callers or ()),
        (CallerPattern(account=one) for one in rules.admitted),
    )
    return {pattern: number for number, pattern in enumerate(dict.fromkeys(written))}


def _by_pattern(rules: Rules) -> dict[int, list[Rule]]:
    numbers, found = _numbered(rules), dict[int, list["Rule"]]()
    for rule in chain(rules.grants, rules.denies, rules.ceiling):
        for pattern in rule.callers or ():
            found.setdefault(numbers[pattern], []).append(rule)
    return found

"""What differs from the period before, by rules that a page can explain in a sentence each."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, log
from typing import TYPE_CHECKING

from ecr_vend.report.tally import Group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_vend.report.tally import Tally

LEVEL = 0.001
"""Chance of one false alarm in a report of which nothing changed, over all comparisons together."""

FACTOR = 1.5
"""By how much more there must be, beside that: among many vends a small rise is certain too."""

RULES = {
    "new caller": "The caller has vends now, and had none before.",
    "first push": "The caller's tokens could push to the repository now, and never before. The "
    "caller itself is not new.",
    "new repository": "The caller asked for, got or lost the repository now, and never before. The "
    "caller itself is not new.",
    "more vends": "More than could be chance, and at least half as many again.",
    "more refusals": "The same, of what was refused to one caller.",
    "more of a code": "The same, of one code of refusals or failures over all callers.",
    "more break-glass": "The same, of vends to which a break-glass grant contributed.",
}
"""Name of a rule → what it says, in the order in which the page has them."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something that differs.

    Attributes:
        rule: A key of RULES.
        group: Whose vends they are.
        now: How many in the period.
        before: How many in the period before.
        chance: Of so many or more, if nothing had changed; None where the rule needs none.
    """

    rule: str
    group: Group
    now: int
    before: int
    chance: float | None = None


def anomalies(now: Tally, before: Tally) -> list[Anomaly]:
    """Return what differs, by rule and then the largest first.

    Nothing where nothing is on record of the period before: then everything would be new.
    """
    if not before.of("all").total:
        return []
    order = list(RULES)
    found = [*new_ones(now, before), *larger_ones(now, before)]
    return sorted(found, key=lambda one: (order.index(one.rule), -one.now, one.group.name))


def new_ones(now: Tally, before: Tally) -> Iterator[Anomaly]:
    """Yield what was never there before."""
    for group, count in now.groups.items():
        if group in before.groups:
            continue
        if group.kind == "caller":
            yield Anomaly("new caller", group, count.total, 0)
        elif group.kind in {"pair", "push"} and group.name[0] in before.callers:
            if group.kind == "push":
                yield Anomaly("first push", group, count.total, 0)
            elif Group("push", group.name) not in now.groups:
                yield Anomaly("new repository", group, count.total, 0)


def larger_ones(now: Tally, before: Tally) -> Iterator[Anomaly]:
    """Yield the counts that are more than could be chance."""
    pairs: list[tuple[str, Group, int, int]] = []
    for group, count in now.groups.items():
        was = before.groups.get(group)
        earlier = was.outcomes if was else {}
        if group.kind == "caller" and was:
            issued, refused = earlier.get("issued", 0), earlier.get("refused", 0)
            pairs.append(("more vends", group, count.issued, issued))
            pairs.append(("more refusals", group, count.outcomes["refused"], refused))
        elif group.kind == "refusal":
            pairs.append(("more of a code", group, count.total, was.total if was else 0))
        elif group.kind == "break-glass":
            pairs.append(("more break-glass", group, count.total, was.total if was else 0))
    for rule, group, many, few in pairs:
        if many >= max(FACTOR * few, 1):
            chance = chance_of(many, few)
            if chance < LEVEL / len(pairs):
                yield Anomaly(rule, group, many, few, chance)


def chance_of(now: int, before: int) -> float:
    """Return how likely `now` or more of `now + before` are, where each is as likely in either.

    Two Poisson counts over the same time, given their sum, are binomial with one half (Przyborowski
    and Wilenski, 1940). Summed from its largest term, whose followers shrink by a third at least as
    FACTOR has it; so it takes some steps for any number of vends.
    """
    total = now + before
    term = exp(lgamma(total + 1) - lgamma(now + 1) - lgamma(before + 1) - total * log(2))
    chance, at = term, now
    while at < total and term > chance * 1e-12:
        term *= (total - at) / (at + 1)
        at += 1
        chance += term
    return min(chance, 1.0)

"""The vends of a period, counted by all that the report shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ecr_vend.report.facts import Facts, Period, Repository

KEPT = {"break-glass": 100, "refusal": 25, "outcome": 25}
"""Kind of a group → vends of it that are kept to be shown, the newest."""

KEPT_ELSE = 10

MOST_GROUPS = 50_000
"""Of a kind: one request names up to 300 repositories, and whoever makes some up shall not use up
the memory of whoever counts them. What is not counted is said."""

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
FEW = timedelta(days=2)
"""Up to this a period is drawn by the hour."""

MANY = timedelta(days=62)
"""Up to this by the day, a longer one by the week."""


class Group(NamedTuple):
    """Some vends that a figure counts.

    Attributes:
        kind: `all`, `outcome`, `time`, `caller`, `repository`, `pair` (a caller and a repository),
            `push` (the same, where the token could push), `refusal` (a code), `rule`, `grant`,
            `break-glass`.
        name: Of the kind: its parts, as in a caller's key and a repository's label.
    """

    kind: str
    name: tuple[str, ...]


@dataclass(slots=True)
class Count:
    """How many vends a group has.

    Attributes:
        outcomes: By how they ended.
        kept: The newest of them.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    kept: list[Facts] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Return how many there are."""
        return self.outcomes.total()

    @property
    def issued(self) -> int:
        """Return how many ended with a token."""
        return self.outcomes["issued"]


@dataclass(slots=True)
class Tally:
    """What was counted.

    Attributes:
        period: Of which time.
        keeps: Whether vends are kept to be shown.
        groups: Group → how many.
        callers: Key of a caller → its name, as it was last.
        repositories: Label of a repository → it.
        revisions: Policy revision → vends that it decided.
        kinds: Kind of a group → how many there are.
        left_out: Kind of a group → how often one was not counted, as there were MOST_GROUPS.
        probes: Vends of the stack's own prober, which are counted here alone.
    """

    period: Period
    keeps: bool = True
    groups: dict[Group, Count] = field(default_factory=dict)
    callers: dict[str, str] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    revisions: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    probes: int = 0

    def add(self, facts: Facts) -> None:
        """Count a vend; the newest comes first."""
        if facts.probe:
            self.probes += 1
            return
        self.callers.setdefault(facts.caller, facts.caller_name)
        self.revisions[str(facts.record.get("policy_revision", ""))] += 1
        named = {one.label: one for one in facts.repositories}
        for group in groups_of(facts, self.period):
            count = self._count_of(group)
            if count is None:
                self.left_out[group.kind] += 1
                continue
            if group.kind == "repository":
                self.repositories.setdefault(group.name[0], named[group.name[0]])
            count.outcomes[facts.outcome] += 1
            if self.keeps and len(count.kept) < KEPT.get(group.kind, KEPT_ELSE):
                count.kept.append(facts)

    def _count_of(self, group: Group) -> Count | None:
        if group not in self.groups:
            if self.kinds[group.kind] >= MOST_GROUPS:
                return None
            self.kinds[group.kind] += 1
            self.groups[group] = Count()
        return self.groups[group]

    def of(self, kind: str, *name: str) -> Count:
        """Return how many a group has."""
        return self.groups.get(Group(kind, name)) or Count()

    def all_of(self, kind: str) -> dict[Group, Count]:
        """Return the groups of a kind, the largest first."""
        found = {group: count for group, count in self.groups.items() if group.kind == kind}
        ordered = sorted(found.items(), key=lambda one: (-one[1].total, one[0].name))
        return dict(ordered)


def groups_of(facts: Facts, period: Period) -> Iterator[Group]:
    """Yield each group that a vend counts in."""
    yield Group("all", ())
    yield Group("outcome", (facts.outcome,))
    yield Group("time", (bin_of(facts.at, period).isoformat(),))
    yield Group("caller", (facts.caller,))
    for one in facts.repositories:
        yield Group("repository", (one.label,))
        yield Group("pair", (facts.caller, one.label))
    for one in facts.pushed:
        yield Group("push", (facts.caller, one.label))
    if facts.code:
        yield Group("refusal", (facts.outcome, facts.code))
    for rule in facts.rules:
        yield Group("rule", (rule,))
    for grant in facts.grants:
        yield Group("grant", (grant,))
    if facts.break_glass:
        yield Group("break-glass", ())


def width(period: Period) -> timedelta:
    """Return how long a bar of the chart over time is."""
    return HOUR if period.length <= FEW else DAY if period.length <= MANY else WEEK


def first_bin(period: Period) -> datetime:
    """Return when the first bar begins: a whole hour or day, in UTC."""
    start = period.start.replace(minute=0, second=0, microsecond=0)
    return start if width(period) == HOUR else start.replace(hour=0)


def bin_of(at: datetime, period: Period) -> datetime:
    """Return when the bar begins that a moment is in."""
    first, step = first_bin(period), width(period)
    return first + (at - first) // step * step


def bins(period: Period) -> Iterator[datetime]:
    """Yield when each bar begins, of those without vends too."""
    at = first_bin(period)
    while at < period.end:
        yield at
        at += width(period)

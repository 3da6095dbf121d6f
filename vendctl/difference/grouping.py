"""Findings put together: one change for all callers and repositories for which it is the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from vendctl.difference.changes import Cause, Change, Touched
from vendctl.difference.effects import ORDER, Effect, effects
from vending import patterns
from vending.access import Access

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vendctl.difference.changes import CallersMeant, RepositoriesMeant
    from vendctl.difference.comparison import CallersCompared
    from vendctl.difference.registry_comparison import Finding
    from vendctl.difference.rules import Rule
    from vending.caller_patterns import CallerPattern

HIGHEST = (Access.PUSH, Access.PULL_THROUGH, Access.PULL)


class _Alike(NamedTuple):
    """What findings have in common that are one change but for whom and what they are about."""

    widens: bool
    effects: tuple[Effect, ...]
    registry: str
    names: tuple[str | None, str | None]
    causes: tuple[Cause, ...]
    of_all: bool


class _Class(NamedTuple):
    """A class of callers, by number, and one of repositories, by the patterns that match it."""

    callers: int
    repositories: frozenset[str]


@dataclass(slots=True)
class _Group:
    """Findings that are alike.

    Attributes:
        classes: All classes that they are about.
        shown: By the patterns that say whom and what they are about.
    """

    classes: set[_Class] = field(default_factory=set)
    shown: dict[tuple[CallersMeant, RepositoriesMeant], list[tuple[_Class, Finding]]] = field(
        default_factory=dict
    )


def grouped(everyone: Sequence[CallersCompared]) -> list[Change]:
    """Return what changes, the most dangerous first."""
    groups: dict[tuple[_Alike, tuple[Access, ...]], _Group] = {}
    for number, one in enumerate(everyone):
        for (alike, repositories), same in _by_likeness(one).items():
            by_access = {finding.question.access: finding for finding in same}
            accesses = tuple(access for access in HIGHEST if access in by_access)
            first = by_access[accesses[0]]
            group = groups.setdefault((alike, accesses), _Group())
            group.classes.add(_Class(number, repositories))
            meant = (_callers_meant(first, one), _repositories_meant(first))
            group.shown.setdefault(meant, []).append((_Class(number, repositories), first))
    classes = _Classes(everyone)
    found = [
        change
        for (alike, accesses), group in groups.items()
        for change in _changes(alike, accesses, group, classes)
    ]
    return sorted(found, key=_danger)


def _danger(change: Change) -> tuple[object, ...]:
    return (
        not change.widens,
        change.named is not None,
        ORDER.index(change.effects[0].kind),
        HIGHEST.index(change.accesses[0]),
        not (change.is_of_whole_accounts or change.is_of_every_repository),
        not change.is_of_globbed_callers,
    )


def _by_likeness(
    one: CallersCompared,
) -> dict[tuple[_Alike, frozenset[str]], list[Finding]]:
    """Return the findings about a class of callers, those together that differ in access only."""
    found: dict[tuple[_Alike, frozenset[str]], list[Finding]] = {}
    for finding in (finding for here in one.registries for finding in here.findings):
        asked = finding.question
        alike = _Alike(
            finding.widens,
            effects(finding.timeline),
            asked.registry,
            (asked.old_grant, asked.new_grant),
            tuple(dict.fromkeys(Cause(r.kind, r.name, r.how) for r in finding.causes)),
            asked.repository is None,
        )
        found.setdefault((alike, finding.patterns), []).append(finding)
    return found


def _changes(
    alike: _Alike, accesses: tuple[Access, ...], group: _Group, classes: _Classes
) -> Iterator[Change]:
    """Yield a group's changes: callers together for whom it is about the same repositories."""
    by_callers: dict[CallersMeant, list[Touched]] = {}
    for callers, meant in group.shown:
        whole = classes.are_all_in(group.classes, callers, meant, alike.registry)
        by_callers.setdefault(callers, []).append(Touched(meant, partly=not whole))
    together: dict[tuple[tuple[Touched, ...], tuple[str, ...]], list[CallersMeant]] = {}
    for callers, touched in by_callers.items():
        found = [one for of in touched for one in group.shown[callers, of.patterns]]
        names = tuple(sorted({name for _, finding in found for name in finding.names}))
        together.setdefault((tuple(touched), names), []).append(callers)
    for (repositories, names), everybody in together.items():
        (number, _), example = group.shown[everybody[0], repositories[0].patterns][0]
        old, new = alike.names
        yield Change(
            effects=alike.effects,
            widens=alike.widens,
            registry=alike.registry,
            accesses=accesses,
            named=(old, new) if old and new else None,
            causes=alike.causes,
            callers=tuple(everybody),
            repositories=repositories,
            names=names,
            caller=classes.everyone[number].example,
            question=example.question,
        )


@dataclass
class _Classes:
    """All classes that were compared, whether something changes for them or not."""

    everyone: Sequence[CallersCompared]

    def __post_init__(self) -> None:
        self._numbers: dict[CallerPattern, set[int]] = {}
        for number, one in enumerate(self.everyone):
            for pattern in one.patterns:
                self._numbers.setdefault(pattern, set()).add(number)

    def are_all_in(
        self, found: set[_Class], callers: CallersMeant, meant: RepositoriesMeant, registry: str
    ) -> bool:
        """Return whether it is found for everyone and everything that these patterns match."""
        return all(
            _Class(number, matched) in found
            for number in set.intersection(*(self._numbers[one] for one in callers))
            for here in self.everyone[number].registries
            if here.registry == registry
            for matched in (here.classes if meant else [frozenset[str]()])
            if matched.issuperset(meant)
        )


def _callers_meant(finding: Finding, one: CallersCompared) -> CallersMeant:
    """Return the patterns that say whom a finding is about, of each rule one."""
    firsts: dict[CallerPattern, None] = {}
    for rule in _telling(finding):
        first = next((pattern for pattern in rule.callers or () if pattern in one.patterns), None)
        if first is not None:
            firsts[first] = None
    kept: list[CallerPattern] = []
    for pattern in firsts:
        if not any(_is_within(other, pattern) for other in kept):
            kept = [other for other in kept if not _is_within(pattern, other)]
            kept.append(pattern)
    return tuple(kept)


def _is_within(narrow: CallerPattern, wide: CallerPattern) -> bool:
    """Return whether `wide` surely matches every caller that `narrow` matches."""
    if wide.account is not None:
        return _account_of(narrow) == wide.account
    # In a role's ARN no wildcard can cross a separator, since a role's name has none.
    return bool(
        narrow.role
        and wide.role
        and wide.session in (None, narrow.session)
        and patterns.covers(wide.role, narrow.role)
    )


def _account_of(pattern: CallerPattern) -> str | None:
    """Return the account that a pattern names."""
    arn = pattern.role or pattern.user or pattern.federated_user
    if arn:
        return arn.split(":")[4]
    if pattern.permission_set:
        return pattern.permission_set.account
    return pattern.root or pattern.account


def _repositories_meant(finding: Finding) -> RepositoriesMeant:
    """Return the patterns that say what a finding is about, without those that say no more."""
    firsts: dict[str, None] = {}
    for rule in _telling(finding):
        first = next((one for one in rule.repositories or () if one in finding.patterns), None)
        if first is not None:
            firsts[first] = None
    kept: list[str] = []
    for pattern in firsts:
        if not any(patterns.covers(pattern, other) for other in kept):
            kept = [other for other in kept if not patterns.covers(other, pattern)]
            kept.append(pattern)
    return tuple(kept)


def _telling(finding: Finding) -> Iterable[Rule]:
    """Return the rules whose patterns say what it is about.

    A deny or the ceiling only takes from what is granted, so it says too little alone. So does a
    grant that comes to others or goes from beside them: it changes what they give as well.
    """
    asked, today = finding.question, finding.timeline[0]
    causing = [rule for rule in finding.causes if rule.kind == "grant"]
    beside = today.old and today.new and not any(rule.how == "changed" for rule in causing)
    if causing and not beside:
        return finding.causes
    granting = (
        rule
        for rule in finding.grants
        if any(
            grant.access.includes(asked.access) and (asked.old_grant or not grant.break_glass)
            for grant in rule.grants
        )
        and (asked.old_grant is None or rule.name in (asked.old_grant, asked.new_grant))
        and rule not in causing
    )
    return (*finding.causes, *list(granting)[:1])

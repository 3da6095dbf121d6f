"""The rules of two documents side by side: which are the same, and where the others have a say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Literal

from vending import patterns
from vending.caller_patterns import CallerPattern
from vending.policy import Deny, Grant, Policy

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from vending.policy import Ceiling

FOR_PEOPLE = frozenset({"name", "owner", "description"})
"""Keys of a rule that decide nothing; a grant's name can be asked for, a deny's cannot."""

_LISTS = {"accounts", "repositories"}
"""Keys of a ceiling whose every entry may be looked at alone."""

How = Literal["same", "new", "gone", "changed", "enforced", "monitored"]
"""What became of a rule: `changed` where both documents have one of its name, `enforced` where it
was in monitor mode, `monitored` where it is now."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A grant or a deny: of both documents where it is the same in both, else of one.

    Attributes:
        kind: Which of them, or the ceiling, which has no callers and perhaps no repositories.
        name: As the document has it.
        callers: Whom it is about; None for everyone.
        repositories: What it is about; None for everything.
        registry: Where; None for every registry.
        old: In the old document.
        new: In the new one.
        how: What became of it.
    """

    kind: Literal["grant", "deny", "ceiling"]
    name: str
    callers: tuple[CallerPattern, ...] | None
    repositories: tuple[str, ...] | None
    registry: str | None
    old: Grant | Deny | Ceiling | None
    new: Grant | Deny | Ceiling | None
    how: How = "changed"

    @property
    def is_changed(self) -> bool:
        """Whether it is in one of the documents only."""
        return self.kind == "ceiling" or self.old is None or self.new is None

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The grant, as it is in each of the documents that have it."""
        return tuple(one for one in (self.old, self.new) if isinstance(one, Grant))


class Rules:
    """The rules of two documents, without those in monitor mode, which decide nothing.

    Attributes:
        old: The document before, of nothing but what decides.
        new: The document after, likewise.
    """

    def __init__(self, old: Policy, new: Policy) -> None:
        self._whole = old, new
        self.old, self.new = enforced(old), enforced(new)

    @cached_property
    def grants(self) -> tuple[Rule, ...]:
        """All grants. One that has another name is another: a request may ask for it by name."""
        names = [{rule.name for rule in policy.grants} for policy in self._whole]
        return tuple(_paired("grant", (self.old.grants, self.new.grants), names))

    @cached_property
    def denies(self) -> tuple[Rule, ...]:
        """All denies. What one is called decides nothing."""
        names = [{rule.name for rule in policy.denies} for policy in self._whole]
        return tuple(_paired("deny", (self.old.denies, self.new.denies), names))

    @cached_property
    def ceiling(self) -> tuple[Rule, ...]:
        """The ceiling, where it changes: once for each way in which it does."""
        old, new = self.old.ceiling, self.new.ceiling
        found = []
        if old.model_dump(exclude=_LISTS) != new.model_dump(exclude=_LISTS):
            return (Rule("ceiling", "", None, None, None, old, new),)
        if old.accounts != new.accounts:
            accounts = _in_one(old.accounts, new.accounts)
            callers = (
                None if accounts is None else tuple(CallerPattern(account=one) for one in accounts)
            )
            found.append(Rule("ceiling", "accounts", callers, None, None, old, new))
        if old.repositories != new.repositories:
            repositories = _in_one(old.repositories, new.repositories)
            found.append(Rule("ceiling", "repositories", None, repositories, None, old, new))
        return tuple(found)

    @cached_property
    def changed(self) -> tuple[Rule, ...]:
        """The rules that are not the same in both: nowhere else can a decision change."""
        return tuple(one for one in chain(self.grants, self.denies, self.ceiling) if one.is_changed)

    @cached_property
    def renamed(self) -> dict[str, str]:
        """The grants that have nothing new but their name: old name → new name."""
        gone: dict[Hashable, list[str]] = {}
        names = {one.name for one in self.new.grants}, {one.name for one in self.old.grants}
        for grant in self.old.grants:
            if grant.name not in names[0]:
                gone.setdefault(substance(grant), []).append(grant.name)
        found: dict[str, str] = {}
        for grant in self.new.grants:
            if grant.name not in names[1] and (left := gone.get(substance(grant))):
                found[left.pop(0)] = grant.name
        return found

    @cached_property
    def admitted(self) -> tuple[str, ...]:
        """The accounts that either ceiling names."""
        return tuple(
            dict.fromkeys([*(self.old.ceiling.accounts or ()), *(self.new.ceiling.accounts or ())])
        )

    @cached_property
    def bounds(self) -> tuple[str, ...]:
        """The repository patterns that either ceiling names."""
        both = (self.old.ceiling.repositories or ()), (self.new.ceiling.repositories or ())
        return tuple(dict.fromkeys(chain(*both)))

    @cached_property
    def touched(self) -> tuple[CallerPattern, ...]:
        """The caller patterns that together match everyone for whom something can change.

        A deny for everyone, or the ceiling, changes something only for callers that have a grant
        of what it is about.
        """
        found: dict[CallerPattern, None] = {}
        for rule in self.changed:
            if rule.callers is not None:
                found |= dict.fromkeys(rule.callers)
                continue
            for grant in self.grants:
                if rule.registry in (None, grant.registry) and share(rule, grant):
                    found |= dict.fromkeys(grant.callers or ())
        return tuple(found)


def share(rule: Rule, grant: Rule) -> bool:
    """Return whether two rules can be about the same repository."""
    return rule.repositories is None or any(
        patterns.overlap(one, other)
        for one in rule.repositories
        for other in grant.repositories or ()
    )


def substance(rule: Grant | Deny) -> Hashable:
    """Return all of a rule that decides something."""
    return tuple(
        frozenset(value) if isinstance(value, list) else value
        for key, value in rule
        if key not in FOR_PEOPLE
    )


def enforced(policy: Policy) -> Policy:
    """Return what of a policy decides: no rule in monitor mode, and nobody's rights."""
    return Policy(
        version=policy.version,
        ceiling=policy.bounds,
        grants=[one for one in policy.grants if one.mode == "enforce"],
        denies=[one for one in policy.denies if one.mode == "enforce"],
    )


def _paired(
    kind: Literal["grant", "deny"],
    both: tuple[Sequence[Grant | Deny], Sequence[Grant | Deny]],
    names: list[set[str]],
) -> Iterator[Rule]:
    """Yield the rules of both documents, those together that are the same.

    Args:
        kind: Of the rules.
        both: The rules of each document that decide.
        names: The names of all rules of each document, those in monitor mode too.
    """
    sides: tuple[dict[Hashable, Grant | Deny], ...] = ({}, {})
    for side, rules in zip(sides, both, strict=True):
        for rule in rules:
            side.setdefault((rule.name if kind == "grant" else "", substance(rule)), rule)
    deciding = [{rule.name for rule in rules} for rules in both]
    for key in dict.fromkeys(chain(*sides)):
        before, after = (side.get(key) for side in sides)
        rule = sides[1][key] if key in sides[1] else sides[0][key]
        how: How = "same"
        if before is None or after is None:
            here, there = (1, 0) if before is None else (0, 1)
            if rule.name in deciding[there]:
                how = "changed"
            elif rule.name in names[there]:
                how = "enforced" if here else "monitored"
            else:
                how = "new" if here else "gone"
        yield Rule(
            kind,
            rule.name,
            None if rule.callers is None else tuple(rule.callers),
            tuple(rule.repositories),
            rule.registry,
            before,
            after,
            how,
        )


def _in_one(old: Iterable[str] | None, new: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return what only one of two lists has; None where there is no bound on one side."""
    if old is None or new is None:
        return None
    return tuple(sorted(set(old) ^ set(new)))

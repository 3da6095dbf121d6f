"""What changes, in the words of the policy's author: by the patterns that the documents write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vending import patterns

if TYPE_CHECKING:
    from vendctl.difference.effects import Effect
    from vendctl.difference.outcomes import Question
    from vendctl.difference.rules import How
    from vending.access import Access
    from vending.caller import Caller
    from vending.caller_patterns import CallerPattern

CallersMeant = tuple["CallerPattern", ...]
"""Callers that all of these patterns match; mostly there is one."""

RepositoriesMeant = tuple[str, ...]
"""Repositories that all of these patterns match; none of them for all that is granted."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Some repositories, as the policy writes them.

    Attributes:
        patterns: All of them match.
        partly: Whether they also match repositories, or the change's callers, for which nothing
            changes, or something else does.
    """

    patterns: RepositoriesMeant
    partly: bool


@dataclass(frozen=True, slots=True)
class Cause:
    """A rule that brought a change about.

    Attributes:
        kind: `grant`, `deny` or `ceiling`.
        name: Of the rule; of a ceiling, the key that differs.
        how: What became of it.
    """

    kind: str
    name: str
    how: How


@dataclass(frozen=True, slots=True)
class Change:
    """One change: the same effects, for the same reason, on some callers and repositories.

    Attributes:
        effects: What it is, the most dangerous first.
        widens: Whether somebody can get by it what no request gave before.
        registry: Where.
        accesses: The accesses it is about, the highest first.
        named: The grant that a request must name, as the documents call it; None for none.
        causes: The rules that brought it about.
        callers: Whom it is about.
        repositories: What it is about; one without patterns for a request of all that is granted.
        names: The repositories that there are, where that is known.
        caller: A caller that shows it.
        question: What to ask about that caller.
    """

    effects: tuple[Effect, ...]
    widens: bool
    registry: str
    accesses: tuple[Access, ...]
    named: tuple[str, str] | None
    causes: tuple[Cause, ...]
    callers: tuple[CallersMeant, ...]
    repositories: tuple[Touched, ...]
    names: tuple[str, ...]
    caller: Caller
    question: Question

    @property
    def is_of_whole_accounts(self) -> bool:
        """Whether it is about every principal of some account."""
        return any(all(one.account for one in meant) for meant in self.callers)

    @property
    def is_of_globbed_callers(self) -> bool:
        """Whether it is about callers that nobody has named one by one."""
        return any(is_globbed(one) for meant in self.callers for one in meant)

    @property
    def is_of_every_repository(self) -> bool:
        """Whether it is about all repositories that there will ever be."""
        return any(
            bool(one.patterns) and all(patterns.covers(pattern, "*") for pattern in one.patterns)
            for one in self.repositories
        )


def is_globbed(pattern: CallerPattern) -> bool:
    """Return whether a pattern has a wildcard in what names the principal."""
    named = [pattern.role, pattern.user, pattern.federated_user]
    if pattern.permission_set:
        named.append(pattern.permission_set.name)
    return any(one is not None and not patterns.is_literal(one) for one in named)

"""What a rule in monitor mode would have done: how a decision would differ, were it enforced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from vending.scope import any_covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from vending.access import Access

    Scope = Mapping[Access, tuple[str, ...]]

Effect = Literal["allow", "deny", "narrow"]
"""More would be granted; less would be; or what is granted would end sooner or be bound."""

MOST_RULES = 20
"""Rules that one decision tells of: a record must not grow with the policy."""

MOST_TRIED = 100
"""Grants, and denies, that one decision tries."""

MOST_NAMED = 10
"""Repositories that are told of for each."""


@dataclass(frozen=True, slots=True)
class Monitored:
    """What one rule would have done to a decision, had it been enforced.

    Attributes:
        rule: `grant NAME`, `deny NAME` or `ceiling`.
        effect: `allow`, `deny` or `narrow`.
        repositories: About which, literal or patterns, the first MOST_NAMED; none for `narrow`.
        count: How many they are in all.
    """

    rule: str
    effect: Effect
    repositories: tuple[str, ...]
    count: int


class Weighed(Protocol):
    """What is compared of a decision."""

    @property
    def scope(self) -> Scope:
        """Patterns by access; empty where nothing is granted."""

    @property
    def excluded(self) -> tuple[str, ...]:
        """Patterns inside the scope that are taken out again."""

    @property
    def ceiling(self) -> tuple[str, ...] | None:
        """Patterns beyond which nothing reaches; None for no such bound."""

    @property
    def expires_at(self) -> datetime | None:
        """When the token would end."""

    @property
    def bind_source_ip(self) -> bool:
        """Whether it would be bound to where it was asked from."""


def effects(rule: str, real: Weighed, other: Weighed) -> Iterator[Monitored]:
    """Yield what `rule` would have done: `other` is the decision with it enforced."""
    gained = beyond(other.scope, real.scope)
    lost = beyond(real.scope, other.scope)
    lost += [pattern for pattern in other.excluded if pattern not in real.excluded]
    if gained:
        yield told(rule, "allow", gained)
    if real.scope and lost:
        yield told(rule, "deny", lost)
    elif real.scope and other.scope and (is_bounded(real, other) or is_shorter(real, other)):
        yield Monitored(rule, "narrow", (), 0)


def beyond(
    scope: Mapping[Access, tuple[str, ...]], within: Mapping[Access, tuple[str, ...]]
) -> list[str]:
    """Return the patterns of a scope that are not in another, at this access or one above it."""
    return [
        pattern
        for access, held in scope.items()
        for pattern in held
        if not any_covers(
            (one for above, others in within.items() if above.includes(access) for one in others),
            pattern,
        )
    ]


def is_bounded(real: Weighed, other: Weighed) -> bool:
    """Return whether the token would be bound to an address, or to a ceiling, as it is not now."""
    newly = other.ceiling is not None and other.ceiling != real.ceiling
    return newly or (other.bind_source_ip and not real.bind_source_ip)


def is_shorter(real: Weighed, other: Weighed) -> bool:
    """Return whether the token would end sooner."""
    return bool(real.expires_at and other.expires_at and other.expires_at < real.expires_at)


def told(rule: str, effect: Effect, repositories: Iterable[str]) -> Monitored:
    """Return the first of many repositories, and how many they are."""
    found = tuple(dict.fromkeys(repositories))
    return Monitored(rule, effect, found[:MOST_NAMED], len(found))

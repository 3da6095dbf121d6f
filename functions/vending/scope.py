"""Sets of repository patterns: what they match, and how to say the same in fewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vending import patterns
from vending.access import Access

if TYPE_CHECKING:
    from collections.abc import Iterable


def minimal(scope: dict[Access, list[str]]) -> dict[Access, tuple[str, ...]]:
    """Return the same scope without patterns that another of it covers.

    Push and pull-through include pull, so what they cover needs no entry under pull.
    """
    lean: dict[Access, tuple[str, ...]] = {}
    above: list[str] = []
    for access in (Access.PUSH, Access.PULL_THROUGH, Access.PULL):
        kept: list[str] = []
        # Widest first, so that of two patterns that cover each other the first stays.
        for pattern in dict.fromkeys(scope.get(access, ())):
            if not any_covers((*above, *kept), pattern):
                if not patterns.is_literal(pattern):
                    kept = [other for other in kept if not patterns.covers(pattern, other)]
                kept.append(pattern)
        if kept:
            lean[access] = tuple(kept)
        above += kept
    return lean


def any_matches(candidates: Iterable[str], name: str) -> bool:
    """Return whether one of the patterns matches the repository."""
    return any(patterns.matches(pattern, name) for pattern in candidates)


def any_covers(candidates: Iterable[str], pattern: str) -> bool:
    """Return whether one of the patterns surely covers the other."""
    # A name covers nothing but itself: of many names few are compared as patterns.
    return any(
        candidate == pattern
        or (not patterns.is_literal(candidate) and patterns.covers(candidate, pattern))
        for candidate in candidates
    )

"""The repositories that there are, in the classes that patterns tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vending import patterns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class RealNames:
    """The names of one registry's repositories.

    Attributes:
        registry: What policies call it.
        names: All of them, in order.
    """

    def __init__(self, names: Iterable[str], *, registry: str) -> None:
        self.registry, self.names = registry, tuple(sorted(set(names)))
        self._matched: dict[str, frozenset[str]] = {}

    def matched(self, pattern: str) -> frozenset[str]:
        """Return those that a pattern matches."""
        if pattern not in self._matched:
            self._matched[pattern] = frozenset(
                name for name in self.names if patterns.matches(pattern, name)
            )
        return self._matched[pattern]

    def in_classes(
        self, written: Collection[str], *, needed: Iterable[str]
    ) -> dict[frozenset[str], list[str]]:
        """Return those that a `needed` pattern matches, by the patterns that match them."""
        found: dict[frozenset[str], list[str]] = {}
        for name in sorted({name for pattern in needed for name in self.matched(pattern)}):
            key = frozenset(pattern for pattern in written if name in self.matched(pattern))
            found.setdefault(key, []).append(name)
        return found

"""Find the patterns that may have something to do with another one, without trying them all."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, Generic, TypeVar

from vending import patterns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Item = TypeVar("Item")


class PatternIndex(Generic[Item]):
    """Things under patterns, found by what stands before a pattern's first wildcard.

    What is found may have to do with the pattern asked for; what is not found has not.
    """

    def __init__(self, entries: Iterable[tuple[str, Item]]) -> None:
        """Index `entries`: patterns, and what is under each."""
        self._literals: dict[str, list[Item]] = defaultdict(list)
        self._globs: dict[str, list[Item]] = defaultdict(list)
        for pattern, item in entries:
            if patterns.is_literal(pattern):
                self._literals[pattern].append(item)
            else:
                self._globs[beginning(pattern)].append(item)
        self._sorted_literals = sorted(self._literals)
        self._sorted_backwards = sorted(name[::-1] for name in self._literals)
        self._sorted_globs = sorted(self._globs)

    def covering(self, pattern: str) -> list[Sequence[Item]]:
        """Return what is under patterns that may cover `pattern`."""
        literal = beginning(pattern)
        found: list[Sequence[Item]] = [
            self._globs[literal[:end]]
            for end in range(len(literal) + 1)
            if literal[:end] in self._globs
        ]
        if literal == pattern and pattern in self._literals:
            found.append(self._literals[pattern])
        return found

    def literals(self, pattern: str) -> list[Sequence[Item]]:
        """Return what is under plain names that `pattern` may match."""
        forwards = following(self._sorted_literals, beginning(pattern))
        backwards = following(self._sorted_backwards, beginning(pattern[::-1]))
        if len(backwards) < len(forwards):
            return [self._literals[name[::-1]] for name in backwards]
        return [self._literals[name] for name in forwards]

    def overlapping(self, pattern: str) -> list[Sequence[Item]]:
        """Return what is under patterns that may match something that `pattern` matches too."""
        found = self.covering(pattern)
        if not patterns.is_literal(pattern):
            literal = beginning(pattern)
            found += self.literals(pattern)
            found += [
                self._globs[name]
                for name in following(self._sorted_globs, literal)
                if name != literal
            ]
        return found


def meet(left: str, right: str) -> bool:
    """Return what `patterns.overlap` returns, sooner where the patterns begin differently."""
    if patterns.is_literal(left):
        return patterns.matches(right, left)
    if patterns.is_literal(right):
        return patterns.matches(left, right)
    one, other = beginning(left), beginning(right)
    return (one.startswith(other) or other.startswith(one)) and patterns.overlap(left, right)


def beginning(pattern: str) -> str:
    """Return what stands before the first wildcard."""
    ends = [at for at in (pattern.find("*"), pattern.find("?")) if at >= 0]
    return pattern[: min(ends)] if ends else pattern


def following(names: Sequence[str], start: str) -> Sequence[str]:
    """Return the names of a sorted list that begin with `start`."""
    first = bisect_left(names, start)
    # No character of a pattern comes after this one.
    return names[first : bisect_left(names, start + "\U0010ffff")]

"""Grants or denies, found by their callers and by their repositories without trying them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from vending.caller_coverage import account_of, text_of
from vending.deadlines import unhurried
from vending.pattern_index import PatternIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vending.caller_patterns import CallerPattern
    from vending.deadlines import Left
    from vending.policy import Deny, Grant

Entry = TypeVar("Entry", bound="Grant | Deny")


class OutOfTime(Exception):
    """There are more entries to be held against one another than there is time for."""


class Entries(Generic[Entry]):
    """The grants or the denies of a policy, each with its number.

    What is found may be what is asked for; what is not found is not. An entry may be found twice.
    """

    def __init__(self, entries: Sequence[tuple[int, Entry]], left: Left = unhurried) -> None:
        """Index `entries`; once no seconds are `left`, what is asked for raises OutOfTime."""
        self.all = entries
        self._left = left
        self._for_everyone = [one for one in entries if one[1].callers is None]
        named = [(caller, one) for one in entries for caller in one[1].callers or ()]
        self._by_caller = PatternIndex((text_of(caller), one) for caller, one in named)
        self._by_account = PatternIndex((account_of(caller), one) for caller, one in named)
        self._by_repository = PatternIndex(
            (pattern, one) for one in entries for pattern in one[1].repositories
        )

    def may_cover(self, caller: CallerPattern, repository: str) -> Iterator[tuple[int, Entry]]:
        """Yield the entries that may be for all such callers and all such repositories."""
        by_caller = self._by_caller.covering(text_of(caller))
        if caller.account is None:
            by_caller += self._by_caller.covering(f"account::{account_of(caller)}")
        return self._fewest(
            [*by_caller, self._for_everyone], self._by_repository.covering(repository)
        )

    def may_meet(
        self, callers: Sequence[CallerPattern] | None, repositories: Sequence[str]
    ) -> Iterator[tuple[int, Entry]]:
        """Yield the entries that may be for some such callers and some such repositories.

        Args:
            callers: Which, or None for everyone.
            repositories: Patterns.
        """
        by_repository = [
            found for one in repositories for found in self._by_repository.overlapping(one)
        ]
        if callers is None:
            return self._fewest([self.all], by_repository)
        by_caller: list[Sequence[tuple[int, Entry]]] = [self._for_everyone]
        for caller in callers:
            account = account_of(caller)
            if caller.account is not None:
                by_caller += self._by_account.overlapping(account)
            else:
                by_caller += self._by_caller.overlapping(text_of(caller))
                by_caller += self._by_caller.overlapping(f"account::{account}")
        return self._fewest(by_caller, by_repository)

    def named(self, caller: CallerPattern) -> Iterator[tuple[int, Entry]]:
        """Yield the entries with a plain caller whom a caller pattern may match."""
        return (one for some in self._by_caller.literals(text_of(caller)) for one in some)

    def _fewest(
        self,
        one: Sequence[Sequence[tuple[int, Entry]]],
        other: Sequence[Sequence[tuple[int, Entry]]],
    ) -> Iterator[tuple[int, Entry]]:
        """Yield what is in the smaller of two collections."""
        for some in min(one, other, key=lambda lists: sum(map(len, lists))):
            for entry in some:
                if self._left() <= 0:
                    raise OutOfTime
                yield entry


def enforced(entries: Sequence[tuple[int, Entry]]) -> list[tuple[int, Entry]]:
    """Return the entries that are not in monitor mode."""
    return [one for one in entries if one[1].mode == "enforce"]

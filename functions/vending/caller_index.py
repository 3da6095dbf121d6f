"""Finds the entries of a policy that may be about a caller, without asking each of them.

The work of a decision follows what can match and not the size of the policy: a caller is looked up
by what its patterns say literally, and the few that are found are then matched in full.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from vending import patterns
from vending.caller import CallerKind
from vending.pattern_index import PatternIndex, beginning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vending.caller import Caller
    from vending.caller_patterns import CallerPattern
    from vending.policy_values import Mode

ANY = "*"
"""Stands for what a pattern leaves open."""

Key = tuple[str, str, str]
"""Kind of principal, account and the beginning of its name, each ANY where it is open. A name that
is literal ends in `/`, which no name does, so that it is no beginning of another."""


class ForCallers(Protocol):
    """An entry that is for some callers, or for everyone, in some mode."""

    @property
    def mode(self) -> Mode:
        """Whether it decides."""

    @property
    def callers(self) -> Sequence[CallerPattern] | None:
        """Whom it is for; None for everyone."""

    @property
    def repositories(self) -> Sequence[str]:
        """Patterns of those that it is about."""


Entry = TypeVar("Entry", bound=ForCallers)


class CallerIndex(Generic[Entry]):
    """The entries of one mode by the callers whom they are for.

    Attributes:
        entries: All, of every mode, in policy order.
    """

    def __init__(self, entries: Sequence[Entry], mode: Mode) -> None:
        self.entries = entries
        self._mode = mode
        self._places: dict[Key, list[int]] = {}
        for place, entry in enumerate(entries):
            if entry.mode != mode:
                continue
            keys = {(ANY, ANY, "")} if entry.callers is None else set(map(key_of, entry.callers))
            for key in keys:
                self._places.setdefault(key, []).append(place)

    def candidates(self, caller: Caller, repositories: Iterable[str] | None = None) -> list[Entry]:
        """Return entries that may be for `caller`, among them all that are, in policy order.

        Args:
            caller: Who.
            repositories: Patterns: only what may be about some repository of theirs is wanted. None
                where all is.
        """
        if not self._places:
            return []
        places = {place for key in keys_of(caller) for place in self._places.get(key, ())}
        if repositories is not None and places:
            near = (some for one in repositories for some in self._by_repository.overlapping(one))
            places &= {place for some in near for place in some}
        return [self.entries[place] for place in sorted(places)]

    @cached_property
    def _by_repository(self) -> PatternIndex[int]:
        return PatternIndex(
            (pattern, place)
            for place, entry in enumerate(self.entries)
            if entry.mode == self._mode
            for pattern in entry.repositories
        )


def key_of(pattern: CallerPattern) -> Key:
    """Return where a pattern is kept: what each of its callers has one of as `keys_of`."""
    if account := pattern.account or pattern.root:
        return ANY, account, ""
    if pattern.permission_set is not None:
        held = pattern.permission_set
        return CallerKind.IDENTITY_CENTER, held.account, kept_under(held.name)
    for kind, arn in (
        (CallerKind.ROLE, pattern.role),
        (CallerKind.USER, pattern.user),
        (CallerKind.FEDERATED, pattern.federated_user),
    ):
        if arn is not None:
            *_, account, resource = arn.split(":", 5)
            name = kept_under(resource.partition("/")[2])
            return kind, account if patterns.is_literal(account) else ANY, name
    return ANY, ANY, ""


def keys_of(caller: Caller) -> Iterator[Key]:
    """Yield every key under which a pattern that means the caller can be kept."""
    yield ANY, ANY, ""
    yield ANY, caller.account, ""
    name = caller.path[1:] + caller.name
    for account in (caller.account, ANY):
        yield caller.kind, account, f"{name}/"
        for length in range(len(name) + 1):
            yield caller.kind, account, name[:length]


def kept_under(pattern: str) -> str:
    """Return what every name that the pattern matches begins with, or the whole of a literal."""
    return f"{pattern}/" if patterns.is_literal(pattern) else beginning(pattern)

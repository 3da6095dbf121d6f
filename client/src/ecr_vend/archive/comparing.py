"""The ledger held against its archive: every archived record must still be there as it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ecr_vend.archive.documents import place_of, record_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ecr_vend.archive.documents import Place

MOST = 100
"""Records that the service is asked for at once."""

Key = tuple[str, str]


class Ledger(Protocol):
    """The ledger, as the service shows it to auditors. Each method raises `Problem`."""

    def records(self, keys: Sequence[Key]) -> list[str]:
        """Return the records of these keys that there are, as lines of the archive."""

    def vends(self, start: str, end: str) -> Iterator[str]:
        """Yield the ids of the vends of a time, RFC 3339."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that the ledger and the archive do not have alike.

    Attributes:
        kind: `missing` or `altered`.
        key: Its pk and sk.
    """

    kind: str
    key: Key


@dataclass
class Comparison:
    """Takes lines of the archive, asks for them by the hundred, and tells what differs.

    Attributes:
        ledger: Port.
        compared: How many were.
    """

    ledger: Ledger
    compared: int = 0
    _waiting: dict[Key, str] = field(default_factory=dict)

    def take(self, lines: Iterable[tuple[Place, str]]) -> Iterator[Difference]:
        """Compare some lines, which have their places beside them: whole hundreds of them."""
        for (_, pk, sk), line in lines:
            self._waiting[pk, sk] = line
            if len(self._waiting) == MOST:
                yield from self.rest()

    def rest(self) -> Iterator[Difference]:
        """Compare what is still waiting."""
        if not self._waiting:
            return
        wanted, self._waiting = self._waiting, {}
        there = {}
        for line in self.ledger.records(list(wanted)):
            _, pk, sk = place_of(record_of(line))
            there[pk, sk] = line
        self.compared += len(wanted)
        for key, line in wanted.items():
            if key not in there:
                yield Difference("missing", key)
            elif there[key] != line:
                yield Difference("altered", key)

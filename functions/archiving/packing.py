"""Sorted lines as objects, each of a size that one reads at once. Pure."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiving.names import FORM, Kind, digest_of, object_key, start_of_hour
from vending.vend_ids import asked_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from archiving.lines import Event
    from archiving.sorting import Entry, Place

FULL = 64 * 1024 * 1024
"""Characters of lines at which an object is closed."""

KINDS = tuple(Kind)


def place_of(event: Event, hour: datetime) -> Place:
    """Return where an event belongs in the archive of the hour that is sealed."""
    kind = Kind.RECORDS
    if event.changes:
        kind = Kind.CHANGES
    elif belonging(event.vend_id, hour) < hour:
        kind = Kind.LATE
    sequence = int(event.sequence) if event.changes else 0
    return KINDS.index(kind), event.vend_id, event.record["pk"], event.record["sk"], sequence


def belonging(vend_id: str, hour: datetime) -> datetime:
    """Return the hour to which a record belongs: of its vend, or the one that is sealed."""
    try:
        return start_of_hour(asked_at(vend_id))
    except ValueError:
        return hour


@dataclass(frozen=True, slots=True)
class Packed:
    """An object of the archive.

    Attributes:
        kind: What it holds.
        key: Where.
        body: JSON Lines, gzip.
        sha256: Of the body, hex.
        lines: How many.
        hours: The first and the last to which its records belong.
        first: `vend_id`, `pk` and `sk` of its first line.
        last: The same of its last.
    """

    kind: Kind
    key: str
    body: bytes
    sha256: str
    lines: int
    hours: tuple[str, str]
    first: tuple[str, str, str]
    last: tuple[str, str, str]


@dataclass(slots=True)
class Filling:
    """An object that is being filled."""

    kind: Kind
    first: Place
    last: Place
    lines: int = 0
    size: int = 0
    _held: io.BytesIO = field(default_factory=io.BytesIO)
    _packer: gzip.GzipFile = field(init=False)

    def __post_init__(self) -> None:
        # No name and no time in it: the same lines are the same bytes.
        self._packer = gzip.GzipFile("", "wb", fileobj=self._held, mtime=0)

    def add(self, place: Place, line: str) -> None:
        """Take a line."""
        self._packer.write(line.encode() + b"\n")
        self.lines, self.size, self.last = self.lines + 1, self.size + len(line) + 1, place

    def packed(self, hour: datetime, number: int) -> Packed:
        """Return it, closed."""
        self._packer.close()
        body = self._held.getvalue()
        digest = digest_of(body)
        key = object_key(self.kind, hour, number, digest)
        hours = self._hours(hour)
        first, last = self.first[1:4], self.last[1:4]
        return Packed(self.kind, key, body, digest, self.lines, hours, first, last)

    def _hours(self, hour: datetime) -> tuple[str, str]:
        # Vend ids sort by time, and what has none is not late.
        first, last = (
            belonging(one[1], hour) if self.kind is Kind.LATE else hour
            for one in (self.first, self.last)
        )
        return f"{first:{FORM}}", f"{last:{FORM}}"


def packed(entries: Iterable[Entry], hour: datetime, *, full: int = FULL) -> Iterator[Packed]:
    """Yield the objects of an hour, one in memory at a time.

    Args:
        entries: Sorted.
        hour: That is sealed.
        full: Characters of lines at which an object is closed.
    """
    filling: Filling | None = None
    number = 0
    for place, line in entries:
        kind = KINDS[place[0]]
        if filling and (filling.kind is not kind or filling.size >= full):
            yield filling.packed(hour, number)
            number = number + 1 if filling.kind is kind else 0
            filling = None
        filling = filling or Filling(kind, place, place)
        filling.add(place, line)
    if filling:
        yield filling.packed(hour, number)

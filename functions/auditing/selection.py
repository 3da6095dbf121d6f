"""Which vends are asked for, and in which partitions they stand, in time's order. Pure.

Vend ids sort by time, so a place in any list is a vend id: a page ends at one, and the next goes on
from it, whatever was written meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from vending.vend_ids import first_vend_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


class By(StrEnum):
    """By what vends are found."""

    TIME = "time"
    CALLER = "caller"
    REPOSITORY = "repository"
    GRANT = "grant"
    OUTCOME = "outcome"
    BREAK_GLASS = "break_glass"


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment on, until just before another; both aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of the table or of an index, whose items sort by vend id.

    Attributes:
        index: Name of the index, None for the table.
        key: Attribute of the partition key.
        value: Of that key.
        sort: Attribute that holds the vend id.
    """

    index: str | None
    key: str
    value: str
    sort: str = "vend_id"


@dataclass(frozen=True, slots=True)
class Step:
    """Partitions whose vends are of one stretch of time, to be merged.

    Attributes:
        partitions: Of the same time.
        first: Least vend id of the stretch.
        end: Least vend id after it.
    """

    partitions: tuple[Partition, ...]
    first: str
    end: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which vends, and in which order.

    Attributes:
        by: By what.
        value: Its value; empty by time.
        span: Of which time.
        newest_first: Whether the latest come first.
        after: The vend id that the page before ended at, empty for the first page.
        registry: Of which registry alone, by its name in the policy; empty for every one.
    """

    by: By
    value: str
    span: Span
    newest_first: bool = True
    after: str = ""
    registry: str = ""

    def steps(self, names: Callable[[str], Collection[str]]) -> Iterator[Step]:
        """Yield the steps that are still to be read, in the selection's order.

        Args:
            names: Returns for a month (`YYYY-MM`) under which names the repository stands: its own
                and every pattern by which it may have been granted.
        """
        stretches = list(stretches_of(self.by, self.span))
        for stretch in reversed(stretches) if self.newest_first else stretches:
            first = max(first_vend_id(stretch.start), first_vend_id(self.span.start))
            end = min(first_vend_id(stretch.end), first_vend_id(self.span.end))
            if self.after and self.newest_first:
                end = min(end, self.after)
            if first < end and not (self.after and not self.newest_first and end <= self.after):
                yield Step(self._partitions(stretch.start, names), first, end)

    def is_due(self, vend_id: str, step: Step) -> bool:
        """Return whether a vend of a step's partitions belongs to it, and was on no page before."""
        seen = self.after and not self.newest_first and vend_id <= self.after
        return step.first <= vend_id < step.end and not seen

    def place_after(self, step: Step) -> str:
        """Return the place at which to go on when a step has been read to its end."""
        return step.first if self.newest_first else step.end

    def _partitions(
        self, start: datetime, names: Callable[[str], Collection[str]]
    ) -> tuple[Partition, ...]:
        match self.by:
            case By.TIME:
                return (Partition("by-time", "hour", start.strftime("%Y-%m-%dT%H")),)
            case By.CALLER:
                return (Partition("by-caller", "caller_key", self.value),)
            case By.OUTCOME:
                day = start.strftime("%Y-%m-%d")
                return (Partition("by-outcome", "outcome_day", f"{self.value}#{day}"),)
            case By.BREAK_GLASS:
                return (Partition(None, "pk", f"break-glass#{start:%Y-%m}", "sk"),)
            case By.GRANT:
                return (Partition(None, "pk", f"grant#{self.value}#{start:%Y-%m}", "sk"),)
            case By.REPOSITORY:
                month = start.strftime("%Y-%m")
                return tuple(
                    Partition(None, "pk", f"repository#{name}#{month}", "sk")
                    for name in sorted(names(month))
                )


def stretches_of(by: By, span: Span) -> Iterator[Span]:
    """Yield the stretches of time that have partitions of their own, in time's order."""
    match by:
        case By.CALLER:
            yield span
            return
        case By.TIME:
            start = span.start.replace(minute=0, second=0, microsecond=0)
        case By.OUTCOME:
            start = span.start.replace(hour=0, minute=0, second=0, microsecond=0)
        case _:
            start = span.start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while start < span.end:
        end = following(by, start)
        yield Span(start, end)
        start = end


def following(by: By, start: datetime) -> datetime:
    """Return when the stretch that begins at `start` ends."""
    if by is By.TIME:
        return start + timedelta(hours=1)
    if by is By.OUTCOME:
        return start + timedelta(days=1)
    return (start + timedelta(days=31)).replace(day=1)

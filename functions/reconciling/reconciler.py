"""The use case: from the last moment that was looked at to what is settled by now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reconciling.findings import FIRST, SETTLED, Kind, Seen, Span, found, spans
from reconciling.shapes import ANSWERS, CALLS, EXPLANATIONS, answers_in, calls_in, said_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from reconciling.findings import Finding, Intended

ENOUGH = 120.0
"""Seconds that must be left to begin another span."""


class Records(Protocol):
    """The ledger."""

    def reconciled_until(self, now: datetime) -> datetime | None:
        """Return until when everything was looked at, or None where nothing ever was."""

    def intents(self, span: Span) -> Iterator[Intended]:
        """Yield the intents of a span."""

    def outcomes(self, span: Span) -> Iterator[tuple[str, str]]:
        """Yield the id and the outcome of each vend of a span that ended."""

    def has(self, vend_id: str, record: str) -> bool:
        """Return whether a vend has a record by now, whatever an index said."""

    def add(self, finding: Finding, now: datetime) -> bool:
        """Record a finding, and return whether it is a new one."""

    def reconciled(self, span: Span, now: datetime, findings: int) -> None:
        """Record that a span was looked at."""


class Logs(Protocol):
    """The three logs."""

    def api(self, span: Span, pattern: str) -> Iterator[str]:
        """Yield the messages of the API's access log."""

    def function(self, span: Span, pattern: str) -> Iterator[str]:
        """Yield the messages of the vending function's log."""

    def trail(self, span: Span, pattern: str) -> Iterator[str]:
        """Yield the events of CloudTrail."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to.

    Attributes:
        until: Until when everything has been looked at.
        new: The findings that were not known.
    """

    until: datetime
    new: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Compares what the ledger, the API's log and CloudTrail say.

    Attributes:
        records: Port.
        logs: Port.
        clock: Returns the time, aware.
    """

    records: Records
    logs: Logs
    clock: Callable[[], datetime]

    def run(self, left: Callable[[], float]) -> Report:
        """Look at what has settled since the last run, and record what does not add up.

        A run that is ended in a span leaves the span to the next one.

        Args:
            left: Returns the seconds until the function is ended.
        """
        now = self.clock()
        until = self.records.reconciled_until(now) or now - SETTLED - FIRST
        new: list[Finding] = []
        # The spans of a run read the same logs, and to the ledger a run's own record is a retry.
        known: set[tuple[Kind, str]] = set()
        for span in spans(until, now):
            if left() < ENOUGH:
                break
            findings = [
                one
                for one in found(span, self._seen(span, now))
                if (one.kind, one.subject) not in known and self._stands(one)
            ]
            known.update((one.kind, one.subject) for one in findings)
            new.extend(one for one in findings if self.records.add(one, now))
            # Last: what is not on record as looked at is looked at again.
            self.records.reconciled(span, now, len(findings))
            until = span.end
        return Report(until, tuple(new))

    def _seen(self, span: Span, now: datetime) -> Seen:
        logged = span.of_logs
        return Seen(
            # A call or an answer may be of a vend that was asked for a little earlier or later.
            {one.vend_id: one for one in self.records.intents(Span(logged.start - SETTLED, now))},
            dict(self.records.outcomes(span)),
            tuple(answers_in(self.logs.api(logged, ANSWERS))),
            dict(said_in(self.logs.function(Span(logged.start, now), EXPLANATIONS))),
            tuple(calls_in(self.logs.trail(Span(logged.start, now), CALLS))),
        )

    def _stands(self, finding: Finding) -> bool:
        """Return whether a finding is one by the table itself, which no index lags behind."""
        if "count" in finding.evidence:
            return True
        if finding.kind is Kind.UNFINISHED:
            return not self.records.has(finding.subject, "2#outcome")
        if finding.kind is Kind.UNRECORDED_CALL:
            return not self.records.has(finding.subject.partition("#")[2], "1#intent")
        return True

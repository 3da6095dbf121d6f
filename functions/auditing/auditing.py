"""The use case: what was vended, to whom, and why, read by index. It talks to ports only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from auditing.access import joined, periods, possible
from auditing.selection import Partition
from vending.access import Access
from vending.deadlines import unhurried
from vending.errors import Code, Refused
from vending.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from auditing.access import Period, Possible, Question, Served
    from auditing.archive import Archive
    from auditing.record import VendRecord
    from auditing.selection import Selection, Span, Step
    from vending.caller import Caller
    from vending.deadlines import Left
    from vending.policy import Policy
    from vending.ports import Policies
    from vending.token import Token

MOST_MONTHS = 36
"""Months of policies that an answer reads at most, those before its time included."""

MOST_STEPS = 60
"""Steps of one page: where little was vended, a page may have nothing and still not be the last."""

ENOUGH = 12.0
"""Seconds that must be left to begin another step, or to read another policy: a call that hangs is
tried twice, and the vends of the page are still to be read."""


class RecordsUnavailable(Exception):
    """The ledger could not be read, or the key not be asked."""


class Ledger(Protocol):
    """The ledger, read. Each method raises `RecordsUnavailable`."""

    def ids(
        self, partition: Partition, first: str, end: str, *, newest_first: bool, most: int
    ) -> Sequence[str]:
        """Return vend ids of a partition from `first` until just before `end`, in order."""

    def vends(self, ids: Sequence[str]) -> list[VendRecord]:
        """Return the vends of these ids, in their order; one without an intent is left out."""

    def raw(self, keys: Sequence[tuple[str, str]]) -> list[str | None]:
        """Return the record of each key as a line of the archive, None where there is none."""

    def served(self, month: str) -> Sequence[Served]:
        """Return which policies were seen to serve in a month (`YYYY-MM`)."""

    def policy(self, revision: str) -> Policy:
        """Return a policy that served, by the ledger's own copy."""


class Tracer(Protocol):
    """The key that makes tokens traceable."""

    def mac(self, token: Token) -> str:
        """Return the token's HMAC, hex.

        Raises:
            RecordsUnavailable: KMS did not answer.
        """


FULL = 900_000
"""Bytes of records at which an answer ends: our client reads at most a MiB, Lambda answers with at
most 6 MB, and one vend of many repositories has some 150 kB."""


AT_ONCE = 10
"""Records that are read together, lest many be read that an answer has no room for."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some vends, and where to go on.

    Attributes:
        vends: In the order that was asked for.
        after: The place of the next page, None where there is none.
    """

    vends: list[VendRecord]
    after: str | None

    def fitting(self) -> Page:
        """Return the page as far as it fits into an answer: the next one goes on from there."""
        size = 0
        for number, vend in enumerate(self.vends):
            size += len(vend.model_dump_json())
            if size > FULL and number:
                return Page(self.vends[:number], self.vends[number - 1].vend_id)
        return self

    def of_registry(self, name: str) -> Page:
        """Return the page with the vends of one registry only: no index tells them apart."""
        if not name:
            return self
        return Page([vend for vend in self.vends if vend.registry.name == name], self.after)


@dataclass(frozen=True, slots=True)
class Auditing:
    """The service, made of its ports.

    Attributes:
        serving: Port; the document names the auditors.
        ledger: Port.
        tracer: Port.
        clock: Returns the time, aware.
        archive: Port; None where the stack has no archive.
    """

    serving: Policies
    ledger: Ledger
    tracer: Tracer
    clock: Callable[[], datetime]
    archive: Archive | None = None

    def admit(self, caller: Caller) -> None:
        """Let auditors pass.

        Raises:
            Refused: The policy does not name the caller as one.
        """
        if not self.serving.current().policy.lets_audit(caller):
            raise Refused(
                Code.NOT_AN_AUDITOR,
                "The policy does not name this caller under `auditors`: ask the platform team.",
            )

    def listed(self, selection: Selection, *, most: int, left: Left = unhurried) -> Page:
        """Return a page of vends, a short one where time is.

        Args:
            selection: Which.
            most: How many at most.
            left: Returns the seconds until the function is ended.

        Raises:
            RecordsUnavailable: The ledger does not answer.
        """
        found: list[str] = []
        place: str | None = None
        steps = selection.steps(lambda month: self.names(selection.value, month))
        for number, step in enumerate(steps):
            enough = number == MOST_STEPS or len(found) >= most
            if enough or (number and left() < ENOUGH):
                break
            found += self._of(step, selection, most + 1 - len(found))
            place = selection.place_after(step)
        else:
            place = None
        if len(found) > most:
            found = found[:most]
            place = found[-1]
        return Page(self.ledger.vends(found), place).fitting().of_registry(selection.registry)

    def shown(self, vend_id: str) -> VendRecord:
        """Return one vend.

        Raises:
            Refused: There is none of this id.
            RecordsUnavailable: The ledger does not answer.
        """
        found = self.ledger.vends([vend_id])
        if not found:
            raise Refused(Code.NO_SUCH_VEND, "There is no record of a vend of this id.")
        return found[0]

    def traced(self, token: Token) -> VendRecord:
        """Return the vend that a token came from.

        Raises:
            Refused: No vend of this stack issued it.
            RecordsUnavailable: The ledger or KMS does not answer.
        """
        ids = self.ledger.ids(
            Partition("by-token", "token_mac", self.tracer.mac(token)),
            "v-0",
            "v-~",
            newest_first=False,
            most=1,
        )
        found = self.ledger.vends(list(ids))
        if not found:
            raise Refused(
                Code.NO_SUCH_VEND, "No vend of this service issued this token: it is none of ours."
            )
        return found[0]

    def raw(self, keys: Sequence[tuple[str, str]]) -> tuple[list[str], int]:
        """Return the records of some keys as the archive has them, and how many keys were read.

        Raises:
            RecordsUnavailable: The ledger does not answer.
        """
        found: list[str] = []
        size = 0
        for start in range(0, len(keys), AT_ONCE):
            lines = self.ledger.raw(keys[start : start + AT_ONCE])
            for number, line in enumerate(lines, start):
                size += len(line or "")
                if size > FULL and number:
                    return found, number
                found += [line] if line else []
        return found, len(keys)

    def archived(self) -> Archive:
        """Return the archive.

        Raises:
            Refused: There is none.
        """
        if self.archive is None:
            raise Refused(Code.NO_ARCHIVE, "This service was deployed without an archive.")
        return self.archive

    def could(
        self, question: Question, *, left: Left = unhurried
    ) -> tuple[list[Period], list[Possible]]:
        """Return when which policy served, and whom each would have given what is asked about.

        Args:
            question: What.
            left: Returns the seconds until the function is ended.

        Raises:
            Refused: So many policies served that there is no time to read them.
            RecordsUnavailable: The ledger does not answer.
        """
        found = list(periods(self._served(question.span), question.span))
        every: list[Possible] = []
        for number, period in enumerate(found):
            if number and left() < ENOUGH:
                raise Refused(
                    Code.INVALID_REQUEST,
                    f"{len(found)} policies served in this time, more than can be read at once: "
                    f"ask until {period.span.start:%Y-%m-%dT%H:%M:%SZ} first, and from then on.",
                )
            every += possible(question, self.ledger.policy(period.revision), period)
        return found, joined(every)

    def _served(self, span: Span) -> list[Served]:
        """Return what was seen to serve in a time, and in the months that it rests on."""
        seen: list[Served] = []
        month = span.end
        for _ in range(MOST_MONTHS):
            seen += self.ledger.served(month.strftime("%Y-%m"))
            if any(one.at <= span.start for one in seen):
                break
            month = month.replace(day=1) - timedelta(days=1)
        return [one for one in seen if one.at < span.end]

    def names(self, repository: str, month: str) -> Collection[str]:
        """Return under which names a repository's vends of a month stand."""
        return {repository} | {
            pattern
            for revision in sorted({one.revision for one in self.ledger.served(month)})
            for grant in self.ledger.policy(revision).grants
            for pattern in grant.repositories
            if matches(pattern, repository)
        }

    def _of(self, step: Step, selection: Selection, most: int) -> list[str]:
        newest = selection.newest_first
        first = step.first if newest else max(step.first, selection.after)
        ids = {
            vend_id
            for partition in step.partitions
            for vend_id in self.ledger.ids(
                partition, first, step.end, newest_first=newest, most=most + 1
            )
            if selection.is_due(vend_id, step)
        }
        return sorted(ids, reverse=newest)[:most]


def access_to(vend: VendRecord, repository: str) -> list[str]:
    """Return what a vend's token could do with a repository, nothing where none was issued."""
    if vend.outcome != "issued" or any(matches(one, repository) for one in vend.excluded):
        return []
    return [
        access.value
        for access in Access
        if any(matches(one, repository) for one in vend.scope.get(access.value, []))
    ]

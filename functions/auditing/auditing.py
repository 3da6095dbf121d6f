"""The use case: what was vended, to whom, and why, read by index. It talks to ports only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from auditing.selection import Partition
from vending.access import Access
from vending.errors import Code, Refused
from vending.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from auditing.record import VendRecord
    from auditing.selection import Selection, Step
    from vending.caller import Caller
    from vending.policy import Policy
    from vending.ports import Policies
    from vending.token import Token

MOST_STEPS = 60
"""Steps of one page: where little was vended, a page may have nothing and still not be the last."""


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

    def policies(self, month: str) -> Iterable[Policy]:
        """Return every policy that served in a month."""


class Tracer(Protocol):
    """The key that makes tokens traceable."""

    def mac(self, token: Token) -> str:
        """Return the token's HMAC, hex.

        Raises:
            RecordsUnavailable: KMS did not answer.
        """


@dataclass(frozen=True, slots=True)
class Page:
    """Some vends, and where to go on.

    Attributes:
        vends: In the order that was asked for.
        after: The place of the next page, None where there is none.
    """

    vends: list[VendRecord]
    after: str | None


@dataclass(frozen=True, slots=True)
class Auditing:
    """The service, made of its ports.

    Attributes:
        serving: Port; the document names the auditors.
        ledger: Port.
        tracer: Port.
        clock: Returns the time, aware.
    """

    serving: Policies
    ledger: Ledger
    tracer: Tracer
    clock: Callable[[], datetime]

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

    def listed(self, selection: Selection, *, most: int) -> Page:
        """Return a page of vends.

        Raises:
            RecordsUnavailable: The ledger does not answer.
        """
        found: list[str] = []
        place: str | None = None
        steps = selection.steps(lambda month: self.names(selection.value, month))
        for number, step in enumerate(steps):
            if number == MOST_STEPS or len(found) >= most:
                break
            found += self._of(step, selection, most + 1 - len(found))
            place = selection.place_after(step)
        else:
            place = None
        if len(found) > most:
            found = found[:most]
            place = found[-1]
        return Page(self.ledger.vends(found), place)

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

    def names(self, repository: str, month: str) -> Collection[str]:
        """Return under which names a repository's vends of a month stand."""
        return {repository} | {
            pattern
            for policy in self.ledger.policies(month)
            for grant in policy.grants
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

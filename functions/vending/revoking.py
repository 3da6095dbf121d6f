"""The use case: block first, then deny, and have both on record. It talks to ports only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from vending.denies import denies
from vending.denying import entries_of
from vending.errors import Code, Refused
from vending.ports import BlocksUnavailable, LedgerUnavailable
from vending.revocation_messages import target_of
from vending.revocations import Kind, Revocation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from vending.caller import Caller, Origin
    from vending.denying import Denying, Register
    from vending.ports import Policies
    from vending.revocation_messages import RevocationRequest


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a revoker does.

    Attributes:
        name: `revoke` or `lift`.
        revocation: What it is about.
        caller: Who.
        origin: From where.
        at: When.
        attempt: Random; tells this run's own records from another's.
    """

    name: str
    revocation: Revocation
    caller: Caller
    origin: Origin
    at: datetime
    attempt: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """A revocation and how it stands, by the host of each registry."""

    revocation: Revocation
    registries: Mapping[str, str]


class Records(Protocol):
    """Where acts are recorded, once. Each method raises `LedgerUnavailable`."""

    def begin(self, act: Act) -> None:
        """Record what is about to be done."""

    def end(self, act: Act, outcome: Outcome) -> None:
        """Record what came of it."""


@dataclass(frozen=True, slots=True)
class Revoking:
    """The service, made of its ports.

    Attributes:
        policies: Port; the document names the revokers.
        register: Port.
        denying: Has the denies written.
        records: Port.
        clock: Returns the time, aware.
        new_turn: Returns a random name.
    """

    policies: Policies
    register: Register
    denying: Denying
    records: Records
    clock: Callable[[], datetime]
    new_turn: Callable[[], str]

    def revoke(self, caller: Caller, origin: Origin, asked: RevocationRequest) -> Outcome:
        """Block what is named, then have every registry deny its tokens.

        A ledger that cannot record delays nothing here: what must stop working comes first, and the
        answer says that the record is missing.

        Raises:
            Refused: The caller is no revoker, or something was not done; `more` says how the
                revocation stands.
        """
        self.admit(caller)
        started = self.clock()
        kind, target = target_of(asked, now=started)
        new = Revocation(
            kind, target, asked.reason, caller.arn, caller.key, started, self.new_turn()
        )
        act = Act("revoke", new, caller, origin, started, self.new_turn())
        recorded = self._began(act)
        try:
            standing = self.register.settle(self.register.put(new))
        except BlocksUnavailable:
            raise Refused(
                Code.BLOCKS_UNAVAILABLE,
                "Nothing is sure to be revoked, because the block could not be written. Send the "
                "same request again.",
            ) from None
        return self._ended(replace(act, revocation=standing), started, recorded=recorded)

    def lift(self, caller: Caller, origin: Origin, revocation_id: str) -> Outcome:
        """Let a blocked caller have tokens again. Those it had stay revoked.

        Raises:
            Refused: As `revoke`; and unlike there, nothing is done that is not on record.
        """
        self.admit(caller)
        started = self.clock()
        try:
            found = self.register.find(revocation_id)
        except BlocksUnavailable:
            raise unread() from None
        if found is None:
            raise Refused(
                Code.NO_SUCH_REVOCATION,
                "There is no revocation of this id: GET /v1/revocations lists those there are.",
            )
        if found.kind is not Kind.CALLER:
            raise Refused(
                Code.INVALID_REQUEST,
                "Only a caller's block is lifted: a revoked token stays so, and its caller may "
                "have another one.",
            )
        act = Act("lift", found, caller, origin, started, self.new_turn())
        if not self._began(act):
            raise Refused(
                Code.AUDIT_UNAVAILABLE,
                "The block was not lifted, because the audit ledger could not record it. Try "
                "again.",
            )
        if not found.lifted_at:
            found = self._lifted(replace(found, lifted_at=self.clock(), lifted_by=caller.arn))
        return self._ended(replace(act, revocation=found), started, recorded=True)

    def listed(self, caller: Caller) -> list[Outcome]:
        """Return the revocations that matter or mattered lately, the newest first.

        Raises:
            Refused: The caller is no revoker, or they cannot be read.
        """
        self.admit(caller)
        try:
            found = self._outcomes()
        except BlocksUnavailable:
            raise unread() from None
        return sorted(found, key=lambda one: (one.revocation.at, one.revocation.id), reverse=True)

    def keep_up(self) -> list[Outcome]:
        """Finish what was interrupted, drop what is over, and return what is still not denied.

        Raises:
            BlocksUnavailable: The register does not answer.
        """
        started = self.clock()
        for one in self.register.every():
            if one.is_forgotten(started):
                self.register.forget(one)
            elif not one.settled:
                self.register.settle(one)
        self.denying.deny(started)
        return [one for one in self._outcomes() if not is_done(one)]

    def admit(self, caller: Caller) -> None:
        """Let revokers pass.

        Raises:
            Refused: The policy does not name the caller as one.
        """
        if not self.policies.current().policy.lets_revoke(caller):
            raise Refused(
                Code.NOT_A_REVOKER,
                "The policy does not name this caller under `revokers`: ask the platform team.",
            )

    def _outcomes(self) -> list[Outcome]:
        every = self.register.every()
        states = self.denying.states(every)
        return [Outcome(one, states[one.id]) for one in every]

    def _began(self, act: Act) -> bool:
        try:
            self.records.begin(act)
        except LedgerUnavailable:
            return False
        return True

    def _lifted(self, wanted: Revocation) -> Revocation:
        """Keep a lifted block, once its denies are sure to fit.

        In its own words a lifted block takes more room than the standing one, and no other deny
        may have to give way.
        """
        holder = self.new_turn()
        try:
            if not self.denying.leased(holder):
                raise unread()
            try:
                others = [one for one in self.register.every() if one.id != wanted.id]
                standing = entries_of(self.register.standings())
                packed = denies([*others, wanted], now=self.clock(), standing=standing)
                if wanted.entry in packed.left_out:
                    raise Refused(
                        Code.REVOCATIONS_FULL,
                        "The block was not lifted, because the caller's old tokens could not be "
                        "denied any more: try again when other revocations are over.",
                    )
                kept = self.register.lift(wanted)
            finally:
                self.register.release(holder)
            found = wanted if kept else self.register.find(wanted.id)
        except BlocksUnavailable:
            raise unread() from None
        if found is None or not found.lifted_at:
            raise unread()
        return found

    def _ended(self, act: Act, started: datetime, *, recorded: bool) -> Outcome:
        """Have the denies written, and return how the revocation stands.

        Raises:
            Refused: It is not on record, or not denied everywhere.
        """
        try:
            self.denying.deny(started)
            settled = self.register.settle(act.revocation)
            others = [one for one in self.register.every() if one.id != settled.id]
            outcome = Outcome(settled, self.denying.states([*others, settled])[settled.id])
        except BlocksUnavailable:
            raise unread() from None
        try:
            self.records.end(act, outcome)
        except LedgerUnavailable:
            recorded = False
        raise_unless_done(outcome, recorded=recorded)
        return outcome


def is_done(outcome: Outcome) -> bool:
    """Return whether every registry denies it, or need not."""
    return all(one in ("denied", "over") for one in outcome.registries.values())


def raise_unless_done(outcome: Outcome, *, recorded: bool) -> None:
    """Let what is done and on record pass.

    Raises:
        Refused: It is not; `more["outcome"]` says how it stands.
    """
    more = {"outcome": outcome}
    lifted = outcome.revocation.lifted_at is not None
    stands = (
        "The block is lifted, but a registry that is not done may refuse its new tokens too:"
        if lifted
        else "No more tokens are issued for it, but"
    )
    if "full" in outcome.registries.values():
        raise Refused(
            Code.REVOCATIONS_FULL,
            f"{stands} the policies have no room to deny those that were: they work until they "
            "end, or until others are over and it is denied by itself. Revoking everything "
            "`before` a moment always fits.",
            more=more,
        )
    if not is_done(outcome):
        raise Refused(
            Code.REVOCATION_INCOMPLETE,
            f"{stands} not every registry denies those that were, as `revocation` says. The "
            "service goes on trying; send the same request again to try now.",
            more=more,
        )
    if not recorded:
        raise Refused(
            Code.AUDIT_UNAVAILABLE,
            "It is done, as `revocation` says, but the audit ledger could not record it. Send the "
            "same request again, so that it is on record.",
            more=more,
        )


def unread() -> Refused:
    """Return the refusal for a register that does not answer, or that another one is writing."""
    return Refused(
        Code.BLOCKS_UNAVAILABLE,
        "The revocations cannot be read or written now. Send the same request again; GET "
        "/v1/revocations shows what stands.",
    )

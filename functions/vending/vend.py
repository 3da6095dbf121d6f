"""The use case: decide, intend, mint, issue. It talks to ports only."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vending.budgets import Budgets, Flood
from vending.deadlines import END, INTEND, MINT, OUT_OF_TIME, fits, unhurried
from vending.decision import Decision, decide, grants_for
from vending.errors import Code, Refusal, Refused
from vending.phases import lengths
from vending.ports import Blocked, BlocksUnavailable, Intent, LedgerUnavailable, MintFailed
from vending.registry import Registry, served
from vending.session_policy import ask_for_less, session_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from vending.budgets import Over
    from vending.caller import Caller, Origin
    from vending.deadlines import Left
    from vending.messages import TokenRequest
    from vending.policy import Grant, Policy
    from vending.policy_values import Mode
    from vending.ports import Blocks, Ledger, Minter, Policies, ServingPolicy
    from vending.probe import Prober
    from vending.request import Limits
    from vending.token import Token

NOT_MINTED = Refusal(
    Code.MINT_FAILED,
    "AWS did not issue the token. Try again; if it lasts, give the vend id to the platform team.",
)
THROTTLED = Refusal(
    Code.AWS_THROTTLED,
    "AWS did not issue the token, because the service asks it too often at present. Try again; if "
    "it lasts, give the vend id to the platform team.",
)
REVOKED = Refusal(
    Code.REVOKED,
    "The platform team has blocked this caller, or revoked this token while it was made: ask them.",
)


@dataclass(frozen=True, slots=True)
class Vend:
    """A token that may go out: its record is durable."""

    intent: Intent
    token: Token


@dataclass(frozen=True, slots=True)
class Vending:
    """The service, made of its ports.

    Attributes:
        registries: Served registries by the name that a policy gives them.
        policies: Port.
        blocks: Port.
        ledger: Port.
        minter: Port.
        budgets: How often each may ask.
        limits: The stack's own.
        clock: Returns the time, aware.
        stopwatch: Returns seconds, for phase times.
        new_id: Returns a vend id for a time.
        deployment: The function's version.
        prober: Of this stack, or None where there is none.
        watch: Takes what is recorded, and says what rules in monitor mode would have done.
    """

    registries: Mapping[str, Registry]
    policies: Policies
    blocks: Blocks
    ledger: Ledger
    minter: Minter
    budgets: Budgets
    limits: Limits
    clock: Callable[[], datetime]
    stopwatch: Callable[[], float]
    new_id: Callable[[datetime], str]
    deployment: str = ""
    prober: Prober | None = None
    watch: Callable[[Intent], None] = lambda _: None

    def vend(
        self, caller: Caller, origin: Origin, asked: TokenRequest, *, left: Left = unhurried
    ) -> Vend:
        """Return a token whose record is durable.

        Args:
            caller: Who asks.
            origin: From where.
            asked: What for.
            left: Returns the seconds until the function is ended.

        Raises:
            Refused: With the vend's id wherever there is a record.
        """
        marks = [self.stopwatch()]
        try:
            intent = self.preview(caller, origin, asked)
        except Refused as early:
            if early.refusal.code is Code.UNKNOWN_REGISTRY:
                self.ask(caller, origin)
            raise
        marks.append(self.stopwatch())
        refusal, over = intent.decision.refusal, self._count(intent)
        marks.append(self.stopwatch())
        with recording(None if over else intent.vend_id):
            if over:
                raise self._throttled(caller, origin, over)
            if not fits(left, INTEND, *(() if refusal else (MINT,)), END):
                raise Refused(OUT_OF_TIME.code, OUT_OF_TIME.detail)
            self.ledger.intend(intent)
            self.watch(intent)
            marks.append(self.stopwatch())
            if refusal:
                self.ledger.refuse(intent, refusal)
                raise refused(intent, refusal)
            if not fits(left, MINT, END):
                raise self._failed(intent, "no time left to mint", OUT_OF_TIME)
            return self._mint_and_issue(intent, marks)

    def _count(self, intent: Intent) -> Over | None:
        if intent.decision.refusal:
            return self.budgets.ask(intent.caller, intent.asked_at)
        # A probe says whether the service works, whatever an account's callers have used up.
        return None if intent.probe else self.budgets.vend(intent.caller, intent.asked_at)

    def ask(self, caller: Caller, origin: Origin) -> None:
        """Count what mints nothing: what a caller asks without being vended a token.

        Raises:
            Refused: It asks too often (`throttled`), or that cannot be recorded.
        """
        if over := self.budgets.ask(caller, self.clock()):
            with recording():
                raise self._throttled(caller, origin, over)

    def _throttled(self, caller: Caller, origin: Origin, over: Over) -> Refused:
        """Record that a budget is overdrawn where that is due, and return what the caller is told.

        Raises:
            LedgerUnavailable: It could not be recorded.
        """
        if over.recorded.marks:
            vend_id = self.new_id(over.now)
            self.ledger.flood(Flood(vend_id, caller, origin, over.recorded, self.deployment))
        return over.refused()

    def _mint_and_issue(self, intent: Intent, marks: Sequence[float]) -> Vend:
        expires_at = intent.decision.expires_at
        assert expires_at is not None  # noqa: S101  only a refused decision has none
        try:
            token = self.minter.mint(
                role=intent.role,
                region=intent.registry.region,
                session_name=intent.vend_id,
                source_identity=intent.caller.source_identity,
                session_policy=intent.session_policy,
                lifetime=expires_at - intent.asked_at,
            )
        except MintFailed as failure:
            if failure.too_large:
                count = sum(map(len, intent.decision.scope.values()))
                refusal = Refusal(Code.SCOPE_TOO_LARGE, ask_for_less(count))
                self.ledger.refuse(intent, refusal)
                raise refused(intent, refusal) from None
            why = THROTTLED if failure.throttled else NOT_MINTED
            raise self._failed(intent, failure.reason, why) from None
        try:
            self.ledger.issue(intent, token, seconds=lengths([*marks, self.stopwatch()]))
        except Blocked:
            self.ledger.refuse(intent, REVOKED)
            raise refused(intent, REVOKED) from None
        return Vend(intent, token)

    def _failed(self, intent: Intent, reason: str, shown: Refusal) -> Refused:
        """Record that nothing was minted, and return what the caller is told."""
        self.ledger.fail(intent, reason, code=shown.code)
        return refused(intent, shown)

    def preview(self, caller: Caller, origin: Origin, asked: TokenRequest) -> Intent:
        """Decide, and return what would be put on record, without recording or minting anything.

        Raises:
            Refused: The registry is not served, no policy is at hand, or the blocks cannot be
                read.
        """
        registry = served(self.registries, asked.registry)
        if registry is None:
            hosts = ", ".join(sorted(known.host for known in self.registries.values()))
            raise Refused(
                Code.UNKNOWN_REGISTRY,
                f"This service vends tokens for {hosts} only: name one of these in `registry`, or "
                "point the client at the service of the other registry.",
            )
        serving = self.policies.current()
        now = self.clock()
        request = asked.asked(registry.name)
        policy = self.policy_for(caller, serving)
        decision = decide(policy, caller, request, now=now, limits=self.limits)
        vend_id, rendered = self.new_id(now), ""
        if not decision.refusal:
            try:
                rendered = session_policy(decision, origin, partition=registry.partition)
            except Refused as too_large:
                decision = instead(decision, too_large.refusal)
        if not decision.refusal and self._is_blocked(caller, vend_id):
            decision, rendered = instead(decision, REVOKED), ""
        return Intent(
            vend_id=vend_id,
            attempt=secrets.token_hex(8),
            asked_at=now,
            caller=caller,
            origin=origin,
            request=request,
            decision=decision,
            registry=registry,
            policy=serving,
            session_policy=rendered,
            deployment=self.deployment,
            probe=policy is not serving.policy,
        )

    def policy_for(self, caller: Caller, serving: ServingPolicy) -> Policy:
        """Return what decides for `caller`: the policy that serves, but for the prober."""
        if self.prober is not None and self.prober.concerns(caller):
            return self.prober.policy()
        return serving.policy

    def _is_blocked(self, caller: Caller, vend_id: str) -> bool:
        try:
            return self.blocks.holds(caller.key, vend_id)
        except BlocksUnavailable:
            raise Refused(
                Code.BLOCKS_UNAVAILABLE,
                "No token was issued, because the service could not read whether this caller is "
                "blocked. Try again; if it lasts, tell the platform team.",
            ) from None

    def grants_of(self, caller: Caller) -> tuple[ServingPolicy, list[Grant], datetime]:
        """Return the caller's own grants in every registry, those in monitor mode among them."""
        serving, now = self.policies.current(), self.clock()
        policy = self.policy_for(caller, serving)
        if not policy.bounds.admits(caller):
            return serving, [], now
        modes: tuple[Mode, ...] = ("enforce", "monitor")
        own = [
            grant
            for mode in modes
            for registry in self.registries
            for grant in grants_for(policy, caller, registry, now=now, break_glass=True, mode=mode)
        ]
        return serving, own, now

    def longest(self, policy: Policy, grant: Grant) -> timedelta:
        """Return the longest life of a token that draws on `grant`."""
        lengths = (self.limits.longest, policy.bounds.max_ttl, grant.longest)
        return min(length for length in lengths if length is not None)


@contextmanager
def recording(vend_id: str | None = None) -> Iterator[None]:
    """Let nothing go out, a refusal included, that could not be recorded.

    Raises:
        Refused: A record was not acknowledged (`audit_unavailable`).
    """
    try:
        yield
    except LedgerUnavailable:
        raise Refused(
            Code.AUDIT_UNAVAILABLE,
            "No token was issued, because the audit ledger could not record it. Try again; if it "
            "lasts, tell the platform team.",
            vend_id=vend_id,
        ) from None


def instead(decision: Decision, refusal: Refusal) -> Decision:
    """Return the decision with nothing allowed, for a reason that the policy does not know."""
    return Decision(
        decision.registry,
        grants=decision.grants,
        denies=decision.denies,
        dropped=decision.dropped,
        monitored=decision.monitored,
        refusal=refusal,
    )


def refused(intent: Intent, refusal: Refusal) -> Refused:
    """Return the refusal as the exception that ends a vend."""
    return Refused(refusal.code, refusal.detail, vend_id=intent.vend_id)

"""The use case: decide, intend, mint, issue. It talks to ports only."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from vending.budgets import Budgets, Flood
from vending.deadlines import END, INTEND, MINT, OUT_OF_TIME, fits, unhurried
from vending.decision import Decision, Limits, VendRequest, decide, grants_for
from vending.errors import Code, Refusal, Refused
from vending.registry import Registry, served
from vending.session_policy import ask_for_less, session_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime, timedelta

    from vending.budgets import Over
    from vending.caller import Caller, Origin
    from vending.deadlines import Left
    from vending.messages import TokenRequest
    from vending.policy import Grant, Policy
    from vending.probe import Prober
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
class ServingPolicy:
    """The policy that serves now.

    Attributes:
        policy: The document.
        revision: Names exactly its text.
        label: What its publisher called it, by convention `author/commit`; may be empty.
        text: The document's bytes, for the ledger.
        age: Time since its store last confirmed that it is the one to serve.
    """

    policy: Policy
    revision: str
    label: str
    text: bytes = field(repr=False)
    age: timedelta


@dataclass(frozen=True, slots=True)
class Intent:
    """What is on record before anything is minted.

    Attributes:
        vend_id: Names the vend, its STS session and its records.
        attempt: Random; tells this run's own writes from another's.
        asked_at: When.
        caller: Who.
        origin: From where.
        request: What for.
        decision: What may be had, and why.
        registry: Where it was decided for.
        policy: The document that decided.
        session_policy: What STS is to enforce; empty when refused.
        deployment: Which code: the function's version.
        probe: Whether the stack's own prober asks, who is decided by a policy in code.
    """

    vend_id: str
    attempt: str
    asked_at: datetime
    caller: Caller
    origin: Origin
    request: VendRequest
    decision: Decision
    registry: Registry
    policy: ServingPolicy
    session_policy: str
    deployment: str
    probe: bool = False

    @property
    def role(self) -> str:
        """ARN of the vended role, or empty when refused."""
        return self.registry.roles[self.decision.access] if self.decision.scope else ""


class LedgerUnavailable(Exception):
    """The ledger did not acknowledge a write."""


class Blocked(Exception):
    """The vend may not be issued: the caller was blocked, or the token revoked, meanwhile."""


class BlocksUnavailable(Exception):
    """Whether the caller is blocked could not be read."""


class MintFailed(Exception):
    """AWS gave no token.

    Attributes:
        too_large: Whether STS could not pack the session policy.
        throttled: Whether it is asked too often.
        reason: AWS's error code, for the record.
    """

    def __init__(self, reason: str, *, too_large: bool = False, throttled: bool = False) -> None:
        self.reason = reason
        self.too_large = too_large
        self.throttled = throttled
        super().__init__(reason)


class Policies(Protocol):
    """Where the policy comes from."""

    def current(self) -> ServingPolicy:
        """Return the policy that serves now.

        Raises:
            Refused: None is at hand that is fresh enough (`policy_unavailable`).
        """


class Ledger(Protocol):
    """Where vends are recorded. Every method returns once the write is acknowledged.

    Each raises `LedgerUnavailable` when it is not.
    """

    def intend(self, intent: Intent) -> None:
        """Record an intent, and that its policy serves."""

    def issue(self, intent: Intent, token: Token, *, seconds: Mapping[str, float]) -> None:
        """Record that the token goes out, with its HMAC and the seconds of each phase.

        Raises:
            Blocked: A block that is about it stands at this moment; nothing was recorded.
        """

    def refuse(self, intent: Intent, refusal: Refusal) -> None:
        """Record that nothing goes out, since the policy or STS's limits say so."""

    def fail(self, intent: Intent, reason: str, *, code: Code) -> None:
        """Record that nothing goes out, since nothing was minted."""

    def flood(self, flood: Flood) -> None:
        """Record that a budget is overdrawn."""


class Blocks(Protocol):
    """Where it stands which callers are blocked."""

    def holds(self, caller_key: str, vend_id: str) -> bool:
        """Return whether the caller is blocked; `vend_id` spreads the reads.

        Raises:
            BlocksUnavailable: It could not be read.
        """


class Minter(Protocol):
    """Where tokens come from."""

    def mint(
        self,
        *,
        role: str,
        region: str,
        session_name: str,
        source_identity: str,
        session_policy: str,
        lifetime: timedelta,
    ) -> Token:
        """Return a token of a session of `role` under `session_policy`.

        Raises:
            MintFailed: AWS gave none.
        """


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
        try:
            intent = self.preview(caller, origin, asked)
        except Refused as early:
            if early.refusal.code is Code.UNKNOWN_REGISTRY:
                self.ask(caller, origin)
            raise
        refusal, over = intent.decision.refusal, self._count(intent)
        with recording(None if over else intent.vend_id):
            if over:
                raise self._throttled(caller, origin, over)
            if not fits(left, INTEND, *(() if refusal else (MINT,)), END):
                raise Refused(OUT_OF_TIME.code, OUT_OF_TIME.detail)
            self.ledger.intend(intent)
            if refusal:
                self.ledger.refuse(intent, refusal)
                raise refused(intent, refusal)
            if not fits(left, MINT, END):
                raise self._failed(intent, "no time left to mint", OUT_OF_TIME)
            return self._mint_and_issue(intent)

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

    def _mint_and_issue(self, intent: Intent) -> Vend:
        expires_at = intent.decision.expires_at
        assert expires_at is not None  # noqa: S101  only a refused decision has none
        started = self.stopwatch()
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
            self.ledger.issue(intent, token, seconds={"mint": self.stopwatch() - started})
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
        """Return what `caller` could be vended now: its own grants in every registry."""
        serving, now = self.policies.current(), self.clock()
        policy = self.policy_for(caller, serving)
        if not policy.ceiling.admits(caller):
            return serving, [], now
        own = [
            grant
            for registry in self.registries
            for grant in grants_for(policy, caller, registry, now=now, break_glass=True)
        ]
        return serving, own, now

    def longest(self, policy: Policy, grant: Grant) -> timedelta:
        """Return the longest life of a token that draws on `grant`."""
        lengths = (self.limits.longest, policy.ceiling.max_ttl, grant.longest)
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
        refusal=refusal,
    )


def refused(intent: Intent, refusal: Refusal) -> Refused:
    """Return the refusal as the exception that ends a vend."""
    return Refused(refusal.code, refusal.detail, vend_id=intent.vend_id)

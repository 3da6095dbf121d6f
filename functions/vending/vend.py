"""The use case: decide, intend, mint, issue. It talks to ports only."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from vending.decision import Decision, Limits, VendRequest, decide, grants_for
from vending.errors import Code, Refusal, Refused
from vending.registry import Registry, served
from vending.session_policy import ask_for_less, session_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from vending.caller import Caller, Origin
    from vending.messages import TokenRequest
    from vending.policy import Grant, Policy
    from vending.token import Token


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
        reason: AWS's error code, for the record.
    """

    def __init__(self, reason: str, *, too_large: bool = False) -> None:
        self.reason = reason
        self.too_large = too_large
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

    def fail(self, intent: Intent, reason: str) -> None:
        """Record that nothing goes out, since AWS minted nothing."""


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
        limits: The stack's own.
        clock: Returns the time, aware.
        stopwatch: Returns seconds, for phase times.
        new_id: Returns a vend id for a time.
        deployment: The function's version.
    """

    registries: Mapping[str, Registry]
    policies: Policies
    blocks: Blocks
    ledger: Ledger
    minter: Minter
    limits: Limits
    clock: Callable[[], datetime]
    stopwatch: Callable[[], float]
    new_id: Callable[[datetime], str]
    deployment: str = ""

    def vend(self, caller: Caller, origin: Origin, asked: TokenRequest) -> Vend:
        """Return a token whose record is durable.

        Raises:
            Refused: With the vend's id wherever there is a record.
        """
        intent = self.preview(caller, origin, asked)
        try:
            self.ledger.intend(intent)
            if intent.decision.refusal:
                self.ledger.refuse(intent, intent.decision.refusal)
                raise refused(intent, intent.decision.refusal)
            return self._mint_and_issue(intent)
        except LedgerUnavailable:
            raise Refused(
                Code.AUDIT_UNAVAILABLE,
                "No token was issued, because the audit ledger could not record it. Try again; if "
                "it lasts, tell the platform team.",
                vend_id=intent.vend_id,
            ) from None

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
            self.ledger.fail(intent, failure.reason)
            raise Refused(
                Code.MINT_FAILED,
                "AWS did not issue the token. Try again; if it lasts, give the vend id to the "
                "platform team.",
                vend_id=intent.vend_id,
            ) from None
        try:
            self.ledger.issue(intent, token, seconds={"mint": self.stopwatch() - started})
        except Blocked:
            self.ledger.refuse(intent, REVOKED)
            raise refused(intent, REVOKED) from None
        return Vend(intent, token)

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
        decision = decide(serving.policy, caller, request, now=now, limits=self.limits)
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
        )

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
        if not serving.policy.ceiling.admits(caller):
            return serving, [], now
        own = [
            grant
            for registry in self.registries
            for grant in grants_for(serving.policy, caller, registry, now=now, break_glass=True)
        ]
        return serving, own, now

    def longest(self, policy: Policy, grant: Grant) -> timedelta:
        """Return the longest life of a token that draws on `grant`."""
        lengths = (self.limits.longest, policy.ceiling.max_ttl, grant.longest)
        return min(length for length in lengths if length is not None)


REVOKED = Refusal(
    Code.REVOKED,
    "The platform team has blocked this caller, or revoked this token while it was made: ask them.",
)


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

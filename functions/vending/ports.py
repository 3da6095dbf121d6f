"""The ports of the use case, what is passed through them, and how they fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from vending.budgets import Flood
    from vending.caller import Caller, Origin
    from vending.decision import Decision
    from vending.errors import Code, Refusal
    from vending.policy import Policy
    from vending.registry import Registry
    from vending.request import VendRequest
    from vending.sealing import Person, PersonKey
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


class PersonKeys(Protocol):
    """Where people's keys are kept, which open what records have sealed."""

    def of(self, person: Person) -> PersonKey:
        """Return a person's key, a new one where there is none.

        Raises:
            BotoCoreError: The table does not answer.
            ClientError: It refuses.
        """


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

"""Fakes of the ports, written once: they record what they were asked, and fail where told to."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vending.access import Access
from vending.caller import Caller, Origin
from vending.decision import Limits
from vending.policy_text import parse, revision_of
from vending.registry import Registry
from vending.token import Token
from vending.vend import (
    Blocked,
    BlocksUnavailable,
    LedgerUnavailable,
    MintFailed,
    ServingPolicy,
    Vending,
)
from vending.vend_ids import new_vend_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vending.errors import Refusal
    from vending.vend import Intent

NOW = datetime(2026, 11, 23, 20, 0, 0, 250_000, UTC)
ACCOUNT = "111122223333"
PASSWORD = "eyJwYXlsb2FkIjoiZmFrZS1lY3ItdG9rZW4tYnl0ZXMifQ=="
EVENTS = Path(__file__).parent.parent / "events"

# As itself, as ECR encodes it for Basic authentication, and pieces of either.
ENCODED = base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, PASSWORD[:16], ENCODED, ENCODED[12:36], json.dumps(PASSWORD)[1:-1])

REGISTRY = Registry(
    "default",
    ACCOUNT,
    "eu-west-1",
    "amazonaws.com",
    {access: f"arn:aws:iam::{ACCOUNT}:role/ecr-vend-{access}" for access in Access},
)

POLICY = """\
version: 1
grants:
  - name: payments-ci
    callers: [{role: "arn:aws:iam::111122223333:role/payments-ci"}]
    repositories: [payments/*, base/python]
    access: push
    max_ttl: 30m
"""


def caller(arn: str = f"arn:aws:sts::{ACCOUNT}:assumed-role/payments-ci/run-1") -> Caller:
    """Return a caller as the service would see it."""
    found = Caller.from_arn(arn)
    prefix = "AIDA" if found.kind == "iam-user" else "AROA"
    return Caller.from_arn(arn, principal_id=f"{prefix}{found.name.upper():X<17}"[:21])


ORIGIN = Origin(source_ip="203.0.113.7", user_agent="ecr-vend/0.1.0", request_id="request-1")


@dataclass
class FakePolicies:
    """A policy that is always at hand."""

    text: str = POLICY
    age: timedelta = timedelta(seconds=3)

    def current(self) -> ServingPolicy:
        data = self.text.encode()
        return ServingPolicy(
            parse(data, name="policy.yaml"), revision_of(data), "alice/4f2c1d", data, self.age
        )


@dataclass
class FakeLedger:
    """Keeps what it was told, in order; fails at the named method, or issues nothing."""

    fails_at: str = ""
    blocked: bool = False
    calls: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def _keep(self, name: str, *what: Any) -> None:
        self.calls.append((name, what))
        if name == self.fails_at:
            raise LedgerUnavailable(name)

    def intend(self, intent: Intent) -> None:
        self._keep("intend", intent)

    def issue(self, intent: Intent, token: Token, *, seconds: Mapping[str, float]) -> None:
        self._keep("issue", intent, token.digest(), dict(seconds))
        if self.blocked:
            raise Blocked

    def refuse(self, intent: Intent, refusal: Refusal) -> None:
        self._keep("refuse", intent, refusal)

    def fail(self, intent: Intent, reason: str) -> None:
        self._keep("fail", intent, reason)


@dataclass
class FakeBlocks:
    """Holds the keys of some callers, or cannot say."""

    callers: frozenset[str] = frozenset()
    down: bool = False
    asked: list[str] = field(default_factory=list)

    def holds(self, caller_key: str, vend_id: str) -> bool:
        self.asked.append(caller_key)
        if self.down:
            raise BlocksUnavailable("ReadTimeoutError")
        return caller_key in self.callers


@dataclass
class FakeMinter:
    """Mints the same password for everyone, and keeps what it was asked."""

    failure: MintFailed | None = None
    password: str = PASSWORD
    calls: list[dict[str, Any]] = field(default_factory=list)

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
        self.calls.append(
            {
                "role": role,
                "region": region,
                "session_name": session_name,
                "source_identity": source_identity,
                "session_policy": session_policy,
                "lifetime": lifetime,
            }
        )
        if self.failure:
            raise self.failure
        return Token(self.password)


def vending(
    *,
    policies: FakePolicies | None = None,
    blocks: FakeBlocks | None = None,
    ledger: FakeLedger | None = None,
    minter: FakeMinter | None = None,
    now: datetime = NOW,
    limits: Limits | None = None,
) -> Vending:
    """Return the service on fakes."""
    return Vending(
        registries={"default": REGISTRY},
        policies=policies or FakePolicies(),
        blocks=blocks or FakeBlocks(),
        ledger=ledger or FakeLedger(),
        minter=minter or FakeMinter(),
        limits=limits or Limits(),
        clock=lambda: now,
        stopwatch=lambda: 0.0,
        new_id=new_vend_id,
        deployment="7",
    )


def event(
    name: str = "assumed-role",
    *,
    body: Any = None,
    method: str = "POST",
    path: str = "/v1/tokens",
    **identity: Any,
) -> dict[str, Any]:
    """Return a captured event, with another body, path or identity where given."""
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    found |= {
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
        "httpMethod": method,
        "path": path,
        "resource": path,
    }
    found["requestContext"] |= {"httpMethod": method, "resourcePath": path}
    found["requestContext"]["identity"] |= identity
    return found


def holds_none(text: str) -> bool:
    """Say whether a text holds nothing of PASSWORD, in any of the forms it may appear in."""
    return not any(secret in text for secret in SECRETS)

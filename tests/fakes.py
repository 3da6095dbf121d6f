"""Fakes of the ports, written once: they record what they were asked, and fail where told to."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vending.access import Access
from vending.budgets import Budgets
from vending.caller import Caller, Origin
from vending.policy_text import parse, revision_of
from vending.ports import Blocked, BlocksUnavailable, LedgerUnavailable, MintFailed, ServingPolicy
from vending.probe import Prober
from vending.registry import Registry
from vending.request import Limits
from vending.token import Token
from vending.vend import Vending
from vending.vend_ids import new_vend_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reconciling.findings import Finding, Intended, Span
    from vending.budgets import CountersUnavailable, Flood, Hour, Kind
    from vending.errors import Code, Refusal
    from vending.ports import Intent

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

PROBER = Prober(
    f"arn:aws:iam::{ACCOUNT}:role/ecr-vend-ProberFunctionRole", "ecr-vend-probe/5c1e9f20"
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

    def fail(self, intent: Intent, reason: str, *, code: Code) -> None:
        self._keep("fail", intent, reason, code)

    def flood(self, flood: Flood) -> None:
        self._keep("flood", flood)


@dataclass
class FakeCounters:
    """Counts; where told to fail, it does so at every counter of a kind."""

    failures: dict[str, Exception] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(self, counter: str, hour: Hour) -> int:
        self.asked.append(counter)
        if failure := self.failures.get(counter.partition("#")[0]):
            raise failure
        self.counts[counter, hour.name] = self.counts.get((counter, hour.name), 0) + 1
        return self.counts[counter, hour.name]


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
    counters: FakeCounters | None = None,
    budgets: Mapping[Kind, int] | None = None,
    uncounted: Callable[[CountersUnavailable], None] = lambda _: None,
    watch: Callable[[Intent], None] = lambda _: None,
) -> Vending:
    """Return the service on fakes."""
    return Vending(
        registries={"default": REGISTRY},
        policies=policies or FakePolicies(),
        blocks=blocks or FakeBlocks(),
        ledger=ledger or FakeLedger(),
        minter=minter or FakeMinter(),
        budgets=Budgets(counters or FakeCounters(), budgets or {}, uncounted),
        limits=limits or Limits(),
        clock=lambda: now,
        stopwatch=lambda: 0.0,
        new_id=new_vend_id,
        deployment="7",
        prober=PROBER,
        watch=watch,
    )


@dataclass
class FakeRecords:
    """A ledger to reconcile: its intents, none of which ended, and what is found.

    Attributes:
        intended: All intents.
        until: Until when everything was looked at.
        written: Vend and record that the table has, and no index yet.
        breaks: Whether recording a finding fails.
        findings: Keys of what earlier runs found.
        added: Keys of what this run adds: to the ledger its own record is a retry, and new.
    """

    intended: list[Intended]
    until: datetime | None = None
    written: set[tuple[str, str]] = field(default_factory=set)
    breaks: bool = False
    findings: set[tuple[str, str]] = field(default_factory=set)
    added: list[tuple[str, str]] = field(default_factory=list)

    def reconciled_until(self, now: datetime) -> datetime | None:
        return self.until

    def intents(self, span: Span) -> Iterator[Intended]:
        return (one for one in self.intended if one.asked_at in span)

    def outcomes(self, span: Span) -> Iterator[tuple[str, str]]:
        return iter(())

    def has(self, vend_id: str, record: str) -> bool:
        return (vend_id, record) in self.written

    def add(self, finding: Finding, now: datetime) -> bool:
        if self.breaks:
            raise RuntimeError("the ledger is away")
        key = (str(finding.kind), finding.subject)
        self.added.append(key)
        return key not in self.findings

    def reconciled(self, span: Span, now: datetime, findings: int) -> None:
        self.until = span.end


@dataclass
class FakeLogs:
    """Two empty logs, and CloudTrail's."""

    events: tuple[str, ...] = ()

    def api(self, span: Span, pattern: str) -> Iterator[str]:
        return iter(())

    function = api

    def trail(self, span: Span, pattern: str) -> Iterator[str]:
        return iter(self.events)


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

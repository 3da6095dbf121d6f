"""Every kind of request to the service on fakes, and what it logs and measures of each."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager, redirect_stdout
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from handlers.api import api, logger, uncounted, watch
from handlers.audit_api import audit
from handlers.measures import measures
from handlers.revocation_api import KEEP_UP, revocations
from tests.audited import Audited
from tests.fakes import (
    FakeBlocks,
    FakeCounters,
    FakeLedger,
    FakeMinter,
    FakePolicies,
    event,
    vending,
)
from tests.revoking import KEY, FakeDenier, World
from vending.budgets import CountersThrottled, CountersUnavailable, Kind
from vending.errors import Code, Refused
from vending.ports import MintFailed
from vending.revocations import Kind as Revocation
from vending.revocations import revocation_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aws_lambda_powertools import Logger

    from vending.ports import ServingPolicy

OUTSIDER = {
    "userArn": "arn:aws:sts::111122223333:assumed-role/outsider/run-1",
    "caller": "AROA3XFRBF535OUTSIDE1:run-1",
}
BREAK_GLASS = {
    "body": {"pull": ["payments/api"], "grant": "incident", "reason": "INC-1"},
    "policies": FakePolicies(
        FakePolicies()
        .text.replace("name: payments-ci", "name: incident")
        .replace("max_ttl: 30m", "break_glass: true")
    ),
}


MONITORS = FakePolicies(
    FakePolicies().text
    + """\
  - name: tomorrow
    callers: [{account: "111122223333"}]
    repositories: [search/*]
    access: pull
    mode: monitor
ceiling: {max_ttl: 5m, mode: monitor}
denies:
  - {name: embargo, repositories: [payments/api], mode: monitor}
"""
)
"""A policy with a rule of each kind in monitor mode."""


class NoPolicy(FakePolicies):
    """A policy that is not at hand."""

    def current(self) -> ServingPolicy:
        raise Refused(Code.POLICY_UNAVAILABLE, "none")


class BrokenPolicies(FakePolicies):
    """A defect."""

    def current(self) -> ServingPolicy:
        raise RuntimeError


REQUESTS: dict[str, Mapping[str, Any]] = {
    "vend": {"body": {"pull": ["payments/api"]}},
    "cold start": {"cold": True},
    "break-glass vend": BREAK_GLASS,
    "vend, and what rules would have done": {
        "body": {"pull": ["payments/api", "payments/web"]},
        "policies": MONITORS,
        "watch": watch,
    },
    "refusal, and what a rule would have done": {
        "body": {"pull": ["search/indexer"]},
        "policies": MONITORS,
        "watch": watch,
    },
    "dry run": {"body": {"dry_run": True, "pull": ["payments/api"]}},
    "refused dry run": {"body": {"dry_run": True, "pull": ["search/indexer"]}},
    "whoami": {"name": "whoami", "method": "GET", "path": "/v1/whoami"},
    "not_granted": {"body": {"pull": ["search/indexer"]}},
    "not_granted, another caller": OUTSIDER,
    "invalid_request": {"body": "{"},
    "unknown_registry": {"body": {"registry": "222233334444.dkr.ecr.eu-west-1.amazonaws.com"}},
    "unsupported_caller": {"userArn": "somebody"},
    "not_found": {"path": "/v1/nothing"},
    "audit_unavailable, intent": {"ledger": FakeLedger(fails_at="intend")},
    "audit_unavailable, issue": {"ledger": FakeLedger(fails_at="issue")},
    "blocks_unavailable": {"blocks": FakeBlocks(down=True)},
    "mint_failed": {"minter": FakeMinter(failure=MintFailed("AssumeRole: AccessDenied"))},
    "scope_too_large": {"minter": FakeMinter(failure=MintFailed("packed", too_large=True))},
    "aws_throttled": {"minter": FakeMinter(failure=MintFailed("slow down", throttled=True))},
    "out_of_time": {"milliseconds": 100},
    "throttled": {
        "budgets": {Kind.CALLER: 1},
        "counters": FakeCounters(failures={"caller": CountersThrottled()}),
    },
    "vend that is not counted": {
        "budgets": {Kind.CALLER: 1},
        "counters": FakeCounters(failures={"caller": CountersUnavailable("AccessDenied")}),
        "uncounted": uncounted,
    },
    "policy_unavailable": {"policies": NoPolicy()},
    "internal_error": {"policies": BrokenPolicies()},
    "probe": {"probe": "granted"},
    "probe of a stranger": {"probe": "stranger"},
    "probe that fails": {"probe": "granted", "minter": FakeMinter(failure=MintFailed("X"))},
}
"""Kind of request → its event and its fakes."""

AUDITOR = {
    "userArn": "arn:aws:sts::111122223333:assumed-role/auditor/jo",
    "caller": "AROA3XFRBF535AUDITOR01:jo",
}
REVOKER = {
    "userArn": "arn:aws:sts::111122223333:assumed-role/incident-responder/jo",
    "caller": "AROA3XFRBF535RESPONDER:jo",
}
REVOKED = {"caller": KEY, "reason": "INC-7"}
LIFTED = {
    "path": "/v1/revocations/{id}",
    "pathParameters": {"id": revocation_id(Revocation.CALLER, KEY)},
}
REVOCATIONS: tuple[Mapping[str, Any], ...] = (
    {"body": REVOKED},
    {"method": "GET"},
    {"method": "DELETE", **LIFTED},
    {"body": REVOKED, **OUTSIDER},
)
"""What revokers ask, one after the other."""

FAKES = {"blocks", "budgets", "counters", "ledger", "minter", "policies", "uncounted", "watch"}


def logged(kind: str) -> list[dict[str, Any]]:
    """Return all that is logged of one request of a kind, a metric line included."""
    given = dict(REQUESTS[kind])
    fakes = {name: given.pop(name) for name in FAKES & given.keys()}
    left = given.pop("milliseconds", 20_000)
    measures._cold = given.pop("cold", False)
    context = SimpleNamespace(
        aws_request_id="invocation-1", get_remaining_time_in_millis=lambda: left
    )
    asked = given if "probe" in given else event(**given)
    with printed(logger) as lines:
        api(vending(**fakes))(asked, context)
    return lines


def revoking() -> list[dict[str, Any]]:
    """Return all that is logged of `REVOCATIONS`, and of the schedule's calls."""
    context = SimpleNamespace(aws_request_id="invocation-1")
    world = World()
    with printed(logger) as lines:
        for asked in REVOCATIONS:
            signed = REVOKER | {"method": "POST", "path": "/v1/revocations"} | dict(asked)
            parameters = signed.pop("pathParameters", None)
            revocations(world.service())(event(**signed) | {"pathParameters": parameters}, context)
        revocations(World(denier=FakeDenier("AccessDenied")).service())(KEEP_UP, context)
    return lines


def auditing() -> list[dict[str, Any]]:
    """Return all that is logged of an auditor's read."""
    asked = event(method="GET", path="/v1/vends", **AUDITOR)
    context = SimpleNamespace(aws_request_id="invocation-1")
    with printed(logger) as lines:
        audit(Audited().service())(asked | {"queryStringParameters": None}, context)
    return lines


@contextmanager
def printed(logger: Logger) -> Iterator[list[dict[str, Any]]]:
    """Yield a list that has, after the block, the JSON lines that Lambda would log."""
    written = io.StringIO()
    lines: list[dict[str, Any]] = []
    stream = logger.registered_handler.setStream(written)  # type: ignore[attr-defined]
    try:
        with redirect_stdout(written):
            yield lines
    finally:
        logger.registered_handler.setStream(stream)  # type: ignore[attr-defined]
    lines.extend(json.loads(line) for line in written.getvalue().splitlines())


def lines_of(kind: str) -> list[dict[str, Any]]:
    """Return the metric lines of one request of a kind."""
    return [line for line in logged(kind) if "_aws" in line]


def metrics_of(line: Mapping[str, Any]) -> Iterator[tuple[str, frozenset[tuple[str, str]]]]:
    """Yield each metric that CloudWatch makes of a line: its name, and dimensions with values."""
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for dimensions in directive["Dimensions"]:
            for metric in directive["Metrics"]:
                yield metric["Name"], frozenset((name, line[name]) for name in dimensions)

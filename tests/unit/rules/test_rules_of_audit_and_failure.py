"""The rules that never bend (tests/README.md): Audit and Failure; and the layout's pure modules."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import PASSWORD, FakeBlocks, FakeLedger, FakeMinter, FakePolicies, event
from vending.errors import KINDS, Code
from vending.ports import MintFailed

if TYPE_CHECKING:
    from tests.unit.rules.conftest import Ask

ROOT = Path(__file__).resolve().parents[3]
BODY = {"pull": ["payments/api"]}
ADAPTERS = {
    "aws_clients",
    "block_checks",
    "counters",
    "deny_policies",
    "ledger",
    "minting",
    "policy_source",
    "revocation_ledger",
    "revocation_table",
    "settings",
}
"""Modules of the domain that talk to AWS or read the environment; every other one is pure."""


def test_no_token_without_a_durable_intent(ask: Ask) -> None:
    ledger, minter = FakeLedger(fails_at="intend"), FakeMinter()
    answer = ask(event(body=BODY), ledger=ledger, minter=minter)
    assert (answer.status, answer.code) == (503, "audit_unavailable")
    assert minter.calls == []
    assert ledger.names == ["intend"]


def test_no_token_without_a_durable_issue(ask: Ask) -> None:
    ledger, minter = FakeLedger(fails_at="issue"), FakeMinter()
    answer = ask(event(body=BODY), ledger=ledger, minter=minter)
    assert (answer.status, answer.code) == (503, "audit_unavailable")
    assert len(minter.calls) == 1
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(
    ("fails_at", "body", "minter"),
    [
        ("refuse", {"pull": ["others/app"]}, FakeMinter()),
        ("refuse", BODY, FakeMinter(MintFailed("X", too_large=True))),
        ("fail", BODY, FakeMinter(MintFailed("AssumeRole: AccessDenied"))),
    ],
)
def test_an_end_that_cannot_be_recorded_is_audit_unavailable(
    ask: Ask, fails_at: str, body: dict[str, Any], minter: FakeMinter
) -> None:
    answer = ask(event(body=body), ledger=FakeLedger(fails_at=fails_at), minter=minter)
    assert (answer.status, answer.code) == (503, "audit_unavailable")
    assert answer.headers["Retry-After"]
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(
    ("body", "failure", "end"),
    [
        (BODY, None, "issue"),
        ({"pull": ["others/app"]}, None, "refuse"),
        (BODY, MintFailed("X", too_large=True), "refuse"),
        (BODY, MintFailed("AssumeRole: AccessDenied"), "fail"),
    ],
)
def test_a_vend_is_intended_first_and_ends_issued_refused_or_failed(
    ask: Ask, body: dict[str, Any], failure: MintFailed | None, end: str
) -> None:
    ledger = FakeLedger()
    ask(event(body=body), ledger=ledger, minter=FakeMinter(failure))
    assert ledger.names == ["intend", end]


def test_a_failed_end_is_told_by_no_token_and_a_vend_id(ask: Ask) -> None:
    answer = ask(event(body=BODY), ledger=FakeLedger(fails_at="issue"))
    assert re.fullmatch(r"v-[0-9a-hjkmnp-tv-z]{26}", answer.body["vend_id"])
    assert answer.body["request_id"]


STABLE = {
    "invalid_request": 400,
    "client_too_old": 400,
    "unknown_registry": 400,
    "mixed_push_and_pull_through": 400,
    "scope_too_large": 422,
    "unsupported_caller": 403,
    "test_invocation": 403,
    "not_granted": 403,
    "reason_required": 403,
    "not_a_revoker": 403,
    "revocations_full": 409,
    "revocation_incomplete": 502,
    "revoked": 403,
    "not_found": 404,
    "no_such_revocation": 404,
    "no_such_vend": 404,
    "no_archive": 404,
    "no_such_object": 404,
    "method_not_allowed": 405,
    "throttled": 429,
    "audit_unavailable": 503,
    "blocks_unavailable": 503,
    "not_an_auditor": 403,
    "records_unavailable": 503,
    "policy_unavailable": 503,
    "mint_failed": 502,
    "out_of_time": 503,
    "aws_throttled": 503,
    "internal_error": 500,
}


def test_codes_and_their_statuses_never_change() -> None:
    assert {code.value: KINDS[code].status for code in Code} == STABLE


@pytest.mark.parametrize(
    ("asked", "fakes"),
    [
        (event(body={"unknown": 1}), {}),
        (event(body="{"), {}),
        (event(body={"registry": "ghcr.io"}), {}),
        (event(body={"pull": ["others/app"]}), {}),
        (event("console-test"), {}),
        (event(path="/v1/other"), {}),
        (event(method="DELETE"), {}),
        (event(body=BODY), {"ledger": FakeLedger(fails_at="intend")}),
        (event(body=BODY), {"minter": FakeMinter(MintFailed("X"))}),
        (event(body=BODY), {"ledger": FakeLedger(blocked=True)}),
        (event(body=BODY), {"blocks": FakeBlocks(down=True)}),
        (event(body=BODY), {"policies": FakePolicies("no policy")}),
    ],
)
def test_every_error_is_problem_json_that_says_what_to_do(
    ask: Ask, asked: dict[str, Any], fakes: dict[str, Any]
) -> None:
    answer = ask(asked, **fakes)
    body = answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert body["type"].endswith(f"/docs/errors.md#{body['code']}")
    assert body["status"] == answer.status == STABLE[body["code"]]
    assert body["title"] == KINDS[Code(body["code"])].title
    assert re.match(r"[A-Z`].*\.$", body["detail"])
    assert "vend_id" in body or "request_id" in body


def test_a_refusal_shows_nothing_of_other_peoples_grants(ask: Ask) -> None:
    stranger = {
        "userArn": "arn:aws:sts::111122223333:assumed-role/nobody/run-1",
        "caller": "AROA3XFRBF535NOBODY01:run-1",
    }
    for body in (BODY, {}, {**BODY, "dry_run": True}, {"grant": "no-such-grant"}):
        text = ask(event(body=body, **stranger)).text
        assert "payments-ci" not in text
        assert "base/python" not in text
    shown = ask(event(method="GET", path="/v1/whoami", **stranger)).body
    assert shown["grants"] == []


def test_the_pure_modules_import_no_client_of_aws() -> None:
    found = {path.stem for path in (ROOT / "functions/vending").glob("*.py")}
    assert found >= ADAPTERS
    pure = ", ".join(f"vending.{name}" for name in sorted(found - ADAPTERS - {"__init__"}))
    code = f"import sys, {pure}; print({{'boto3', 'botocore'}} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "functions")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"

"""The API as its callers see it: status, shape and headers of every answer."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from handlers.api import api, logger
from tests.fakes import PASSWORD, FakeLedger, FakeMinter, FakePolicies, event, vending
from vending.ports import MintFailed

CONTEXT = object()


def call(service: Any = None, **request: Any) -> tuple[int, dict[str, Any], dict[str, Any]]:
    return send(event(**request), service)


def send(signed: dict[str, Any], service: Any = None) -> tuple[int, dict[str, Any], dict[str, Any]]:
    answer = api(service or vending())(signed, CONTEXT)
    headers = {k: v[0] for k, v in answer.get("multiValueHeaders", {}).items()}
    headers |= answer.get("headers") or {}
    return answer["statusCode"], json.loads(answer["body"]), headers


def test_a_token_is_answered_with_all_a_client_needs() -> None:
    status, body, headers = call(body={"push": ["payments/api"], "pull": ["base/python"]})
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
    assert body.pop("vend_id").startswith("v-")
    assert len(body.pop("policy_revision")) == 16
    assert body == {
        "registry": "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "username": "AWS",
        "password": PASSWORD,
        "expires_at": "2026-11-23T20:30:00Z",
        "scope": {"push": ["payments/api"], "pull": ["base/python"]},
        "dropped": [],
    }


@pytest.mark.parametrize("body", [None, "", {}, {"access": "pull"}])
def test_a_request_without_repositories_asks_for_all_that_is_granted(body: Any) -> None:
    assert call(body=body)[1]["scope"] == {"pull": ["payments/*", "base/python"]}


def test_what_falls_away_is_said_without_the_rule() -> None:
    _, body, _ = call(body={"pull": ["payments/api", "search/indexer"]})
    assert body["dropped"] == [
        {"repository": "search/indexer", "access": "pull", "reason": "not_granted"}
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "JSON object"),
        ("[]", ""),
        ('"x"', ""),
        ({"caller": "arn:aws:iam::111122223333:root"}, "no field `caller`"),
        ({"pull": []}, "`pull`"),
        ({"pull": ["*"]}, "without host, tag or wildcard"),
        ({"pull": ["payments/api:1"]}, "`pull.0`"),
        ({"pull": ["x"]}, "`pull.0`"),
        ({"pull": "payments/api"}, "`pull`"),
        ({"access": "admin"}, "`access`"),
        ({"access": "pull", "push": ["payments/api"]}, "not both"),
        ({"ttl_seconds": 0}, "`ttl_seconds`"),
        ({"ttl_seconds": "60"}, "`ttl_seconds`"),
        ({"ttl_seconds": 59}, "at least 60"),
        ({"dry_run": 1}, "`dry_run`"),
        ({"reason": "x" * 257}, "`reason`"),
    ],
)
def test_a_bad_request_is_told_which_field_and_why(body: Any, words: str) -> None:
    expected = 400
    status, answer, headers = call(body=body)
    assert status == expected
    assert answer["code"] == "invalid_request"
    assert words in answer["detail"]
    assert headers["Content-Type"] == "application/problem+json"


def test_a_body_that_is_too_long_or_not_base64_is_refused() -> None:
    assert call(body=json.dumps({"reason": "x" * 70_000}))[0] == 400
    encoded = event(body="***") | {"isBase64Encoded": True}
    assert send(encoded)[1]["code"] == "invalid_request"


def test_control_characters_in_a_reason_do_not_reach_the_record() -> None:
    ledger = FakeLedger()
    call(vending(ledger=ledger), body={"reason": "a\x1b[31m\nb\u202ec"})
    assert ledger.calls[0][1][0].request.reason == "a\ufffd[31m\ufffdb\ufffdc"


def test_control_characters_in_the_name_of_a_grant_do_not_reach_the_record() -> None:
    ledger = FakeLedger()
    call(vending(ledger=ledger), body={"grant": "a\x9b31m\u202ec"})
    assert ledger.calls[0][1][0].request.grant == "a\ufffd31m\ufffdc"


@pytest.mark.parametrize(
    ("service", "status", "code"),
    [
        (lambda: vending(ledger=FakeLedger(fails_at="intend")), 503, "audit_unavailable"),
        (lambda: vending(ledger=FakeLedger(fails_at="issue")), 503, "audit_unavailable"),
        (lambda: vending(minter=FakeMinter(failure=MintFailed("X"))), 502, "mint_failed"),
    ],
)
def test_a_failure_names_its_code_and_the_vend(service: Any, status: int, code: str) -> None:
    found, answer, headers = call(service())
    assert (found, answer["code"], answer["status"]) == (status, code, status)
    assert answer["vend_id"].startswith("v-")
    assert answer["request_id"]
    assert answer["type"].endswith(f"#{code}")
    assert headers["Retry-After"]
    assert headers["Cache-Control"] == "no-store"


def test_a_caller_outside_the_policy_is_told_what_to_do() -> None:
    arn = "arn:aws:sts::111122223333:assumed-role/outsider/run-1"
    identity = {"userArn": arn, "caller": "AROA3XFRBF535OUTSIDE1:run-1"}
    status, answer, _ = call(**identity)
    assert (status, answer["code"]) == (403, "not_granted")
    assert "ask the platform team" in answer["detail"]
    assert answer["vend_id"].startswith("v-")


def test_a_dry_run_shows_the_session_policy_and_no_token() -> None:
    minter = FakeMinter()
    status, body, _ = call(vending(minter=minter), body={"dry_run": True, "pull": ["base/python"]})
    assert status == 200
    assert body["decision"] == "allow"
    assert body["grants"] == ["payments-ci"]
    assert body["session_policy"]["Statement"]
    assert body["session_policy_size"] > 100
    assert "password" not in body
    assert minter.calls == []


def test_a_dry_run_of_a_refusal_says_why() -> None:
    _, body, _ = call(body={"dry_run": True, "pull": ["search/indexer"]})
    assert body["decision"] == "refuse"
    assert body["refusal"]["code"] == "not_granted"
    assert body["session_policy"] is None


def test_whoami_shows_the_caller_and_its_grants() -> None:
    status, body, headers = call(name="whoami", method="GET", path="/v1/whoami")
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert body["caller"]["name"] == "payments-ci"
    assert body["grants"] == [
        {
            "name": "payments-ci",
            "registry": "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "access": "push",
            "repositories": ["payments/*", "base/python"],
            "max_ttl_seconds": 1800,
            "expires_on": None,
            "break_glass": False,
            "bind_source_ip": False,
        }
    ]


def test_whoami_leaves_out_a_grant_for_a_registry_that_is_not_served() -> None:
    text = FakePolicies().text + "    registry: nowhere\n"
    service = vending(policies=FakePolicies(text))
    assert call(service, name="whoami", method="GET", path="/v1/whoami")[1]["grants"] == []


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/tokens", 405, "method_not_allowed"),
        ("POST", "/v1/whoami", 405, "method_not_allowed"),
        ("GET", "/v1/nothing", 404, "not_found"),
    ],
)
def test_another_path_or_method_is_a_problem_too(
    method: str, path: str, status: int, code: str
) -> None:
    found, answer, headers = call(method=method, path=path)
    assert (found, answer["code"]) == (status, code)
    assert headers["Cache-Control"] == "no-store"


def test_what_nobody_foresaw_is_an_internal_error_that_quotes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger.registered_handler, "stream", sys.stdout)

    class Broken(FakePolicies):
        def current(self) -> Any:
            raise RuntimeError(f"surprise {PASSWORD}")

    status, answer, headers = call(vending(policies=Broken()))
    assert (status, answer["code"]) == (500, "internal_error")
    assert headers["Cache-Control"] == "no-store"
    output = capsys.readouterr()
    assert '"error":"RuntimeError"' in output.out
    assert PASSWORD not in output.out + output.err + json.dumps(answer)

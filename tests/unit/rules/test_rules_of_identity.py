"""The rules that never bend (tests/README.md): Identity."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import ACCOUNT, FakeLedger, FakeMinter, FakePolicies, caller, event
from tests.strategies import NOW
from vending.caller import Caller, caller_of
from vending.caller_patterns import CallerPattern
from vending.decision import decide
from vending.policy import Policy
from vending.policy_text import PolicyError, parse
from vending.request import Limits, VendRequest

if TYPE_CHECKING:
    from tests.unit.rules.conftest import Ask

OTHER = f"arn:aws:sts::{ACCOUNT}:assumed-role/payments-ci/run-4711"
NOBODY: dict[str, Any] = {
    "userArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/nobody/run-1",
    "caller": "AROA3XFRBF535NOBODY01:run-1",
    "user": "AROA3XFRBF535NOBODY01:run-1",
}
HOSTILE_HEADERS = {
    "X-Amzn-Caller-Identity": OTHER,
    "X-Caller-Arn": OTHER,
    "X-Forwarded-User": OTHER,
    "x-amz-security-token": "ASIA",
    "userArn": OTHER,
    "requestContext": json.dumps({"identity": {"userArn": OTHER}}),
}


def test_identity_never_comes_from_headers(ask: Ask) -> None:
    hostile = event(body={"pull": ["payments/api"]}, **NOBODY)
    hostile["headers"] = {**hostile["headers"], **HOSTILE_HEADERS}
    hostile["multiValueHeaders"] = {key: [value] for key, value in hostile["headers"].items()}
    hostile["queryStringParameters"] = {"userArn": OTHER, "identity": OTHER}
    hostile["stageVariables"] = hostile["pathParameters"] = {"userArn": OTHER}
    hostile["identity"] = {"userArn": OTHER}
    hostile["requestContext"]["authorizer"] = {"userArn": OTHER, "principalId": OTHER}
    answer = ask(hostile)
    assert (answer.status, answer.code) == (403, "not_granted")


@pytest.mark.parametrize("key", ["caller", "identity", "userArn", "requestContext", "role", "arn"])
def test_identity_never_comes_from_the_body(ask: Ask, key: str) -> None:
    minter = FakeMinter()
    answer = ask(event(body={key: OTHER, "pull": ["payments/api"]}, **NOBODY), minter=minter)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert not minter.calls


def test_the_request_context_says_who_calls(ask: Ask) -> None:
    ledger = FakeLedger()
    ask(event(body={"pull": ["payments/api"]}), ledger=ledger)
    (intent, *_) = ledger.calls[0][1]
    assert intent.caller.arn == OTHER


def test_roles_match_without_their_path() -> None:
    text = b"""version: 1
grants:
  - name: ci
    callers: [{role: "arn:aws:iam::111122223333:role/some/path/ci"}]
    repositories: ["*"]
    access: pull
"""
    with pytest.raises(PolicyError, match=r"policy\.yaml:4.*arn:aws:iam::111122223333:role/ci\b"):
        parse(text, name="policy.yaml")
    pattern = CallerPattern(role=f"arn:aws:iam::{ACCOUNT}:role/ci")
    assert pattern.matches(caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/run"))


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws-cn:sts::111122223333:assumed-role/ci/run",
        "arn:aws:sts::444455556666:assumed-role/ci/run",
        "arn:aws:sts::111122223333:assumed-role/ci2/run",
        "arn:aws:sts::111122223333:assumed-role/CI/run",
        "arn:aws:iam::111122223333:user/ci",
        "arn:aws:sts::111122223333:federated-user/ci",
    ],
)
def test_roles_match_on_partition_account_and_name_together(arn: str) -> None:
    pattern = CallerPattern(role=f"arn:aws:iam::{ACCOUNT}:role/ci")
    assert not pattern.matches(caller(arn))


def test_a_session_name_is_matched_only_where_a_grant_opts_in() -> None:
    arns = [f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/{name}" for name in ("run-1", "admin")]
    role = f"arn:aws:iam::{ACCOUNT}:role/ci"
    assert [CallerPattern(role=role).matches(caller(arn)) for arn in arns] == [True, True]
    one = CallerPattern(role=role, session="run-*")
    assert [one.matches(caller(arn)) for arn in arns] == [True, False]


def test_a_session_name_is_never_part_of_the_caller_key() -> None:
    def seen(session: str) -> Caller:
        role = f"arn:aws:sts::{ACCOUNT}:assumed-role/payments-ci/{session}"
        unique = f"AROA3XFRBF535PAYMENTS:{session}"
        return caller_of(event(userArn=role, caller=unique, user=unique))[0]

    one, other = seen("run-1"), seen("somebody.else@example.com")
    assert one.key == other.key == f"aws:{ACCOUNT}:AROA3XFRBF535PAYMENTS"
    assert one.source_identity == other.source_identity


@pytest.mark.parametrize(
    ("pattern", "arn"),
    [
        ("arn:aws:iam::111122223333:user/*", "arn:aws:iam::111122223333:user/team/jo"),
        ("arn:aws:iam::111122223333:user/team?jo", "arn:aws:iam::111122223333:user/team/jo"),
        ("arn:aws:iam::111122223333:user/*jo", "arn:aws:iam::111122223333:user/team/jo"),
    ],
)
def test_a_glob_in_a_caller_never_crosses_a_separator(pattern: str, arn: str) -> None:
    assert not CallerPattern(user=pattern).matches(caller(arn))


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "test-invoke-stage"},
        {"identity": {"sourceIp": "test-invoke-source-ip"}},
    ],
)
@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/whoami"])
def test_test_invocations_are_refused(ask: Ask, path: str, change: dict[str, Any]) -> None:
    ledger, minter = FakeLedger(), FakeMinter()
    method = "POST" if path == "/v1/tokens" else "GET"
    tested = event(path=path, method=method)
    identity = tested["requestContext"]["identity"] | change.get("identity", {})
    tested["requestContext"] |= change | {"identity": identity}
    answer = ask(tested, ledger=ledger, minter=minter)
    assert (answer.status, answer.code) == (403, "test_invocation")
    assert (ledger.calls, minter.calls) == ([], [])


def test_a_captured_console_test_is_refused(ask: Ask) -> None:
    assert ask(event("console-test")).code == "test_invocation"


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"Records": [{"body": "{}"}]},
        {"version": "2.0", "routeKey": "POST /v1/tokens", "requestContext": {"http": {}}},
        {"httpMethod": "POST", "path": "/v1/tokens", "requestContext": {}},
        {"httpMethod": "POST", "path": "/v1/tokens", "body": "{}", "headers": None},
    ],
)
def test_the_function_answers_api_gateway_events_only(ask: Ask, odd: dict[str, Any]) -> None:
    ledger, minter = FakeLedger(), FakeMinter()
    answer = ask(odd, ledger=ledger, minter=minter)
    assert answer.status in (403, 404, 500)
    assert "password" not in answer.body
    assert (ledger.calls, minter.calls) == ([], [])


@pytest.mark.parametrize("asks", ["granted", "stranger"])
def test_the_caller_of_a_probe_is_fixed_in_code(ask: Ask, asks: str) -> None:
    ledger = FakeLedger()
    answer = ask({"probe": asks}, ledger=ledger)
    (intent,) = ledger.calls[0][1]
    role = {"granted": "ecr-vend-ProberFunctionRole", "stranger": "ecr-vend-stranger"}[asks]
    assert (intent.caller.account, intent.caller.name) == (ACCOUNT, role)
    assert intent.probe
    assert answer.status == {"granted": 200, "stranger": 403}[asks]


@pytest.mark.parametrize(
    "odd",
    [
        {"probe": "administrator"},
        {"probe": {"role": OTHER}},
        {"probe": None},
        {"probe": "granted", "body": '{"push": ["payments/api"]}'},
        {"probe": "granted", "requestContext": {"identity": {"userArn": OTHER}}},
    ],
)
def test_a_probe_says_nothing_but_which_of_the_two_callers_asks(
    ask: Ask, odd: dict[str, Any]
) -> None:
    ledger, minter = FakeLedger(), FakeMinter()
    answer = ask(odd, ledger=ledger, minter=minter)
    assert answer.status in (403, 404)
    assert (ledger.calls, minter.calls) == ([], [])


def test_nobody_draws_on_another_partys_grant_by_its_name() -> None:
    found = parse(FakePolicies().text.encode(), name="policy.yaml")
    stranger = caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/nobody/run-1")
    request = VendRequest("default", grant="payments-ci")
    assert isinstance(found, Policy)
    refused = decide(found, stranger, request, now=NOW, limits=Limits()).refusal
    unknown = VendRequest("default", grant="no-such-one")
    other = decide(found, stranger, unknown, now=NOW, limits=Limits()).refusal
    assert refused is not None
    assert other is not None
    # The answer does not tell whether there is such a grant.
    assert refused.detail.replace("payments-ci", "X") == other.detail.replace("no-such-one", "X")

"""AWS's own runtime client runs the bundle: its start, a vend, errors, and what it logs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from handlers.revocation_api import KEEP_UP
from tests.fakes import EVENTS, PASSWORD, POLICY
from tests.fakes import event as bare_event
from tests.integration.fake_aws import Failure, FakeAws, fake_aws
from tests.integration.runtime_api import InitFailed, running, runtime_python
from tests.integration.vend_settings import POLICIES, ROLES, SETTINGS
from tools.artefacts.bundle import build
from tools.artefacts.bundle_rules import SERVICES
from vending.deadlines import COUNTERS, END, LEDGER, MINT, MINTING, PERSON_KEYS, Patience, longest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runtime_python()
    return build("host", tmp_path_factory.mktemp("bundle") / "host")


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with fake_aws(POLICY, PASSWORD) as services:
        yield services


def event(name: str = "assumed-role", **body: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    if body:
        found["body"] = json.dumps(body)
    return found


def settings(aws: FakeAws) -> dict[str, str]:
    # The second is what an operator could set by mistake.
    return {**SETTINGS, "AWS_ENDPOINT_URL": aws.endpoint, "POWERTOOLS_LOGGER_LOG_EVENT": "true"}


def answer_of(payload: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(payload["body"]))


def test_a_vend_through_the_real_runtime(bundle: Path, aws: FakeAws, tmp_path: Path) -> None:
    with running(bundle, "handlers.vend.handler", tmp_path / "log", settings(aws)) as function:
        answer = function.invoke(event())
    assert not answer.failed
    assert answer.payload["statusCode"] == 200
    vend = answer_of(answer.payload)
    assert vend["password"] == PASSWORD
    assert vend["registry"] == "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
    assert vend["scope"] == {"pull": ["payments/api"]}


def test_intent_precedes_the_mint_and_the_outcome_the_release(
    bundle: Path, aws: FakeAws, tmp_path: Path
) -> None:
    with running(bundle, "handlers.vend.handler", tmp_path / "log", settings(aws)) as function:
        vend_id = answer_of(function.invoke(event()).payload)["vend_id"]
        first = aws.operations()
        function.invoke(event())
    counted = ["UpdateItem"] * 3
    assert first[2:6] == ["GetItem", *counted]
    # The caller's key, and what is sealed under it.
    assert first[-6:] == [
        "UpdateItem",
        "PutItem",
        "AssumeRole",
        "GetAuthorizationToken",
        "GenerateMac",
        "TransactWriteItems",
    ]
    # The second vend of the hour polls no policy and records none.
    assert aws.operations()[len(first) :] == ["GetItem", *counted, *first[-6:]]
    assert aws.items[(f"vend#{vend_id}", "1#intent")]
    assert aws.items[(f"vend#{vend_id}", "2#outcome")]["outcome"] == {"S": "issued"}


def test_a_revocation_through_the_real_runtime_and_nothing_else_can_be_asked_by_the_bundle(
    bundle: Path, aws: FakeAws, tmp_path: Path
) -> None:
    with running(bundle, "handlers.vend.handler", tmp_path / "log", settings(aws)) as function:
        function.invoke(event())
    vended = set(aws.operations())
    aws.asked.clear()
    aws.policy += "revokers: [{role: 'arn:aws:iam::111122223333:role/payments-ci'}]\n"
    body = {"caller": "aws:111122223333:AROAEXAMPLE12", "reason": "key leaked"}
    asked = bare_event(method="POST", path="/v1/revocations", body=body)
    with running(
        bundle, "handlers.revocations.handler", tmp_path / "log", settings(aws)
    ) as function:
        answer = function.invoke(asked)
        kept_up = function.invoke(KEEP_UP)
    assert answer.payload["statusCode"] == 200, answer.payload
    assert set(answer_of(answer.payload)["registries"].values()) == {"denied"}
    assert kept_up.payload == {"pending": 0}
    written = [one.parameters for one in aws.asked if one.operation == "CreatePolicyVersion"]
    assert {one["PolicyArn"] for one in written} == set(POLICIES.values())
    revoked = set(aws.operations())
    aws.asked.clear()
    aws.policy += "auditors: [{role: 'arn:aws:iam::111122223333:role/payments-ci'}]\n"
    with running(bundle, "handlers.audit.handler", tmp_path / "log", settings(aws)) as function:
        lookup = bare_event(method="POST", path="/v1/vends/lookup", body={"token": PASSWORD})
        found = function.invoke(lookup)
        listed = function.invoke(bare_event(method="GET", path="/v1/vends"))
    assert found.payload["statusCode"] == 404, found.payload
    assert answer_of(listed.payload) == {"vends": [], "next": None, "could": {}}
    audited = set(aws.operations())
    assert not {
        name for name in audited if name.startswith(("Put", "Update", "Delete", "Transact"))
    }
    # What the bundle's clients can do, the functions do; the archive's in e2e/test_archive.py.
    elsewhere = {"FilterLogEvents", "Invoke", "PutLifecycleEventHookExecutionStatus"}
    elsewhere |= {"GetObject", "ListObjectVersions", "PutObject", "Publish", "Sign", "Verify"}
    asked_for = {name for _, names in SERVICES.values() for name in names}
    # This ledger's indexes are empty, so that no record is read by its key.
    assert vended | revoked | audited == asked_for - elsewhere - {"BatchGetItem"}
    assert not {name for name in vended if "PolicyVersion" in name}
    assert not revoked & {"AssumeRole", "GetAuthorizationToken", "GenerateMac"}


def test_another_registrys_denies_are_written_as_its_own_revoker(
    bundle: Path, aws: FakeAws, tmp_path: Path
) -> None:
    aws.policy += "revokers: [{role: 'arn:aws:iam::111122223333:role/payments-ci'}]\n"
    body = {"caller": "aws:111122223333:AROAEXAMPLE12", "reason": "key leaked"}
    asked = bare_event(method="POST", path="/v1/revocations", body=body)
    eu = "arn:aws:iam::444455556666:{}/ecr-vend.eu.eu-central-1"
    environment = settings(aws) | {"VEND_OTHER_REGISTRIES": eu.format("role")}
    with running(bundle, "handlers.revocations.handler", tmp_path / "log", environment) as function:
        answer = answer_of(function.invoke(asked).payload)
        aws.fail["AssumeRole"] = Failure(400, "AccessDenied")
        refused = answer_of(
            function.invoke(
                bare_event(
                    method="POST",
                    path="/v1/revocations",
                    body=body | {"caller": "aws:111122223333:AROAEXAMPLE13"},
                )
            ).payload
        )
    host = "444455556666.dkr.ecr.eu-central-1.amazonaws.com"
    assert answer["registries"][host] == "denied"
    signed = {
        one.parameters["PolicyArn"]: one.access_key
        for one in aws.asked
        if one.operation == "CreatePolicyVersion"
    }
    theirs = {eu.format("policy") + f"-{access}-revocations" for access in ROLES}
    assert signed == dict.fromkeys(POLICIES.values(), "ASIAFUNCTION") | dict.fromkeys(
        theirs, "ASIAVENDED"
    )
    (assumed, *_) = [one.parameters for one in aws.asked if one.operation == "AssumeRole"]
    assert assumed["RoleArn"] == eu.format("role") + "-revoker"
    # A partial one is told registry by registry.
    assert refused["code"] == "revocation_incomplete"
    assert refused["revocation"]["registries"] == {
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com": "denied",
        host: "failed: AssumeRole: AccessDenied",
    }


def test_the_token_is_asked_for_by_the_vended_session_and_nothing_else_is(
    bundle: Path, aws: FakeAws, tmp_path: Path
) -> None:
    with running(bundle, "handlers.vend.handler", tmp_path / "log", settings(aws)) as function:
        vend_id = answer_of(function.invoke(event()).payload)["vend_id"]
    signed = {one.operation: one.access_key for one in aws.asked}
    assert signed.pop("GetAuthorizationToken") == "ASIAVENDED"
    assert set(signed.values()) == {"ASIAFUNCTION"}
    assumed = next(one.parameters for one in aws.asked if one.operation == "AssumeRole")
    assert assumed["RoleSessionName"] == vend_id
    assert assumed["RoleArn"] == ROLES["pull"]
    assert json.loads(assumed["Policy"])["Statement"]


def test_every_log_record_is_one_json_line_with_the_request_id(
    bundle: Path, aws: FakeAws, tmp_path: Path
) -> None:
    with running(bundle, "handlers.vend.handler", tmp_path / "log", settings(aws)) as function:
        vended = function.invoke(event())
        refused = function.invoke(event(pull=["other/team"]))
        lines = [json.loads(line) for line in function.log_lines()]
    assert answer_of(refused.payload)["code"] == "not_granted"
    records = [line for line in lines if "level" in line]
    assert [record["level"] for record in records] == ["INFO", "WARNING"]
    assert [record["function_request_id"] for record in records] == [
        vended.request_id,
        refused.request_id,
    ]
    assert [record["service"] for record in records] == ["ecr-vend", "ecr-vend"]
    assert records[0]["vend_id"] == answer_of(vended.payload)["vend_id"]
    assert records[1]["caller"] == records[0]["caller"]
    assert records[0]["caller"].startswith("aws:111122223333:AROA")
    metrics = [line for line in lines if "_aws" in line]
    assert len(lines) == len(records) + len(metrics)
    assert [("Vends" in line, "Refusals" in line) for line in metrics] == [
        (True, False),
        (False, True),
    ]
    assert [line["function_request_id"] for line in metrics] == [
        vended.request_id,
        refused.request_id,
    ]
    assert [line.get("ColdStarts") for line in metrics] == [1, None]
    mint = metrics[0]["AssumeRoleSeconds"] + metrics[0]["AuthorizationTokenSeconds"]
    assert 0 < mint < metrics[0]["MintSeconds"] < metrics[0]["VendSeconds"]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("GetItem", (503, "blocks_unavailable")),
        ("PutItem", (503, "audit_unavailable")),
        ("UpdateItem people", (503, "audit_unavailable")),
        ("TransactWriteItems", (503, "audit_unavailable")),
        ("GenerateMac", (503, "audit_unavailable")),
        ("AssumeRole", (502, "mint_failed")),
        ("GetAuthorizationToken", (502, "mint_failed")),
        ("StartConfigurationSession", (503, "policy_unavailable")),
        ("GetLatestConfiguration", (503, "policy_unavailable")),
    ],
)
def test_an_aws_error_is_a_problem_and_gives_no_token(
    bundle: Path, aws: FakeAws, tmp_path: Path, operation: str, expected: tuple[int, str]
) -> None:
    aws.fail[operation] = Failure(400, "AccessDeniedException")
    with running(bundle, "handlers.vend.handler", tmp_path / "log", settings(aws)) as function:
        answer = function.invoke(event())
        again = function.invoke(event("whoami"))
    assert not answer.failed
    assert (answer.payload["statusCode"], answer_of(answer.payload)["code"]) == expected
    assert PASSWORD not in json.dumps(answer.payload)
    assert again.payload["statusCode"] == (503 if expected[1] == "policy_unavailable" else 200)


@pytest.mark.parametrize("operation", ["AssumeRole", "GetAuthorizationToken"])
def test_a_throttle_of_aws_is_503_with_a_time_to_wait_and_on_record(
    bundle: Path, aws: FakeAws, tmp_path: Path, operation: str
) -> None:
    aws.fail[operation] = Failure(400, "ThrottlingException")
    with running(bundle, "handlers.vend.handler", tmp_path / "log", settings(aws)) as function:
        answer = function.invoke(event()).payload
    problem = answer_of(answer)
    assert (answer["statusCode"], problem["code"]) == (503, "aws_throttled")
    assert answer["headers"]["Retry-After"] == "5"
    outcome = aws.items[f"vend#{problem['vend_id']}", "2#outcome"]
    assert (outcome["outcome"], outcome["code"]) == ({"S": "failed"}, {"S": "aws_throttled"})
    # Asking again at once would be the same throttle.
    assert aws.operations().count(operation) == 1


def test_a_caller_over_its_budget_gets_429_and_its_flood_is_on_record(
    bundle: Path, aws: FakeAws, tmp_path: Path
) -> None:
    few = settings(aws) | {"VEND_BUDGETS": '{"caller": 1, "asks": 100}'}
    with running(bundle, "handlers.vend.handler", tmp_path / "log", few) as function:
        answers = [function.invoke(event()).payload for _ in range(3)]
    assert [answer["statusCode"] for answer in answers] == [200, 429, 429]
    assert answer_of(answers[1])["code"] == "throttled"
    assert 1 <= int(answers[1]["headers"]["Retry-After"]) <= 3600
    (flood,) = [item for (pk, _), item in aws.items.items() if pk.startswith("flood#")]
    assert (flood["count"], flood["limit"]) == ({"N": "2"}, {"N": "1"})
    assert aws.operations().count("AssumeRole") == 1


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Failure(400, "AccessDeniedException"), 200),
        (Failure(500, "InternalServerError"), 200),
        (Failure(400, "ThrottlingException"), 429),
        (Failure(400, "ProvisionedThroughputExceededException"), 429),
    ],
)
def test_a_counter_that_fails_lets_a_vend_pass_and_one_that_is_flooded_does_not(
    bundle: Path, aws: FakeAws, tmp_path: Path, fault: Failure, status: int
) -> None:
    aws.fail["UpdateItem budgets"] = fault
    with running(bundle, "handlers.vend.handler", tmp_path / "log", settings(aws)) as function:
        assert function.invoke(event()).payload["statusCode"] == status
        lines = [json.loads(line) for line in function.log_lines()]
    failures = [line for line in lines if "BudgetFailures" in line]
    assert len(failures) == (status == 200)
    assert all("code" not in line for line in failures)
    errors = [line["error"] for line in lines if line.get("level") == "ERROR"]
    assert errors == ([fault.code] if status == 200 else [])


@pytest.mark.parametrize(
    ("operation", "phase", "status"),
    [
        ("UpdateItem budgets", COUNTERS, 200),
        ("UpdateItem people", PERSON_KEYS, 503),
        ("AssumeRole", MINTING, 502),
        ("PutItem", LEDGER, 503),
    ],
)
def test_a_call_that_hangs_is_given_up_within_its_patience(
    bundle: Path, aws: FakeAws, tmp_path: Path, *, operation: str, phase: Patience, status: int
) -> None:
    with running(bundle, "handlers.vend.handler", tmp_path / "log", settings(aws)) as function:
        function.invoke(event())
        aws.slow[operation] = phase.longest + 2
        begun = time.monotonic()
        answer = function.invoke(event()).payload
        took = time.monotonic() - begun
        aws.slow.clear()
    assert answer["statusCode"] == status
    # It was given up before the answer came, and it was not repeated.
    assert phase.read <= took < phase.longest + 2


def test_nothing_is_minted_when_the_end_is_near(bundle: Path, aws: FakeAws, tmp_path: Path) -> None:
    with running(bundle, "handlers.vend.handler", tmp_path / "log", settings(aws)) as function:
        answer = function.invoke(event(), timeout=longest(MINT, END)).payload
    assert (answer["statusCode"], answer_of(answer)["code"]) == (503, "out_of_time")
    assert not {"AssumeRole", "TransactWriteItems"} & set(aws.operations())


def test_no_token_byte_is_logged_or_recorded_whatever_happens(
    bundle: Path, aws: FakeAws, tmp_path: Path
) -> None:
    variables = settings(aws) | {
        "POWERTOOLS_LOG_LEVEL": "DEBUG",
        "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
    }
    with running(bundle, "handlers.vend.handler", tmp_path / "log", variables) as function:
        assert PASSWORD in function.invoke(event()).payload["body"]
        for operation in ("GenerateMac", "TransactWriteItems"):
            aws.fail = {operation: Failure(500, "InternalServerError")}
            function.invoke(event())
        log = (tmp_path / "log").read_text()
    assert log.strip()
    for held in (log, json.dumps([one.parameters for one in aws.asked]), repr(aws.items)):
        assert PASSWORD not in held
        assert PASSWORD[:16] not in held


def test_an_environment_that_makes_no_service_fails_the_start_and_names_the_variable(
    bundle: Path, aws: FakeAws, tmp_path: Path
) -> None:
    broken = settings(aws) | {"VEND_LEDGER_TABLE": ""}
    with (
        pytest.raises(InitFailed) as failed,
        running(bundle, "handlers.vend.handler", tmp_path / "log", broken),
    ):
        pass
    assert failed.value.error["errorType"] == "SettingsError"
    assert "VEND_LEDGER_TABLE" in failed.value.error["errorMessage"]


def test_the_policy_validator_accepts_by_returning_and_refuses_by_raising(
    bundle: Path, tmp_path: Path
) -> None:
    handler = "handlers.policy_validator.handler"
    good = event("policy-validator")
    bad = good | {"content": "dmVyc2lvbjogMgo="}  # version: 2
    with running(bundle, handler, tmp_path / "log", SETTINGS) as function:
        accepted, refused = function.invoke(good), function.invoke(bad)
    assert (accepted.failed, accepted.payload) == (False, None)
    assert refused.failed
    assert refused.payload["errorType"] == "PolicyError"
    assert "version" in refused.payload["errorMessage"]

"""The logs are read as they are written: by the template, by the function, by CloudTrail."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers.api import api, logger
from reconciling.findings import Answered, Called
from reconciling.shapes import answers_in, calls_in, said_in
from tests.fakes import FakeMinter, event, vending
from tools.template.stack import Stack
from vending.ports import MintFailed

TRAIL: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors/cloudtrail.json").read_text()
)
VEND = "v-01jd8w0123456789abcdefghjk"
ROLE = "arn:aws:iam::111122223333:role/ecr-vend-pull"
AT = datetime(2026, 11, 23, 20, 0, 1, tzinfo=UTC)


def access_log_line(**values: str) -> str:
    """Return a line of the access log, in the template's own format."""
    (stage,) = Stack().resources("AWS::ApiGateway::Stage").values()
    text: str = stage["Properties"]["AccessLogSetting"]["Format"]
    known = {
        "$context.requestId": "request-1",
        "$context.requestTimeEpoch": "1795464001000",
        "$context.httpMethod": "POST",
        "$context.resourcePath": "/v1/tokens",
        "$context.status": "200",
        "$context.integration.requestId": "invocation-1",
    } | {f"$context.{key.replace('_', '.')}": value for key, value in values.items()}
    for variable, value in sorted(known.items(), key=lambda one: -len(one[0])):
        text = text.replace(f'"{variable}"', f'"{value}"')
    return text


def test_an_answer_is_read_from_the_templates_access_log() -> None:
    at = datetime.fromtimestamp(1795464001, UTC)
    assert list(answers_in([access_log_line()])) == [Answered("request-1", "invocation-1", 200, at)]


@pytest.mark.parametrize(
    "values",
    [
        {"status": "403"},
        {"status": "429"},
        {"httpMethod": "GET", "resourcePath": "/v1/whoami"},
    ],
)
def test_refusals_and_other_routes_are_no_answers(values: dict[str, str]) -> None:
    assert list(answers_in([access_log_line(**values)])) == []


def test_what_is_no_json_object_is_passed_over() -> None:
    assert list(answers_in(["START RequestId: 1", "7", "[]", access_log_line()]))
    assert list(calls_in(["null", '{"detail": 7}', "{}"])) == []


class Context:
    aws_request_id = "invocation-1"


@pytest.mark.parametrize(
    ("body", "minter", "said"),
    [
        ({"dry_run": True}, FakeMinter(), "DryRuns"),
        ({}, FakeMinter(failure=MintFailed("x")), "refused"),
        ({"registry": "999999999999.dkr.ecr.eu-west-1.amazonaws.com"}, FakeMinter(), "refused"),
        ({}, FakeMinter(), None),
    ],
)
def test_what_explains_an_answer_is_what_the_function_really_logs(
    monkeypatch: pytest.MonkeyPatch, body: dict[str, Any], minter: FakeMinter, said: str | None
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    api(vending(minter=minter))(event(body=body), Context())
    assert dict(said_in(log.getvalue().splitlines())) == ({"invocation-1": said} if said else {})


def test_cloudtrails_calls_lead_to_the_vend() -> None:
    messages = [json.dumps(TRAIL[name]) for name in ("AssumeRole", "GetAuthorizationToken")]
    assert list(calls_in(messages)) == [
        Called("AssumeRole", VEND, ROLE, TRAIL["AssumeRole"]["detail"]["eventID"], AT),
        Called(
            "GetAuthorizationToken",
            VEND,
            ROLE,
            TRAIL["GetAuthorizationToken"]["detail"]["eventID"],
            AT,
        ),
    ]


def test_a_call_that_aws_refused_minted_nothing() -> None:
    refused = TRAIL["AssumeRole"] | {
        "detail": TRAIL["AssumeRole"]["detail"] | {"errorCode": "AccessDenied"}
    }
    assert list(calls_in([json.dumps(refused)])) == []

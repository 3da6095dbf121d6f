"""What is asked of STS and ECR, and how their answers are read."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.stub import Stubber

from tests.fakes import PASSWORD, REGISTRY
from vending.access import Access
from vending.aws_clients import THROTTLES
from vending.minting import StsMinter, password_of
from vending.ports import MintFailed

SESSION = {
    "AccessKeyId": "ASIAVENDEDSESSION000",
    "SecretAccessKey": "vended-secret",
    "SessionToken": "vended-session-token",
    "Expiration": datetime(2026, 11, 23, 21, tzinfo=UTC),
}
ASSUMED = {
    "Credentials": SESSION,
    "AssumedRoleUser": {"AssumedRoleId": "AROAX:v", "Arn": "arn:aws:sts::1:assumed-role/x/y"},
}
TOKEN = base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()


@cache
def session() -> botocore.session.Session:
    """Return the one session, which has read botocore's descriptions of the services."""
    return botocore.session.Session()


def client(service: str) -> Any:
    return session().create_client(
        service,
        region_name="eu-west-1",
        aws_access_key_id="AKIAFUNCTIONSOWN0000",
        aws_secret_access_key="own-secret",
    )


def mint(minter: StsMinter, lifetime: timedelta = timedelta(minutes=5)) -> Any:
    return minter.mint(
        role=REGISTRY.roles[Access.PULL],
        region="eu-west-1",
        session_name="v-01jd8w00000000000000000000",
        source_identity="payments-ci.abcdefghijklmnop",
        session_policy="{}",
        lifetime=lifetime,
    )


class Ecr:
    """An ECR client whose HTTP answers are canned; keeps the signed requests."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.client = client("ecr")
        self.requests: list[Any] = []
        self.answer = (status, body)
        self.client.meta.events.register("before-send.ecr.*", self._send)

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        self.requests.append(request)
        status, body = self.answer

        class Raw:
            def stream(self, *_: Any, **__: Any) -> Any:
                yield body

        return AWSResponse(request.url, status, HTTPHeaders(), Raw())


def assumed(**expected: Any) -> tuple[Any, Stubber]:
    sts = client("sts")
    stub = Stubber(sts)
    asked = {
        "RoleArn": REGISTRY.roles[Access.PULL],
        "RoleSessionName": "v-01jd8w00000000000000000000",
        "SourceIdentity": "payments-ci.abcdefghijklmnop",
        "Policy": "{}",
        "DurationSeconds": 900,
    }
    stub.add_response("assume_role", ASSUMED, asked | expected)
    stub.activate()
    return sts, stub


def answer(token: str = TOKEN) -> bytes:
    return f'{{"authorizationData":[{{"authorizationToken":"{token}"}}]}}'.encode()


def test_the_token_is_asked_for_in_the_name_of_the_vended_session() -> None:
    sts, stub = assumed()
    ecr = Ecr(answer())
    token = mint(StsMinter(sts, lambda _: ecr.client))
    assert token.reveal() == PASSWORD
    stub.assert_no_pending_responses()
    headers = ecr.requests[0].headers
    assert b"ASIAVENDEDSESSION000" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == b"vended-session-token"


def test_a_client_outside_a_vend_cannot_ask_ecr_with_the_functions_own_credentials() -> None:
    sts, _ = assumed()
    ecr = Ecr(answer())
    mint(StsMinter(sts, lambda _: ecr.client))
    with pytest.raises(LookupError):
        ecr.client.get_authorization_token()


@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    [
        (timedelta(seconds=5), 900),
        (timedelta(minutes=20), 1200),
        (timedelta(hours=1), 3600),
        (timedelta(hours=3), 3600),
    ],
)
def test_a_session_lasts_as_long_as_sts_allows_and_the_token_needs(
    lifetime: timedelta, seconds: int
) -> None:
    sts, _ = assumed(DurationSeconds=seconds)
    ecr = Ecr(answer())
    mint(StsMinter(sts, lambda _: ecr.client), lifetime)


@pytest.mark.parametrize(
    ("code", "large"), [("AccessDenied", False), ("PackedPolicyTooLarge", True)]
)
def test_a_refusal_of_sts_is_a_failed_mint(code: str, large: bool) -> None:
    sts = client("sts")
    stub = Stubber(sts)
    stub.add_client_error("assume_role", code, "the words of AWS")
    stub.activate()
    with pytest.raises(MintFailed) as caught:
        mint(StsMinter(sts, lambda _: client("ecr")))
    assert caught.value.too_large is large
    assert caught.value.reason == f"AssumeRole: {code}"


@pytest.mark.parametrize("code", sorted(THROTTLES))
def test_a_throttle_of_sts_is_told_from_a_refusal(code: str) -> None:
    sts = client("sts")
    stub = Stubber(sts)
    stub.add_client_error("assume_role", code)
    stub.activate()
    with pytest.raises(MintFailed) as caught:
        mint(StsMinter(sts, lambda _: client("ecr")))
    assert caught.value.throttled
    assert caught.value.reason == f"AssumeRole: {code}"


@pytest.mark.parametrize(
    ("code", "throttled"), [("ThrottlingException", True), ("AccessDeniedException", False)]
)
def test_a_throttle_of_ecr_is_told_from_a_refusal(code: str, throttled: bool) -> None:
    sts, _ = assumed()
    ecr = Ecr(f'{{"__type":"{code}"}}'.encode(), status=400)
    with pytest.raises(MintFailed) as caught:
        mint(StsMinter(sts, lambda _: ecr.client))
    assert caught.value.throttled is throttled


def test_a_refusal_of_ecr_is_a_failed_mint() -> None:
    sts, _ = assumed()
    ecr = Ecr(b'{"__type":"AccessDeniedException"}', status=400)
    with pytest.raises(MintFailed, match="GetAuthorizationToken: AccessDeniedException"):
        mint(StsMinter(sts, lambda _: ecr.client))


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"authorizationData": []},
        {"authorizationData": [{}]},
        {"authorizationData": [{"authorizationToken": "***"}]},
        {"authorizationData": [{"authorizationToken": base64.b64encode(b"AWS:").decode()}]},
        {"authorizationData": [{"authorizationToken": base64.b64encode(b"\xff").decode()}]},
        {"authorizationData": [{"authorizationToken": base64.b64encode(b"root:x").decode()}]},
    ],
)
def test_an_unreadable_answer_is_a_failed_mint_that_quotes_nothing(found: Any) -> None:
    with pytest.raises(MintFailed) as caught:
        password_of(found)
    assert caught.value.reason == "GetAuthorizationToken: unreadable answer"

"""The API's own lock: SigV4, who may invoke, and what a policy must pass to be published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.e2e.running import send
from tools.environments import ROOT

if TYPE_CHECKING:
    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator


def test_who_calls_is_read_from_the_signature_and_not_from_the_request(stack: Stack) -> None:
    request = stack.signed("GET", "/v1/whoami", stack.as_role("payments-ci", "run-7"))
    request.headers["X-Forwarded-For"] = "198.51.100.7"
    status, answer = send(request)
    assert status == 200
    assert answer["caller"]["name"] == "payments-ci"
    assert answer["caller"]["session"] == "run-7"
    assert answer["source_ip"] == "127.0.0.1"


def test_a_wrong_secret_is_refused(stack: Stack) -> None:
    right = stack.as_role("payments-ci")
    wrong = Credentials(right.access_key, "wrong", right.token)
    status, answer = send(stack.signed("POST", "/v1/tokens", wrong, b"{}"))
    assert status == 403, answer


def test_a_stale_signature_is_refused(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime, timedelta

    from botocore import auth

    old = datetime.now(UTC) - timedelta(minutes=20)
    credentials = stack.as_role("payments-ci")
    monkeypatch.setattr(auth, "get_current_datetime", lambda *_, **__: old.replace(tzinfo=None))
    request = stack.signed("POST", "/v1/tokens", credentials, b"{}")
    assert old.strftime("%Y%m%dT%H%M") in request.headers["X-Amz-Date"]
    status, answer = send(request)
    assert status == 403
    assert "Signature expired" in json.dumps(answer)


def test_a_tampered_body_is_refused(stack: Stack) -> None:
    request = stack.signed("POST", "/v1/tokens", stack.as_role("payments-ci"), b'{"ttl_seconds":5}')
    request.data = b'{"ttl_seconds":9}'
    status, answer = send(request)
    assert status == 403, answer


def test_an_unsigned_request_is_refused(stack: Stack) -> None:
    request = AWSRequest("POST", stack.about["endpoint"] + "/v1/tokens", data=b"{}")
    status, answer = send(request)
    assert status == 403
    assert "Missing Authentication Token" in json.dumps(answer)


def test_a_signature_for_another_service_is_refused(stack: Stack) -> None:
    request = AWSRequest("POST", stack.about["endpoint"] + "/v1/tokens", data=b"{}")
    SigV4Auth(stack.as_role("payments-ci"), "s3", stack.about["region"]).add_auth(request)
    status, answer = send(request)
    assert status == 403
    assert "correct service: 'execute-api'" in answer["message"]


def test_a_session_token_that_is_not_the_keys_is_refused(stack: Stack) -> None:
    first, second = stack.as_role("payments-ci"), stack.as_role("outsider")
    mixed = Credentials(first.access_key, first.secret_key, second.token)
    assert send(stack.signed("POST", "/v1/tokens", mixed, b"{}"))[0] == 403


def test_root_keys_may_not_call_the_api(stack: Stack) -> None:
    request = stack.signed("POST", "/v1/tokens", Credentials("test", "test"), b"{}")
    status, answer = send(request)
    assert status == 403
    assert "Root credentials" in answer["message"]


def test_a_caller_without_execute_api_is_refused_by_iam(stack: Stack) -> None:
    status, answer = send(stack.signed("POST", "/v1/tokens", stack.as_role("stranger"), b"{}"))
    assert status == 403
    assert "execute-api:Invoke" in json.dumps(answer)


def test_a_caller_outside_the_policy_is_told_what_to_do(stack: Stack) -> None:
    status, answer = send(stack.signed("POST", "/v1/tokens", stack.as_role("outsider"), b"{}"))
    assert (status, answer["code"]) == (403, "not_granted")
    assert "ask the platform team" in answer["detail"]
    assert answer["vend_id"].startswith("v-")


def test_callers_hold_no_ecr_permission(stack: Stack) -> None:
    for role in ("payments-ci", "payments-publisher", "outsider", "auditor"):
        ecr = stack.client("ecr", stack.as_role(role))
        with pytest.raises(ClientError, match="AccessDenied"):
            ecr.get_authorization_token()


def test_nobody_but_the_function_may_assume_a_vended_role(stack: Stack) -> None:
    for credentials in (stack.as_role("payments-ci"), stack.administrator):
        sts = stack.client("sts", credentials)
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(
                RoleArn="arn:aws:iam::000000000000:role/ecr-vend-push",
                RoleSessionName="v-" + "0" * 26,
            )


def test_the_vended_roles_keep_their_boundaries(stack: Stack) -> None:
    iam = stack.client("iam")
    for name in ("pull", "push", "pull-through"):
        role = iam.get_role(RoleName=f"ecr-vend-{name}")["Role"]
        assert "Boundary" in role["PermissionsBoundary"]["PermissionsBoundaryArn"]


def publish(stack: Stack, document: str) -> None:
    outputs = stack.about["outputs"]
    appconfig = stack.client("appconfig")
    version = appconfig.create_hosted_configuration_version(
        ApplicationId=outputs["PolicyApplicationId"],
        ConfigurationProfileId=outputs["PolicyProfileId"],
        Content=document.encode(),
        ContentType="application/x-yaml",
    )["VersionNumber"]
    appconfig.start_deployment(
        ApplicationId=outputs["PolicyApplicationId"],
        EnvironmentId=outputs["PolicyEnvironmentId"],
        DeploymentStrategyId=outputs["PolicyStrategyId"],
        ConfigurationProfileId=outputs["PolicyProfileId"],
        ConfigurationVersion=str(version),
    )


def test_a_policy_that_fails_its_own_tests_is_refused_by_the_deployment(stack: Stack) -> None:
    good = (ROOT / "local/policy.yaml").read_text()
    asked = "    repository: search/indexer\n    access: pull\n    expect: "
    broken = good.replace(f"{asked}deny", f"{asked}allow")
    assert broken != good
    with pytest.raises(ClientError) as refusal:
        publish(stack, broken)
    assert refusal.value.response["Error"]["Code"] == "BadRequestException"
    assert "search/indexer" in str(refusal.value)


def test_a_policy_that_does_not_parse_is_refused_with_the_line(stack: Stack) -> None:
    with pytest.raises(ClientError, match=r"policy.yaml:2"):
        publish(stack, "version: 1\ngrant: []\n")

"""A role in the settings is assumed with the credentials found, before the service is asked."""

from __future__ import annotations

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import EndpointConnectionError

from ecr_vend import credentials
from ecr_vend.errors import Problem
from ecr_vend.keys import Keys
from tests.client.fake_service import HOST, FakeService
from tests.client.machine import Machine, write

ROLE = "arn:aws:iam::444455556666:role/team/pullers"
OTHER = ROLE.replace("pullers", "pushers")


def test_the_service_is_asked_as_the_role(machine: Machine, service: FakeService) -> None:
    machine.environ["ECR_VEND_ROLE"] = ROLE
    assert "token-1-of-ASIAROLE00000001" in machine.python()
    (call,) = service.assumed
    assert call["signed_by"] == "AKIAJOBONE"
    assert call["Action"] == "AssumeRole"
    assert call["RoleArn"] == ROLE
    assert call["RoleSessionName"] == "ecr-vend"
    assert call["DurationSeconds"] == "900"


def test_a_session_is_named_as_the_usual_variable_says(
    machine: Machine, service: FakeService
) -> None:
    machine.environ |= {"ECR_VEND_ROLE": ROLE, "AWS_ROLE_SESSION_NAME": "run-17"}
    machine.python()
    assert service.assumed[0]["RoleSessionName"] == "run-17"


def test_a_cached_token_needs_no_role_to_be_assumed(machine: Machine, service: FakeService) -> None:
    machine.environ["ECR_VEND_ROLE"] = ROLE
    assert machine.python() == machine.python()
    assert len(service.assumed) == 1


def test_a_cached_token_of_one_role_never_reaches_another(
    machine: Machine, service: FakeService
) -> None:
    first = machine.python(ECR_VEND_ROLE=ROLE)
    second = machine.python(ECR_VEND_ROLE=OTHER)
    none = machine.python()
    assert len({first, second, none}) == 3
    assert [call["RoleArn"] for call in service.assumed] == [ROLE, OTHER]
    assert "of-AKIAJOBONE" in none


def test_each_registry_may_have_its_own_role(machine: Machine, service: FakeService) -> None:
    host = HOST.replace("111122223333", "444455556666")
    write(
        machine.home / ".config/ecr-vend/config.toml",
        f"[registries.\"{host}\"]\nrole = '{ROLE}'\n",
    )
    assert "of-AKIAJOBONE" in machine.python()
    assert "of-ASIAROLE" in machine.python("get", host)
    assert len(service.assumed) == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            (403, "AccessDenied", "User: x is not authorized to perform: sts:AssumeRole on y"),
            f"the role {ROLE} could not be assumed (AccessDenied: User: x is not authorized",
        ),
        ((400, "ValidationError", "1 validation error."), "(ValidationError: 1 validation error):"),
        ((403, "ExpiredToken", "expired"), "the AWS credentials have expired"),
        ((403, "InvalidClientTokenId", "no"), "AWS does not know these credentials"),
        ((403, "SignatureDoesNotMatch", "Signature expired: x"), "this machine's clock differs"),
        ((403, "SignatureDoesNotMatch", "calculated"), "could not be assumed (SignatureDoesNot"),
    ],
)
def test_a_refusal_by_sts_says_what_to_do(
    machine: Machine, service: FakeService, answer: tuple[int, str, str], says: str
) -> None:
    service.refuse_role = answer
    text = machine.python(ECR_VEND_ROLE=ROLE)
    assert says in text
    assert text.count("\n") == 1
    assert service.asked == []


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((503, "ServiceUnavailable", "no"), "STS in eu-west-1 cannot be reached (HTTP 503)"),
        ((400, "Throttling", "no"), "STS in eu-west-1 is being asked too often"),
        (None, "STS in eu-west-1 cannot be reached (Could not connect"),
    ],
)
def test_an_sts_that_does_not_serve_is_no_refusal(
    machine: Machine, service: FakeService, answer: tuple[int, str, str] | None, says: str
) -> None:
    # So a token that still works goes on being used.
    service.refuse_role = answer
    if answer is None:
        machine.environ["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:9"
    found = Keys("AKIAJOBONE", "secret", None)
    with pytest.raises(Problem) as caught:
        credentials.assume(ROLE, found, "eu-west-1", machine.environ, None)
    assert says in caught.value.text
    assert caught.value.unavailable


def test_the_sts_of_the_region_is_asked_and_not_the_global_one(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    del machine.environ["AWS_ENDPOINT_URL_STS"]
    asked: list[str] = []

    def send(self: object, request: AWSPreparedRequest) -> None:
        asked.append(request.url)
        raise EndpointConnectionError(endpoint_url=request.url)

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", send)
    found = Keys("AKIAJOBONE", "secret", None)
    with pytest.raises(Problem, match="cannot be reached"):
        credentials.assume(ROLE, found, "eu-central-1", machine.environ, None)
    assert set(asked) == {"https://sts.eu-central-1.amazonaws.com/"}

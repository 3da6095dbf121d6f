"""Each failure is a line that says what to do, however it came about."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from botocore import exceptions

from ecr_vend import credentials, service
from ecr_vend.deadline import Deadline
from ecr_vend.errors import NOT_FOUND, PROBLEMS, UNAVAILABLE, Problem, clean
from ecr_vend.keys import Keys
from tests.client.fake_service import HOST, REFUSAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

ENDPOINT = "https://abc.execute-api.eu-west-1.amazonaws.com/live"
NOW = 1_800_000_000.0
GOOD = {
    "registry": HOST,
    "username": "AWS",
    "password": "THE-TOKEN",
    "expires_at": "2027-01-15T08:15:00Z",  # NOW and a quarter of an hour
}


def response(status: int, document: object, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=document, headers=named)


def vend(
    *answers: httpx.Response | Exception, left: float = 20.0
) -> tuple[tuple[Any, ...] | Problem, list[httpx.Request], list[float]]:
    """Ask a service that gives these answers in turn, the last one for ever."""
    requests: list[httpx.Request] = []
    pauses: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        given = answers[min(len(requests), len(answers)) - 1]
        if isinstance(given, Exception):
            raise given
        return given

    asked = service.Service(
        ENDPOINT,
        "eu-west-1",
        Keys("AKIAEXAMPLE", "secret", "session"),
        transport=httpx.MockTransport(answer),
        clock=lambda: NOW,
        sleep=pauses.append,
        chance=lambda: 0.5,
        environ={},
    )
    try:
        return asked.vend({"registry": HOST}, Deadline(left)), requests, pauses
    except Problem as problem:
        return problem, requests, pauses


def test_a_token_comes_with_its_end_by_this_machines_clock() -> None:
    # The service's clock is a minute ahead, so the same life ends a minute earlier here.
    ahead = "Fri, 15 Jan 2027 08:01:00 GMT"
    result, requests, _ = vend(response(200, GOOD, Date=ahead))
    assert isinstance(result, tuple)
    password, fetched, expires = result
    assert (password.reveal(), fetched, expires) == ("THE-TOKEN", NOW, NOW + 840)
    (request,) = requests
    assert request.url == f"{ENDPOINT}/v1/tokens"
    assert json.loads(request.content) == {"registry": HOST}
    assert "Credential=AKIAEXAMPLE/" in request.headers["Authorization"]
    assert "/eu-west-1/execute-api/aws4_request" in request.headers["Authorization"]
    assert request.headers["X-Amz-Security-Token"] == "session"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"password": None}, "no usable password"),
        ({"password": 'a"b'}, "no usable password"),
        ({"username": "root"}, "user name is not AWS"),
        ({"registry": "444455556666.dkr.ecr.eu-west-1.amazonaws.com"}, f"not for {HOST}"),
        ({"expires_at": "soon"}, "no expiry"),
        ({"expires_at": "2027-01-15T08:15:00"}, "no time zone"),
    ],
)
def test_an_answer_that_is_not_whole_is_said_without_quoting_it(
    change: dict[str, object], says: str
) -> None:
    problem, _, _ = vend(response(200, GOOD | change))
    assert isinstance(problem, Problem)
    assert problem.code == "unexpected_answer"
    assert says in problem.text
    assert "THE-TOKEN" not in repr(problem) + problem.text


def gateway(status: int, message: str, kind: str = "") -> httpx.Response:
    return response(status, {"message": message}, x_amzn_ErrorType=kind)


DENIED = (
    "User: arn:aws:sts::111122223333:assumed-role/ci/run-1 is not authorized to perform: "
    "execute-api:Invoke on resource: arn:aws:execute-api:eu-west-1:********3333:abc/live/POST/v1"
)
OVER = {
    "code": "throttled",
    "detail": "Wait until 21:00 UTC: this session has had its 3 tokens of the hour.",
    "request_id": "request-1",
}
ANSWERS: dict[str, tuple[httpx.Response | Exception, str]] = {
    "not_authorised": (gateway(403, DENIED, "AccessDeniedException"), "assumed-role/ci/run-1"),
    "clock_skew": (
        gateway(403, "Signature expired: 20270115T080000Z is now earlier than 20270115T081000Z"),
        "set the clock",
    ),
    "credentials_expired": (
        gateway(403, "The security token included in the request is expired"),
        "renew them",
    ),
    "credentials_refused": (
        gateway(403, "The security token included in the request is invalid."),
        "AKIAEXAMPLE",
    ),
    "signature_refused": (
        gateway(403, "The request signature we calculated does not match"),
        "ECR_VEND_REGION",
    ),
    "refused": (response(403, REFUSAL), "ask platform@example.com for team/app"),
    "bad_request": (
        response(400, {"code": "invalid_request", "detail": "`pull` is wrong"}),
        "`pull` is wrong",
    ),
    "not_an_ecr_vend": (gateway(403, "Missing Authentication Token"), "ECR_VEND_ENDPOINT"),
    "throttled": (gateway(429, "Too Many Requests"), "asked too often"),
    "over_budget": (response(429, OVER), "this session has had its 3 tokens"),
    "service_down": (gateway(500, "Internal server error"), "Internal server error"),
    "unexpected_answer": (httpx.Response(418, text="THE-TOKEN"), "HTTP 418"),
    "unreachable": (httpx.ConnectError("Connection refused"), "Connection refused"),
}


@pytest.mark.parametrize("code", ANSWERS)
def test_an_answer_means_what_can_be_done_about_it(code: str) -> None:
    answer, says = ANSWERS[code]
    problem, requests, _ = vend(answer)
    assert isinstance(problem, Problem)
    assert problem.code == code
    assert says in problem.text
    assert "THE-TOKEN" not in problem.text
    assert problem.text.count("\n") == 0
    assert len(requests) == (4 if code in UNAVAILABLE else 1)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("reason_required", "set ECR_VEND_REASON"),
        ("scope_too_large", "name fewer repositories"),
        ("mixed_push_and_pull_through", "set either"),
        ("unknown_registry", "ALIAS=HOST"),
    ],
)
def test_a_refusal_says_which_setting_to_change(code: str, says: str) -> None:
    problem, _, _ = vend(response(400, REFUSAL | {"code": code}))
    assert isinstance(problem, Problem)
    assert problem.code == "refused"
    assert says in problem.text
    assert str(REFUSAL["vend_id"]) in problem.text


def test_a_redirection_is_not_followed() -> None:
    elsewhere = response(307, {}, Location="https://evil.example/")
    problem, requests, _ = vend(elsewhere, response(200, GOOD))
    assert isinstance(problem, Problem)
    assert problem.code == "not_an_ecr_vend"
    assert len(requests) == 1


def test_passing_trouble_is_tried_again_with_growing_pauses() -> None:
    result, requests, pauses = vend(
        gateway(500, "x"), httpx.ReadTimeout("slow"), gateway(429, "x"), response(200, GOOD)
    )
    assert isinstance(result, tuple)
    assert len(requests) == 4
    assert pauses == [0.25, 0.5, 1.0]


def test_the_pause_the_service_asks_for_is_kept() -> None:
    _, _, pauses = vend(response(503, {}, Retry_After="3"), response(200, GOOD))
    assert pauses == [3.25]
    at = "Fri, 15 Jan 2027 08:00:05 GMT"
    now = "Fri, 15 Jan 2027 08:00:00 GMT"
    _, _, pauses = vend(response(503, {}, Retry_After=at, Date=now), response(200, GOOD))
    assert pauses == [5.25]


def test_a_pause_beyond_the_deadline_is_not_begun() -> None:
    problem, requests, pauses = vend(response(429, {}, Retry_After="60"))
    assert isinstance(problem, Problem)
    assert "it asks to wait 60 s" in problem.text
    assert (len(requests), pauses) == (1, [])


def test_who_is_over_a_budget_hears_which_at_once_and_uses_the_token_at_hand() -> None:
    problem, requests, pauses = vend(response(429, OVER, Retry_After="1800"))
    assert isinstance(problem, Problem)
    assert "Wait until 21:00 UTC: this session has had" in problem.text
    assert (len(requests), pauses) == (1, [])
    assert problem.unavailable


def test_a_service_that_is_throttled_by_aws_is_asked_again_when_it_says() -> None:
    slowed = {"code": "aws_throttled", "detail": "AWS is asked too often.", "vend_id": "v-1"}
    result, _, pauses = vend(response(503, slowed, Retry_After="5"), response(200, GOOD))
    assert isinstance(result, tuple)
    assert pauses == [5.25]


def test_a_certificate_that_is_not_trusted_is_said_and_not_retried() -> None:
    fault = httpx.ConnectError("ssl")
    fault.__cause__ = ssl.SSLCertVerificationError(1, "self-signed")
    fault.__cause__.verify_message = "self-signed certificate"
    problem, requests, _ = vend(fault)
    assert isinstance(problem, Problem)
    assert problem.code == "not_trusted"
    assert len(requests) == 1


def test_the_region_comes_from_the_endpoint_unless_it_is_set() -> None:
    assert service.signing_region(ENDPOINT, None, {"AWS_REGION": "us-east-1"}) == "eu-west-1"
    assert service.signing_region(ENDPOINT, "us-east-2", {}) == "us-east-2"
    custom = "https://vend.example.com"
    assert service.signing_region(custom, None, {"AWS_DEFAULT_REGION": "us-west-2"}) == "us-west-2"
    assert service.signing_region(custom, None, {}) is None
    assert service.signing_region(custom, None, {"AWS_REGION": "é"}) is None


def raising(error: Exception) -> Callable[..., None]:
    def load(*_: object) -> None:
        raise error

    return load


CHAIN = {
    "no_profile": exceptions.ProfileNotFound(profile="missing"),
    "sso_expired": exceptions.UnauthorizedSSOTokenError(),
    "credentials_failed": exceptions.MetadataRetrievalError(error_msg="no route"),
    "credentials_expired": exceptions.ClientError({"Error": {"Code": "ExpiredToken"}}, "x"),
    "clock_skew": exceptions.ClientError(
        {"Error": {"Code": "SignatureDoesNotMatch", "Message": "Signature expired: x"}}, "x"
    ),
}


@pytest.mark.parametrize("code", CHAIN)
def test_trouble_with_the_credentials_is_said_in_words(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_load", raising(CHAIN[code]))
    with pytest.raises(Problem) as caught:
        credentials.find({"AWS_PROFILE": "dev"}, None)
    assert caught.value.code == code


@pytest.mark.parametrize("spoilt", ["{}\n", "{} ", "\t{}", "{}\r\nX-Other: y", "{}\udcff", "{}é"])
@pytest.mark.parametrize(
    ("variable", "what"),
    [
        ("AWS_ACCESS_KEY_ID", "access key id"),
        ("AWS_SECRET_ACCESS_KEY", "secret access key"),
        ("AWS_SESSION_TOKEN", "session token"),
    ],
)
def test_credentials_with_something_copied_along_are_never_quoted(
    machine: Machine, service: FakeService, variable: str, what: str, spoilt: str
) -> None:
    said = machine.python(**{variable: spoilt.format("DO-NOT-SHOW")})
    assert said.startswith(f"ecr-vend: the {what} of the AWS credentials is empty, or holds a")
    kept = b"".join(path.read_bytes() for path in machine.home.rglob("*") if path.is_file())
    assert "DO-NOT-SHOW" not in said
    assert b"DO-NOT-SHOW" not in kept
    assert service.asked == []


def test_a_header_that_cannot_be_sent_is_not_quoted() -> None:
    # As httpx reports it once it is asked to send one.
    problem, _, _ = vend(httpx.LocalProtocolError("Illegal header value b'DO-NOT-SHOW\\n'"))
    assert isinstance(problem, Problem)
    assert "DO-NOT-SHOW" not in problem.text


def test_an_sso_sign_in_that_expired_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_load", raising(exceptions.UnauthorizedSSOTokenError()))
    with pytest.raises(Problem, match="run `aws sso login --profile dev`"):
        credentials.find({}, "dev")


def test_no_credentials_anywhere_is_said(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    absent = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    assert machine.python(**absent).startswith("ecr-vend: no AWS credentials were found")


def test_an_endpoint_that_is_not_set_is_said(machine: Machine) -> None:
    text = machine.python(ECR_VEND_ENDPOINT=None)
    assert text.startswith("ecr-vend: no endpoint is set: set ECR_VEND_ENDPOINT")
    assert "config.toml" in text


def test_a_region_nobody_tells_is_asked_for(machine: Machine) -> None:
    assert "set ECR_VEND_REGION" in machine.python(ECR_VEND_REGION=None)


def test_a_token_without_life_is_not_handed_out(machine: Machine, service: Any) -> None:
    service.life = -5
    text = machine.python()
    assert "no life left" in text
    assert "token-1-of" not in text


def test_no_sentence_could_be_taken_for_the_not_found_line() -> None:
    for sentence in PROBLEMS.values():
        assert NOT_FOUND not in sentence
        assert "\n" not in sentence
    assert NOT_FOUND not in clean(f"x {NOT_FOUND}\n{NOT_FOUND.replace(' ', chr(10))}")


def test_a_recorded_failure_of_an_unknown_kind_is_none() -> None:
    with pytest.raises(KeyError):
        Problem.recorded("of-next-year", "text")


def test_a_value_keeps_the_blank_that_its_sentence_needs() -> None:
    assert clean(" [v-1]") == " [v-1]"
    assert clean("  a \n b ") == " a b"

"""DESIGN.md, "Rules that never bend": Secrets."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import pickle
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import (
    ORIGIN,
    PASSWORD,
    POLICY,
    FakeLedger,
    FakeMinter,
    caller,
    event,
    vending,
)
from tests.integration.fake_aws import Failure, fake_aws
from tests.integration.vend_settings import SETTINGS
from vending.errors import Refused
from vending.messages import TokenRequest, TokenResponse
from vending.token import Token
from vending.vend import MintFailed

if TYPE_CHECKING:
    from tests.unit.rules.conftest import Ask

ROOT = Path(__file__).resolve().parents[3]
# As itself, as ECR encodes it for Basic authentication, and pieces of either.
ENCODED = base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, PASSWORD[:16], ENCODED, ENCODED[12:36], json.dumps(PASSWORD)[1:-1])
LOUD = {
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
    "POWERTOOLS_DEBUG": "true",
    "POWERTOOLS_DEV": "true",
    "POWERTOOLS_LOGGER_LOG_EVENT": "true",
    "POWERTOOLS_TRACER_CAPTURE_RESPONSE": "true",
    "POWERTOOLS_TRACER_CAPTURE_ERROR": "true",
    "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
    "AWS_LAMBDA_LOG_FORMAT": "JSON",
    "PYTHONDEVMODE": "0",
}


def holds_none(text: str) -> bool:
    """Say whether a text holds nothing of the token."""
    return not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("failing", ["", "GenerateMac", "TransactWriteItems"])
def test_no_stream_or_record_holds_the_token_with_everything_turned_on(
    tmp_path: Path, failing: str
) -> None:
    with fake_aws(POLICY, PASSWORD) as aws:
        if failing:
            aws.fail = {failing: Failure(400, "AccessDeniedException")}
        done = subprocess.run(
            [sys.executable, ROOT / "tests/unit/rules/loud_vends.py", tmp_path / "answers"],
            input=json.dumps(event(body={"pull": ["payments/api"]})) + "\n",
            env={
                **SETTINGS,
                **LOUD,
                "PYTHONPATH": f"{ROOT / 'functions'}:{ROOT}",
                "AWS_ENDPOINT_URL": aws.endpoint,
                "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_ACCESS_KEY_ID": "ASIAFUNCTIONSOWN0000",
                "AWS_SECRET_ACCESS_KEY": "own-secret",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        sent = json.dumps([one.parameters for one in aws.asked]) + repr(aws.items)
    answers = (tmp_path / "answers").read_text()
    assert ("password" in answers) is (failing == "")
    assert holds_none(answers) is (failing != "")
    assert "everything is on" in done.stderr  # the streams were really listened to
    assert '"service":"ecr-vend"' in done.stdout
    for stream in (done.stdout, done.stderr, sent):
        assert holds_none(stream)


def test_the_token_redacts_itself() -> None:
    token = Token(PASSWORD)
    for shown in (repr(token), str(token), f"{token}", f"{token!r:>40}", "%s" % token, [token]):  # noqa: UP031
        assert holds_none(str(shown))
    assert token.reveal() == PASSWORD


@pytest.mark.parametrize("attempt", [copy.copy, copy.deepcopy, pickle.dumps, json.dumps])
def test_the_token_is_not_serialised(attempt: Any) -> None:
    with pytest.raises(TypeError) as refused:
        attempt(Token(PASSWORD))
    assert holds_none(str(refused.value))


def test_a_vend_shows_no_token_and_is_not_turned_into_a_record() -> None:
    vend = vending().vend(caller(), ORIGIN, TokenRequest())
    assert holds_none(repr(vend))
    with pytest.raises(TypeError, match="not serialised"):
        dataclasses.asdict(vend)


def test_an_answer_shows_no_token_but_in_its_body() -> None:
    answer = TokenResponse(
        vend_id="v-1",
        registry="r",
        password=PASSWORD,
        expires_at="",
        scope={},
        dropped=[],
        policy_revision="",
    )
    assert holds_none(repr(answer) + str(answer))
    assert PASSWORD in answer.model_dump_json()


class Discreet(FakeMinter):
    """A fake that does not show in a traceback the password it was made with."""

    def __repr__(self) -> str:
        return "Discreet()"


def test_no_exception_or_traceback_holds_the_token() -> None:
    service = vending(ledger=FakeLedger(fails_at="issue"), minter=Discreet())
    with pytest.raises(Refused) as found:
        service.vend(caller(), ORIGIN, TokenRequest())
    error: BaseException | None = found.value
    while error is not None:
        # With the values of every frame's variables, as error trackers collect them.
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert holds_none("".join(shown.format()) + repr(vars(error)))
        frames = traceback.walk_tb(error.__traceback__)
        assert holds_none(repr([frame.f_locals for frame, _ in frames]))
        error = error.__context__


def test_the_ledger_is_told_a_digest_and_no_token() -> None:
    ledger = FakeLedger()
    vending(ledger=ledger).vend(caller(), ORIGIN, TokenRequest())
    assert ledger.names == ["intend", "issue"]
    assert holds_none(repr(ledger.calls))


BODY = {"pull": ["payments/api"]}
ENDS: list[tuple[int, dict[str, Any], dict[str, Any]]] = [
    (200, event(body=BODY), {}),
    (200, event(body={**BODY, "dry_run": True}), {}),
    (200, event(method="GET", path="/v1/whoami"), {}),
    (400, event(body={"unknown": 1}), {}),
    (400, event(body={"registry": "ghcr.io"}), {}),
    (403, event(body={"pull": ["others/app"]}), {}),
    (403, event("console-test"), {}),
    (404, event(path="/v1/other"), {}),
    (405, event(method="DELETE"), {}),
    (422, event(body={"pull": [f"payments/{'a' * 40}{n}" for n in range(40)]}), {}),
    (500, {"requestContext": {}}, {}),
    (502, event(body=BODY), {"minter": FakeMinter(failure=MintFailed("AssumeRole: X"))}),
    (503, event(body=BODY), {"ledger": FakeLedger(fails_at="intend")}),
]


@pytest.mark.parametrize(("status", "asked", "fakes"), ENDS)
def test_nothing_is_ever_to_be_stored(
    ask: Ask, status: int, asked: dict[str, Any], fakes: dict[str, Any]
) -> None:
    answer = ask(asked, **fakes)
    assert answer.status == status
    assert answer.headers["Cache-Control"] == "no-store"

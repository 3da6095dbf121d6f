"""The rules that never bend (tests/README.md): Secrets."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import (
    ORIGIN,
    PASSWORD,
    FakeLedger,
    FakeMinter,
    caller,
    event,
    holds_none,
    vending,
)
from vending.errors import Refused
from vending.messages import TokenRequest, TokenResponse
from vending.ports import MintFailed
from vending.token import Token

if TYPE_CHECKING:
    from tests.unit.rules.conftest import Ask


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
    (500, event(body=BODY) | {"requestContext": "none"}, {}),
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

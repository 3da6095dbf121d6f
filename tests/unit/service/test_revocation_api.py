"""`/v1/revocations` as revokers see it: status, shape, and what is said of what is not done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.api import logger
from handlers.revocation_api import KEEP_UP, revocations
from tests.fake_dynamodb import FakeDynamo, refused
from tests.fakes import NOW, event
from tests.metric_lines import printed
from tests.revoking import HOST, KEY, FakeDenier, FakeRecords, World
from vending.errors import KINDS, Code
from vending.revocation_ledger import begun_item, ended_item, pointer_item
from vending.revocations import Kind, revocation_id
from vending.sealing import PersonKey, opened

CONTEXT = object()
REVOKER = {
    "userArn": "arn:aws:sts::111122223333:assumed-role/incident-responder/jo",
    "caller": "AROA3XFRBF535RESPONDER:jo",
}
PATH = "/v1/revocations"
BODY = {"caller": KEY, "reason": "key leaked, INC-7"}


def call(
    world: World, method: str = "POST", *, body: Any = None, path: str = PATH, **more: Any
) -> tuple[int, dict[str, Any], dict[str, Any]]:
    signed = event(method=method, path=path, body=body, **(REVOKER | more))
    if path.endswith("{id}"):
        signed["pathParameters"] = {"id": revocation_id(Kind.CALLER, KEY)}
    answer = revocations(world.service())(signed, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def test_a_revocation_is_answered_with_how_it_stands_in_each_registry() -> None:
    status, body, headers = call(World(), body=BODY)
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert body == {
        "id": revocation_id(Kind.CALLER, KEY),
        "kind": "caller",
        "target": KEY,
        "reason": "key leaked, INC-7",
        "revoked_by": REVOKER["userArn"],
        "revoked_at": "2026-11-23T20:00:00.250Z",
        "blocked": True,
        "lifted_by": None,
        "lifted_at": None,
        "denied_until": "2026-11-23T21:16:00Z",
        "registries": {HOST: "denied"},
    }


def test_revocations_are_listed_and_lifted() -> None:
    world = World()
    call(world, body=BODY)
    status, body, _ = call(world, "GET")
    assert status == 200
    assert [one["target"] for one in body["revocations"]] == [KEY]
    assert body["time"] == "2026-11-23T20:00:00Z"
    status, body, _ = call(world, "DELETE", path=f"{PATH}/{{id}}")
    assert (status, body["blocked"], body["lifted_by"]) == (200, False, REVOKER["userArn"])


@pytest.mark.parametrize(
    ("method", "path"), [("POST", PATH), ("GET", PATH), ("DELETE", f"{PATH}/{{id}}")]
)
def test_who_is_no_revoker_is_refused_before_its_request_is_read(method: str, path: str) -> None:
    stranger = {
        "userArn": "arn:aws:sts::111122223333:assumed-role/payments-ci/run-1",
        "caller": "AROA3XFRBF535PAYMENTS:run-1",
    }
    status, body, _ = call(World(), method, body="{", path=path, **stranger)
    assert (status, body["code"]) == (403, "not_a_revoker")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"caller": KEY}, "`reason`"),
        ({"caller": KEY, "reason": " \u200b"}, "`reason`: say why"),
        ({"caller": KEY, "reason": "x" * 257}, "`reason`"),
        ({"reason": "x"}, "exactly one of `vend_id`, `caller`, `before`"),
        ({"caller": KEY, "before": "now", "reason": "x"}, "exactly one"),
        ({"caller": "*", "reason": "x"}, "`caller`: write a caller key"),
        ({"caller": "aws:111122223333:*", "reason": "x"}, "`caller`: write a caller key"),
        ({"vend_id": "v-*", "reason": "x"}, "`vend_id`: write a vend id"),
        ({"vend_id": "v-" + "7" * 26, "reason": "x"}, "`vend_id`: write a vend id"),
        ({"before": "yesterday", "reason": "x"}, "`before`: write a time"),
        ({"before": "2026-11-23T20:00:00", "reason": "x"}, "`before`: write a time"),
        ({"before": "0001-01-01T00:00:00+14:00", "reason": "x"}, "`before`: write a time"),
        ({"calller": KEY, "reason": "x"}, "There is no field `calller`"),
        ("{", "Send a JSON object"),
    ],
)
def test_a_request_that_is_not_understood_names_the_field(body: Any, words: str) -> None:
    world = World()
    status, answer, _ = call(world, body=body)
    assert (status, answer["code"]) == (400, "invalid_request")
    assert words in answer["detail"]
    assert world.table.items == {}


@pytest.mark.parametrize(
    ("world", "code"),
    [
        (World(denier=FakeDenier("Throttling")), Code.REVOCATION_INCOMPLETE),
        (World(records=FakeRecords("end")), Code.AUDIT_UNAVAILABLE),
    ],
)
def test_what_is_not_done_is_a_problem_that_says_how_it_stands(world: World, code: Code) -> None:
    status, body, headers = call(world, body=BODY)
    assert (status, body["code"]) == (KINDS[code].status, code)
    assert headers["Content-Type"] == "application/problem+json"
    assert body["revocation"]["blocked"] is True
    assert set(body["revocation"]["registries"]) == {HOST}


def test_control_characters_in_a_reason_are_replaced() -> None:
    body = call(World(), body=BODY | {"reason": "a\u001b[31m\nb"})[1]
    assert body["reason"] == "a\ufffd[31m\ufffdb"


def test_another_path_or_method_is_a_problem_too() -> None:
    assert call(World(), "PUT")[1]["code"] == "method_not_allowed"
    status, body, _ = call(World(), path="/v1/tokens")
    assert (status, body["code"]) == (404, "not_found")
    assert "DELETE /v1/revocations/{id}" in body["detail"]


def test_the_schedule_finishes_what_was_left_undone_and_counts_what_still_is() -> None:
    world = World(denier=FakeDenier("Throttling"))
    call(world, body=BODY)
    handler = revocations(world.service())
    assert handler(dict(KEEP_UP), CONTEXT) == {"pending": 1}
    world.denier.fails = ""
    assert handler(dict(KEEP_UP), CONTEXT) == {"pending": 0}


@pytest.mark.parametrize("other", [{}, {"keep_up": "other"}, {"keep_up": "revocations", "x": 1}])
def test_any_other_event_is_no_schedule(other: dict[str, Any]) -> None:
    answer = revocations(World().service())(other, CONTEXT)
    assert answer["statusCode"] in (403, 404)


def test_a_revokers_act_is_in_the_ledger_with_who_what_why_when_and_its_result() -> None:
    world = World()
    call(world, body=BODY)
    (_, act, _), (_, _, outcome) = world.records.kept
    key = PersonKey.new()
    begun, pointer = begun_item(act, KEY, key), pointer_item(act, KEY)
    assert outcome
    ended = ended_item(act, KEY, outcome, NOW)
    assert begun["pk"] == ended["pk"] == f"revocation#{revocation_id(Kind.CALLER, KEY)}"
    assert (begun["sk"][-8:], ended["sk"][-8:]) == ("#1#begun", "#2#ended")
    sealed = opened(begun["sealed"], key, record=f"{begun['pk']}|{begun['sk']}")
    assert (begun["act"], begun["target"], begun["caller"]["name"]) == (
        "revoke",
        KEY,
        "incident-responder",
    )
    assert (sealed["caller"]["arn"], sealed["reason"]) == (REVOKER["userArn"], BODY["reason"])
    assert begun["at"] == "2026-11-23T20:00:00.250Z"
    assert pointer["pk"] == "revocations#2026-11"
    assert ended["registries"] == {HOST: "denied"}


@pytest.mark.parametrize(
    ("world", "code", "said"),
    [
        (
            World(table=FakeDynamo(down=refused("AccessDeniedException"))),
            "blocks_unavailable",
            ("the blocks cannot be read", "Write: AccessDeniedException"),
        ),
        (
            World(records=FakeRecords(fails_at="end")),
            "audit_unavailable",
            ("the ledger did not acknowledge", "end"),
        ),
    ],
)
def test_what_a_table_did_not_do_for_a_revoker_is_logged(
    world: World, code: str, said: tuple[str, str]
) -> None:
    with printed(logger) as lines:
        _, body, _ = call(world, body=BODY)
    assert body["code"] == code
    assert said in {(str(line.get("message")), str(line.get("error"))) for line in lines}

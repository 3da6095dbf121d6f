"""`/v1/vends`: who may ask, what is answered, and what a wrong question is told."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError

from handlers.api import logger
from handlers.audit_api import audit
from tests.audited import Audited, ago
from tests.fakes import PASSWORD, caller, event, holds_none
from tests.metric_lines import AUDITOR, printed

if TYPE_CHECKING:
    from collections.abc import Mapping

LIST, ONE, LOOKUP = "/v1/vends", "/v1/vends/{id}", "/v1/vends/lookup"


def ask(
    world: Audited,
    path: str = LIST,
    *,
    method: str = "GET",
    body: Any = None,
    named: str = "",
    who: Mapping[str, Any] = AUDITOR,
    query: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    signed = event(method=method, path=path, body=body, **who)
    signed |= {"queryStringParameters": query, "pathParameters": {"id": named}}
    answer = audit(world.service())(signed, object())
    assert answer["headers"]["Cache-Control"] == "no-store"
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(("method", "path"), [("GET", LIST), ("GET", ONE), ("POST", LOOKUP)])
def test_only_callers_that_the_policy_names_may_audit(method: str, path: str) -> None:
    stranger = {
        "userArn": "arn:aws:sts::111122223333:assumed-role/payments-ci/run-1",
        "caller": "AROA3XFRBF535PAYMENTS1:run-1",
    }
    world = Audited()
    vend_id = world.vend()
    status, answer = ask(world, path, method=method, who=stranger, named=vend_id, body="{")
    assert (status, answer["code"]) == (403, "not_an_auditor")
    assert world.reads.queries == 0


def test_a_list_is_a_page_and_where_to_go_on() -> None:
    world = Audited()
    made = [world.vend(at=ago(minutes=past)) for past in range(1, 4)]
    status, first = ask(world, query={"limit": "2"})
    _, second = ask(world, query={"limit": "2", "after": first["next"]})
    assert status == 200
    found = [one["vend_id"] for one in (*first["vends"], *second["vends"])]
    assert (found, second["next"]) == (made, None)


def test_a_caller_and_a_time_choose_what_is_listed() -> None:
    world = Audited()
    vend_id = world.vend(at=ago(days=9))
    _, found = ask(world, query={"caller": caller().key, "from": "2026-11-01T00:00:00Z"})
    _, other = ask(world, query={"caller": "aws:111122223333:AROANOBODYXXXXXXXXXXX"})
    assert [one["vend_id"] for one in found["vends"]] == [vend_id]
    assert other["vends"] == []


def test_a_list_by_repository_says_what_each_token_could_do_with_it() -> None:
    world = Audited()
    issued = world.vend(at=ago(minutes=2), push=["payments/api"])
    refused = world.vend(at=ago(minutes=1), pull=["payments/ledger"])
    _, found = ask(world, query={"repository": "payments/api"})
    assert found["could"] == {issued: ["push"]}
    assert ask(world, query={"repository": "payments/ledger"})[1]["could"] == {refused: []}
    assert ask(world)[1]["could"] == {}


def test_one_vend_is_shown_by_its_id() -> None:
    world = Audited()
    vend_id = world.vend()
    status, vend = ask(world, ONE, named=vend_id)
    assert (status, vend["vend_id"], vend["outcome"]) == (200, vend_id, "issued")
    for unknown in ("v-01jd8w0123456789abcdefghjk", "nonsense", ""):
        assert ask(world, ONE, named=unknown)[0] == 404


@pytest.mark.parametrize("form", ["token", "auth"])
def test_a_token_that_is_looked_up_is_neither_logged_nor_answered(form: str) -> None:
    world = Audited()
    vend_id = world.vend()
    auth = base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()
    with printed(logger) as lines:
        status, vend = ask(
            world, LOOKUP, method="POST", body={form: PASSWORD if form == "token" else auth}
        )
    assert (status, vend["vend_id"]) == (200, vend_id)
    assert holds_none(json.dumps([lines, vend]))
    assert [line["value"] for line in lines if line.get("message") == "Audits"] == [vend_id]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": "a", "auth": "b"},
        {"auth": "not base64"},
        {"auth": base64.b64encode(b"jo:secret").decode()},
        {"auth": base64.b64encode(b"AWS").decode()},
        {"password": "a"},
    ],
)
def test_what_is_no_token_is_told_so_and_not_quoted(body: dict[str, str]) -> None:
    status, answer = ask(Audited(), LOOKUP, method="POST", body=body)
    assert (status, answer["code"]) == (400, "invalid_request")
    assert not [value for value in body.values() if len(value) > 1 and value in answer["detail"]]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"caler": "x"}, "There is no caler; the parameters are caller, repository"),
        (
            {"caller": "x", "grant": "y"},
            "Give one of caller, repository, grant, outcome and break_glass",
        ),
        ({"break_glass": "yes"}, "Break_glass: give true"),
        ({"repository": "payments/*"}, "Repository: name one literally"),
        ({"outcome": "lost"}, "give one of issued, refused, failed"),
        ({"from": "yesterday"}, "From: give a time like"),
        (
            {"to": "2026-11-23T20:00:00Z", "from": "2026-11-23T20:00:00Z"},
            "From: give a time before",
        ),
        ({"limit": "101"}, "Limit: give a number from 1 to 100"),
        ({"limit": "-1"}, "Limit: give a number"),
        ({"order": "random"}, "Order: give newest or oldest"),
        ({"after": "1"}, "After: give `next`"),
        ({"caller": "x" * 300}, "`caller`"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(query: dict[str, str], said: str) -> None:
    status, answer = ask(Audited(), query=query)
    assert (status, answer["code"]) == (400, "invalid_request")
    assert said in answer["detail"]


@pytest.mark.parametrize("path", [LIST, "/v1/access"])
@pytest.mark.parametrize("by", ["", "outcome", "repository"])
def test_no_time_that_can_be_written_costs_more_than_the_time_since_the_first_vend(
    path: str, by: str
) -> None:
    world = Audited()
    world.vend(pull=["payments/api"])
    value = {"outcome": "issued", "repository": "payments/api"}.get(by)
    asked = {by: value} if value else {}
    if path == "/v1/access":
        asked = {"repository": "payments/api"}
    never = asked | {"from": "2026-11-01", "to": "9999-12-31T23:59:59Z"}
    status, answer = ask(world, path, query=never)
    assert status == 200
    assert answer["vends" if path == LIST else "could"]
    for before in ("0001-01-01T00:00:00Z", "2019-12-31T23:59:59Z"):
        status, answer = ask(world, path, query=asked | {"to": before})
        assert (status, answer["code"]) == (400, "invalid_request")
        assert "To: give a time after 2020-01-01" in answer["detail"]


def test_what_cannot_be_read_is_503_and_never_a_part_of_an_answer() -> None:
    world = Audited()
    world.vend()
    world.reads.down = ReadTimeoutError(endpoint_url="https://dynamodb")
    status, answer = ask(world)
    assert (status, answer["code"]) == (503, "records_unavailable")

"""`ecr-vend audit`: what is asked of the service, and what a person, a script and a sheet read."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from ecr_vend import command_line
from ecr_vend.console import Console
from tests.client.fake_service import COULD, VEND, FakeService

if TYPE_CHECKING:
    from tests.client.machine import Machine

TOKEN = "eyJwYXlsb2FkIjoic2VjcmV0In0="


def test_what_is_asked_for_is_what_the_options_say(machine: Machine, service: FakeService) -> None:
    words = ("--repository", "payments/api", "--from", "2026-11-01T00:00:00Z", "--oldest-first")
    assert machine.run("audit", "list", *words, "--limit", "5")[2] == 0
    ((method, path, query),) = service.auditing
    assert (method, path) == ("GET", "/v1/vends")
    assert query == {
        "repository": "payments/api",
        "from": "2026-11-01T00:00:00Z",
        "order": "oldest",
        "limit": "5",
    }


def test_a_caller_is_named_by_its_key_or_by_any_of_its_vends(
    machine: Machine, service: FakeService
) -> None:
    for named in (VEND["caller_key"], VEND["vend_id"]):
        assert machine.run("audit", "list", "--caller", named)[2] == 0
        assert service.auditing[-1][2]["caller"] == VEND["caller_key"]
    assert [path for _, path, _ in service.auditing[1:]] == [
        f"/v1/vends/{VEND['vend_id']}",
        "/v1/vends",
    ]


@pytest.mark.parametrize("action", ["list", "access"])
def test_a_registry_is_asked_about_by_its_name_in_the_policy(
    action: str, machine: Machine, service: FakeService
) -> None:
    words = ("audit", action, "--repository", "payments/api", "--in", "eu")
    assert machine.run(*words)[2] == 0
    assert service.auditing[-1][2]["registry"] == "eu"


def test_a_list_goes_on_to_its_last_page_even_past_an_empty_one(
    machine: Machine, service: FakeService
) -> None:
    service.pages = [([VEND], "v-2"), ([], "v-1"), ([VEND], None)]
    out, err, code = machine.run("audit", "list", "--json")
    assert (len(json.loads(out)), err, code) == (2, "", 0)
    assert [query.get("after") for _, _, query in service.auditing] == [None, "v-2", "v-1"]


def test_a_list_that_ends_at_its_limit_says_that_there_is_more(
    machine: Machine, service: FakeService
) -> None:
    service.pages = [([VEND], "v-2"), ([VEND], "v-1")]
    out, err, code = machine.run("audit", "list", "--limit", "2")
    assert (len(out.splitlines()), code) == (3, 0)
    assert "There are more: these are 2" in err


def test_a_table_says_when_what_became_of_it_who_and_what(
    machine: Machine, service: FakeService
) -> None:
    heads, line = machine.run("audit", "list")[0].splitlines()
    assert heads.split()[:3] == ["asked", "at", "outcome"]
    for cell in ("issued", "111122223333/payments-ci", "push payments/api", VEND["vend_id"]):
        assert cell in line
    service.pages = [([], None)]
    assert machine.run("audit", "list")[0] == "Nothing was vended or refused\n"


def test_a_list_by_repository_says_what_each_token_could_do_with_it(
    machine: Machine, service: FakeService
) -> None:
    other = VEND | {"vend_id": "v-2", "outcome": "refused"}
    service.pages = [([VEND, other], None)]
    out = machine.run("audit", "list", "--repository", "payments/api", "--csv")[0]
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert [one["could"] for one in rows] == ["push", "nothing"]


def test_what_callers_wrote_drives_neither_a_terminal_nor_a_spreadsheet(
    machine: Machine, service: FakeService
) -> None:
    hostile = VEND | {
        "caller": VEND["caller"] | {"session": "=HYPERLINK(1)\x1b[31m"},
        "reason": "+1\r\n@forged",
        "code": None,
        "user_agent": "x\x1b]0;title\x07\nforged: line",
    }
    service.pages = [([hostile], None)] * 2
    table = machine.run("audit", "list")[0]
    assert "\x1b" not in table
    assert len(table.splitlines()) == 2
    (_, cells) = csv.reader(io.StringIO(machine.run("audit", "list", "--csv")[0], newline=""))
    assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]
    service.one = hostile
    shown = machine.run("audit", "show", "v-1")[0]
    assert "\x1b" not in shown
    assert "\nforged" not in shown


def test_one_vend_is_shown_with_all_that_it_says(machine: Machine, service: FakeService) -> None:
    lines = machine.run("audit", "show", "v-1/../x")[0].splitlines()
    assert lines[0] == f"{VEND['vend_id']}: issued at {VEND['asked_at']}"
    assert "  caller.session: run-1" in lines
    assert "  dropped[0].rule: deny embargo" in lines
    assert not [line for line in lines if line.startswith("  code")]
    assert service.auditing == [("GET", "/v1/vends/v-1%2F..%2Fx", {})]
    assert json.loads(machine.run("audit", "show", "v-1", "--json")[0]) == VEND


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (f"{TOKEN}\n", {"token": TOKEN}),
        ("QVdTOnNlY3JldA==", {"auth": "QVdTOnNlY3JldA=="}),
        (json.dumps({"ServerURL": "x", "Username": "AWS", "Secret": TOKEN}), {"token": TOKEN}),
        (json.dumps({"auth": "QVdTOnNlY3JldA=="}), {"auth": "QVdTOnNlY3JldA=="}),
    ],
)
def test_whose_a_token_is_is_asked_with_what_stdin_holds(
    given: str, sent: dict[str, str], machine: Machine, service: FakeService
) -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(io.StringIO(given), out, err, machine.environ)
    assert command_line.run(("audit", "whose"), console) == 0
    assert service.auditing == [("POST", "/v1/vends/lookup", sent)]
    assert VEND["vend_id"] in out.getvalue()
    assert TOKEN not in out.getvalue() + err.getvalue()


@pytest.mark.parametrize("given", ["", " \n", "{}", '{"Secret": 1}', "\udcff\x00binary", "é"])
def test_without_a_token_nothing_is_asked(
    given: str, machine: Machine, service: FakeService
) -> None:
    err = io.StringIO()
    console = Console(io.StringIO(given), io.StringIO(), err, machine.environ)
    assert command_line.run(("audit", "whose"), console) == 1
    assert "reads the token from stdin" in err.getvalue()
    assert service.auditing == []


def test_show_needs_an_id(machine: Machine, service: FakeService) -> None:
    assert machine.run("audit", "show")[2] == 2
    assert service.auditing == []


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "not_an_auditor", "refused by policy (not_an_auditor): Ask"),
        (404, "no_such_vend", "did not accept the request (no_such_vend): Ask"),
    ],
)
def test_what_the_service_refuses_is_one_line(
    status: int, code: str, said: str, machine: Machine, service: FakeService
) -> None:
    service.refuse = (status, {"code": code, "detail": "Ask.", "request_id": "r-9"})
    out, err, ended = machine.run("audit", "show", "v-1")
    assert (out, ended) == ("", 1)
    assert said in err


@pytest.mark.parametrize("answer", [{}, {"vends": 1, "next": None}, {"vends": [1], "next": None}])
def test_an_answer_of_something_else_is_one_line(
    answer: dict[str, Any], machine: Machine, service: FakeService
) -> None:
    service.refuse = (200, answer)
    out, err, code = machine.run("audit", "list")
    assert (out, code) == ("", 1)
    assert "gave an answer that is not understood" in err


def test_who_could_have_had_access_is_told_with_when_and_why(
    machine: Machine, service: FakeService
) -> None:
    words = ("--repository", "payments/api", "--access", "push", "--from", "2026-11-01T00:00:00Z")
    out, err, code = machine.run("audit", "access", *words)
    heads, line = out.splitlines()
    assert (heads.split()[0], code) == ("callers", 0)
    for cell in (COULD["callers"], COULD["to"], "by name and with a reason alone", "embargo"):
        assert cell in line
    assert "Before 2026-11-02T00:00:00.000Z no policy was seen" in err
    asked = {"repository": "payments/api", "access": "push", "from": "2026-11-01T00:00:00Z"}
    assert service.auditing == [("GET", "/v1/access", asked)]
    assert json.loads(machine.run("audit", "access", *words, "--json")[0])["could"] == [COULD]
    assert machine.run("audit", "access", *words, "--csv")[0].startswith("callers,from,to,")


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_a_list_that_is_cut_short_is_printed_so_far_and_says_how_to_go_on(
    machine: Machine, service: FakeService, form: str
) -> None:
    broken: Any = None
    service.pages = [([VEND], "v-2"), (broken, None)]
    out, err, code = machine.run("audit", "list", form)
    assert code == 1
    assert VEND["vend_id"] in out
    assert f"These are 1, and not all: go on with --after {VEND['vend_id']}" in err
    assert "it is no list of vends" in err


def test_a_list_goes_on_and_is_added_to_what_there_is(
    machine: Machine, service: FakeService
) -> None:
    out = machine.run("audit", "list", "--csv", "--after", "v-7")[0]
    assert len(out.splitlines()) == 1
    assert service.auditing[0][2]["after"] == "v-7"


def test_what_break_glass_gave_is_asked_for(machine: Machine, service: FakeService) -> None:
    machine.run("audit", "list", "--break-glass")
    assert service.auditing[0][2]["break_glass"] == "true"


def test_an_erased_person_is_said_to_be_so(machine: Machine, service: FakeService) -> None:
    service.pages = [([VEND | {"erased": True}], None)]
    assert "  erased  " in machine.run("audit", "list")[0]


def test_access_needs_a_repository(machine: Machine, service: FakeService) -> None:
    assert machine.run("audit", "access")[2] == 2
    assert service.auditing == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"could": [], "policies": []}, "Nobody could have had pull of a/b"),
        ({"could": [1], "policies": []}, "gave an answer that is not understood"),
        ({"could": [], "policies": [1]}, "gave an answer that is not understood"),
        ({}, "gave an answer that is not understood"),
    ],
)
def test_nobody_is_said_and_something_else_is_no_answer(
    answer: dict[str, Any], said: str, machine: Machine, service: FakeService
) -> None:
    service.refuse = (200, answer)
    out, err, _ = machine.run("audit", "access", "--repository", "a/b")
    assert said in out + err


@pytest.mark.parametrize("limit", ["-1", "many"])
def test_a_limit_is_a_number_of_vends(limit: str, machine: Machine, service: FakeService) -> None:
    assert machine.run("audit", "list", "--limit", limit)[2] == 2
    assert service.auditing == []

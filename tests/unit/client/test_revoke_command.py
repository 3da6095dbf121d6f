"""`ecr-vend revoke`: what is asked of the service, and what a person and a script read."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from ecr_vend import command_line
from ecr_vend.console import Console
from tests.client.fake_service import HOST, REVOCATION, FakeService
from tests.client.machine import Machine

KEY = "aws:111122223333:AROAEXAMPLE12"
WHY = ("--reason", "key leaked")


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("vend", "v-1"), {"vend_id": "v-1"}),
        (("caller", KEY), {"caller": KEY}),
        (("before", "now", "--yes"), {"before": "now"}),
    ],
)
def test_what_is_named_is_revoked_with_the_reason(
    words: tuple[str, ...], sent: dict[str, str], machine: Machine, service: FakeService
) -> None:
    _, err, code = machine.run("revoke", *words, *WHY)
    assert (err, code) == ("", 0)
    assert service.revoking == [("POST", "/v1/revocations", {**sent, "reason": "key leaked"})]


def test_a_revocation_is_told_with_how_it_stands_in_each_registry(
    machine: Machine, service: FakeService
) -> None:
    assert machine.run("revoke", "caller", KEY, *WHY)[0].splitlines() == [
        f"r-1: every token of {KEY}",
        "  it gets no more until this is lifted",
        f"  by {REVOCATION['revoked_by']} at 2026-11-23T20:00:00.250Z: key leaked",
        f"  {HOST}: denied",
    ]


def test_revocations_are_listed(machine: Machine, service: FakeService) -> None:
    lines = machine.run("revoke", "list")[0].splitlines()
    assert [line.split(": ")[0] for line in lines if not line.startswith(" ")] == ["r-1", "r-2"]
    assert "  lifted by arn:bo at 2026-11-23T21:00:00Z" in lines
    assert service.revoking == [("GET", "/v1/revocations", None)]
    service.revocations.clear()
    assert machine.run("revoke", "list")[0] == "Nothing is revoked\n"


def test_a_block_is_lifted_by_the_id_of_its_revocation(
    machine: Machine, service: FakeService
) -> None:
    assert machine.run("revoke", "lift", "r-1/../x")[2] == 0
    assert service.revoking == [("DELETE", "/v1/revocations/r-1%2F..%2Fx", None)]


def test_the_services_answer_is_for_scripts(machine: Machine, service: FakeService) -> None:
    out = machine.run("revoke", "list", "--registry", HOST, "--json")[0]
    assert json.loads(out)["revocations"] == service.revocations


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("vend", *WHY), "needs the id of a vend"),
        (("caller", *WHY), "needs the key of a caller"),
        (("before", *WHY), "needs a time"),
        (("lift",), "needs the id of a revocation"),
        (("vend", "v-1"), "needs --reason"),
        (("before", "now", "--yes"), "needs --reason"),
    ],
)
def test_what_is_left_out_is_asked_for(
    words: tuple[str, ...], says: str, machine: Machine, service: FakeService
) -> None:
    out, err, code = machine.run("revoke", *words)
    assert (out, code) == ("", 1)
    assert says in err
    assert service.revoking == []


class Terminal(io.StringIO):
    """Standard input with a person at it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stdin", "revoked"),
    [
        (Terminal("yes\n"), True),
        (Terminal("y\n"), False),
        (Terminal(""), False),
        (io.StringIO("yes\n"), False),
    ],
)
def test_ending_all_tokens_is_confirmed_by_a_person_or_by_yes(
    stdin: io.StringIO, revoked: bool, machine: Machine, service: FakeService
) -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(stdin, out, err, machine.environ)
    code = command_line.run(("revoke", "before", "now", *WHY), console)
    assert code == (0 if revoked else 1)
    assert bool(service.revoking) is revoked
    assert revoked or "nothing was revoked" in err.getvalue()


@pytest.mark.parametrize(
    ("status", "code"), [(502, "revocation_incomplete"), (409, "revocations_full")]
)
def test_what_is_not_done_everywhere_is_told_once_with_where(
    status: int, code: str, machine: Machine, service: FakeService
) -> None:
    revocation: dict[str, Any] = REVOCATION | {"registries": {HOST: "denied", "eu": "failed: X"}}
    service.refuse = (status, {"code": code, "detail": "Some.", "revocation": revocation})
    out, err, ended = machine.run("revoke", "caller", KEY, *WHY)
    assert (out, ended) == ("", 1)
    assert (
        err == f"ecr-vend: not revoked everywhere ({code}): Some ({HOST}: denied, eu: failed: X)\n"
    )
    assert len(service.revoking) == 1


def test_who_is_no_revoker_is_told_by_the_policy(machine: Machine, service: FakeService) -> None:
    service.refuse = (403, {"code": "not_a_revoker", "detail": "Ask.", "request_id": "r-9"})
    assert "refused by policy (not_a_revoker): Ask [r-9]" in machine.run("revoke", "list")[1]


@pytest.mark.parametrize("answer", [{}, {"revocations": 1}, {"revocations": [1]}])
def test_an_answer_of_something_else_is_one_line(
    answer: dict[str, Any], machine: Machine, service: FakeService
) -> None:
    service.refuse = (200, answer)
    out, err, code = machine.run("revoke", "list")
    assert (out, code) == ("", 1)
    assert "gave an answer that is not understood" in err


def test_what_the_service_says_cannot_drive_the_terminal(
    machine: Machine, service: FakeService
) -> None:
    service.revocations[0]["reason"] = "red\x1b[31m\nforged: line"
    out = machine.run("revoke", "list")[0]
    assert "\x1b" not in out
    assert "\nforged" not in out

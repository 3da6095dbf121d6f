"""`ecr-vend whoami` and `explain`: the service's words, as a person and as a script read them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.client.fake_service import GRANT, HOST, REFUSAL, FakeService
from tests.client.machine import Machine

DROPPED = {"repository": "other/app", "access": "push", "reason": "not_granted"}
REFUSED: dict[str, Any] = {
    "decision": "refuse",
    "refusal": {"code": "not_granted", "detail": "Nothing of it is granted."},
    "scope": {},
    "grants": [],
    "expires_at": None,
    "session_policy": None,
    "session_policy_size": 0,
}


NAMED = "only where it is asked for by name"
BOUND = "only from the address it was asked from"


def test_whoami_says_who_asks_and_what_is_granted(machine: Machine, service: FakeService) -> None:
    limited = {"name": "glass", "break_glass": True, "bind_source_ip": True}
    service.grants.append(GRANT | limited | {"expires_on": "2027-06-30"})
    out, err, code = machine.run("whoami")
    assert (err, code) == ("", 0)
    assert out.splitlines() == [
        "You are arn:aws:sts::111122223333:assumed-role/akiajobone/run-1",
        "account  111122223333",
        "session  run-1",
        "address  203.0.113.7",
        "policy   revision 1",
        "team-ci: push team/*, base/python",
        f"  at {HOST}, up to 30 min",
        "glass: push team/*, base/python",
        f"  at {HOST}, up to 30 min, through 2027-06-30, {NAMED}, {BOUND}",
    ]


def test_whoami_without_a_grant_says_whom_to_ask(machine: Machine, service: FakeService) -> None:
    service.grants.clear()
    assert "No grant is yours: ask the platform team" in machine.run("whoami")[0]


def test_a_grant_in_monitor_mode_is_told_as_planned_and_not_as_the_callers(
    machine: Machine, service: FakeService
) -> None:
    service.grants.clear()
    service.planned.append(GRANT | {"name": "tomorrow"})
    out = machine.run("whoami")[0]
    assert "planned: tomorrow: push team/*, base/python" in out
    assert "No grant is yours" in out


def test_whoami_as_json_is_the_services_answer(machine: Machine, service: FakeService) -> None:
    out = machine.run("whoami", "--registry", HOST, "--json")[0]
    answer, expected = json.loads(out), service.whoami("AKIAJOBONE")[1]
    assert answer | {"time": ""} == expected | {"time": ""}


def test_what_the_service_says_cannot_drive_the_terminal(
    machine: Machine, service: FakeService
) -> None:
    service.grants[0]["name"] = "red\x1b[31m\nforged: line"
    out = machine.run("whoami")[0]
    assert "\x1b" not in out
    assert "red [31m forged: line: push" in out


@pytest.mark.parametrize("answer", [{}, {"caller": "me"}, {"caller": {}, "grants": 1}])
@pytest.mark.parametrize("words", [("whoami",), ("explain", f"{HOST}/team/app")])
def test_an_answer_of_something_else_is_one_line(
    words: tuple[str, ...], answer: dict[str, Any], machine: Machine, service: FakeService
) -> None:
    service.refuse = (200, answer)
    out, err, code = machine.run(*words)
    assert (out, code) == ("", 1)
    assert f"{service.url} gave an answer that is not understood" in err


def test_explain_says_what_is_allowed_and_by_what(machine: Machine, service: FakeService) -> None:
    image = f"{HOST}/team/app:1.2@sha256:{'0' * 64}"
    out, err, code = machine.run("explain", image)
    assert (err, code) == ("", 0)
    first, second = out.splitlines()
    assert first.startswith(f"Allowed: pull team/app at {HOST}, until 2")
    assert second == (
        "  By team-ci; session policy 612 of 2048 characters; policy revision 1, "
        "v-01jd8w0000000000000000000"
    )
    assert service.dry_runs == [{"registry": HOST, "pull": ["team/app"], "dry_run": True}]
    assert not service.asked


@pytest.mark.parametrize(
    ("words", "settings", "request_sent"),
    [
        ((f"{HOST}/team/app", "--access", "push"), {}, {"push": ["team/app"]}),
        ((f"{HOST}/x", "--access", "pull-through"), {}, {"pull_through": ["x"]}),
        ((f"{HOST}/x",), {"PUSH": "y", "TTL": "5m"}, {"pull": ["x"], "ttl_seconds": 300}),
        ((f"{HOST}/x",), {"ACCESS": "push"}, {"pull": ["x"]}),
        ((HOST,), {"PUSH": "y"}, {"push": ["y"]}),
        ((HOST,), {}, {}),
        ((HOST, "--access", "push"), {"PULL": "y"}, {"access": "push"}),
    ],
)
def test_explain_asks_for_the_image_or_what_the_settings_ask(
    words: tuple[str, ...],
    settings: dict[str, str],
    request_sent: dict[str, object],
    machine: Machine,
    service: FakeService,
) -> None:
    machine.environ |= {f"ECR_VEND_{key}": value for key, value in settings.items()}
    assert machine.run("explain", *words)[2] == 0
    assert service.dry_runs == [{"registry": HOST, **request_sent, "dry_run": True}]


def test_a_refusal_is_told_and_ends_with_1(machine: Machine, service: FakeService) -> None:
    service.decision = REFUSED
    out, err, code = machine.run("explain", f"{HOST}/team/app")
    assert (err, code) == ("", 1)
    assert out.splitlines() == [
        "Refused: Nothing of it is granted. (not_granted)",
        "  policy revision 1, v-01jd8w0000000000000000000",
    ]
    out, _, code = machine.run("explain", f"{HOST}/team/app", "--json")
    assert code == 1
    assert json.loads(out)["refusal"] == REFUSED["refusal"]


def test_what_was_dropped_is_told_and_ends_with_1(machine: Machine, service: FakeService) -> None:
    service.decision = {"dropped": [DROPPED]}
    machine.environ["ECR_VEND_PUSH"] = "team/app,other/app"
    out, _, code = machine.run("explain", HOST)
    assert code == 1
    assert out.startswith("Allowed in part: push and pull team/app")
    assert "  Not allowed: push and pull other/app: no grant of yours allows it\n" in out


def test_a_request_that_does_not_fit_says_what_to_ask_for(
    machine: Machine, service: FakeService
) -> None:
    service.refuse = (422, REFUSAL | {"status": 422, "code": "scope_too_large"})
    out, err, code = machine.run("explain", HOST)
    assert (out, code) == ("", 1)
    assert "name fewer repositories" in err


@pytest.mark.parametrize("image", [f"{HOST}/Team", f"{HOST}/", "a//b"])
def test_what_is_no_image_is_refused(image: str, machine: Machine, service: FakeService) -> None:
    out, err, code = machine.run("explain", image)
    assert (out, code) == ("", 1)
    assert f"{image} is not an image's name" in err
    assert not service.dry_runs

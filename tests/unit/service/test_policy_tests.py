"""A policy that fails its own tests is refused, with each failure in words."""

from __future__ import annotations

import base64
from types import SimpleNamespace

import pytest

from checking.checks import Report, checked
from handlers.policy_validator import handler
from tests.fakes import NOW, POLICY
from vending.policy_text import PolicyError

UNHURRIED = SimpleNamespace(get_remaining_time_in_millis=lambda: 15_000)
CI = "arn:aws:sts::111122223333:assumed-role/payments-ci/1"


def with_test(**test: str) -> bytes:
    words = ", ".join(f'{key}: "{value}"' for key, value in ({"caller": CI} | test).items())
    return f"{POLICY}tests:\n  - {{{words}}}\n".encode()


def failed(text: bytes) -> str:
    (problem,) = [one for one in report_of(text).problems if one.code == "test-fails"]
    return str(problem)


def report_of(text: bytes) -> Report:
    return checked(text, name="policy.yaml", now=NOW)


def test_a_policy_that_answers_its_tests_is_accepted() -> None:
    text = with_test(repository="payments/api", access="push", expect="allow")
    assert {one.severity for one in report_of(text).problems} == {"warning"}


def test_a_policy_that_grants_too_much_fails_and_says_which_grant() -> None:
    message = failed(with_test(repository="payments/api", access="push", expect="deny"))
    assert "tests[0]" in message
    assert message.endswith("expected deny, got allow (payments-ci)")


def test_a_policy_that_grants_too_little_fails() -> None:
    message = failed(with_test(repository="search/api", access="pull", expect="allow"))
    assert message.endswith("expected allow, got deny (no grant)")


def test_a_test_may_stand_for_another_day() -> None:
    text = with_test(
        repository="payments/api", access="pull", expect="deny", day="2027-01-01"
    ).replace(b"max_ttl: 30m", b"expires_on: 2026-12-31")
    assert {one.severity for one in report_of(text).problems} == {"warning"}
    assert "expected deny, got allow" in failed(text.replace(b"2027-01-01", b"2026-12-31"))


def test_a_test_asks_for_a_repository_and_not_a_pattern() -> None:
    text = with_test(repository="payments/*", access="pull", expect="allow")
    assert "not a pattern" in str(report_of(text).problems[-1])


def event(text: bytes) -> dict[str, str]:
    return {"configurationVersion": "3", "content": base64.b64encode(text).decode()}


def test_the_validator_lets_a_good_policy_pass() -> None:
    handler(event(with_test(repository="payments/api", access="pull", expect="allow")), UNHURRIED)


@pytest.mark.parametrize(
    "text",
    [
        b"not a policy",
        with_test(repository="payments/api", access="pull", expect="deny"),
    ],
)
def test_the_validator_refuses_a_bad_policy(text: bytes) -> None:
    with pytest.raises(PolicyError):
        handler(event(text), UNHURRIED)

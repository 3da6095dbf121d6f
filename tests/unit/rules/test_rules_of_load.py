"""The rules that never bend (tests/README.md): Load, that of one caller and that of AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import ACCOUNT, PASSWORD, FakeCounters, FakeLedger, FakeMinter, FakePolicies, event
from vending.budgets import CountersThrottled, CountersUnavailable, Kind
from vending.ports import MintFailed

if TYPE_CHECKING:
    from tests.unit.rules.conftest import Answer, Ask

BODY = {"pull": ["payments/api"]}
REFUSED = {"pull": ["others/app"]}
ASKS: dict[str, dict[str, Any]] = {
    "refusal": event(body=REFUSED),
    "no JSON": event(body="{"),
    "unknown registry": event(body={"registry": "ghcr.io"}),
    "old client": event(body=BODY, userAgent="ecr-vend/0.0.1"),
    "dry run": event(body={**BODY, "dry_run": True}),
    "whoami": event(method="GET", path="/v1/whoami"),
}
"""Every request that a known caller can make and that mints nothing."""


def of_session(name: str) -> dict[str, Any]:
    """Return the event of a vend in one session of the role."""
    role = f"arn:aws:sts::{ACCOUNT}:assumed-role/payments-ci/{name}"
    unique = f"AROA3XFRBF535PAYMENTS:{name}"
    return event(body=BODY, userArn=role, caller=unique, user=unique)


def throttled(answer: Answer) -> bool:
    """Say whether an answer is the one to whoever is over a budget."""
    if answer.status != 429:
        return False
    assert answer.code == "throttled"
    assert answer.headers["Retry-After"] == "3600"
    assert PASSWORD not in answer.text
    return True


def test_nothing_is_minted_or_intended_over_a_budget(ask: Ask) -> None:
    ledger, minter, counters = FakeLedger(), FakeMinter(), FakeCounters()
    fakes = {"ledger": ledger, "minter": minter, "counters": counters, "budgets": {Kind.CALLER: 2}}
    answers = [ask(event(body=BODY), **fakes) for _ in range(4)]
    assert [throttled(answer) for answer in answers] == [False, False, True, True]
    assert len(minter.calls) == 2
    assert ledger.names == ["intend", "issue", "intend", "issue", "flood"]


def test_no_choice_of_session_names_gets_round_the_callers_limit(ask: Ask) -> None:
    fakes = {"counters": FakeCounters(), "budgets": {Kind.SESSION: 2, Kind.CALLER: 3}}
    answers = [ask(of_session(f"run-{number}"), **fakes) for number in range(5)]
    assert [throttled(answer) for answer in answers] == [False, False, False, True, True]


def test_one_job_cannot_use_up_a_shared_role(ask: Ask) -> None:
    fakes = {"counters": FakeCounters(), "budgets": {Kind.SESSION: 2, Kind.CALLER: 4}}
    greedy = [ask(of_session("greedy"), **fakes) for _ in range(9)]
    assert [throttled(answer) for answer in greedy].count(False) == 2
    assert [ask(of_session("other"), **fakes).status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("kind", ASKS)
def test_whoever_floods_what_mints_nothing_is_told_to_wait(ask: Ask, kind: str) -> None:
    fakes = {"counters": FakeCounters(), "budgets": {Kind.ASKS: 2}}
    answers = [ask(ASKS[kind], **fakes) for _ in range(4)]
    assert [throttled(answer) for answer in answers] == [False, False, True, True]
    # It can go on pulling.
    assert ask(event(body=BODY), **fakes).status == 200


@pytest.mark.parametrize("kind", ASKS)
def test_the_records_of_a_flood_are_the_logarithm_of_it(ask: Ask, kind: str) -> None:
    ledger = FakeLedger()
    fakes = {"counters": FakeCounters(), "budgets": {Kind.ASKS: 4}, "ledger": ledger}
    for _ in range(200):
        ask(ASKS[kind], **fakes)
    floods = [what[0].over.count for name, what in ledger.calls if name == "flood"]
    assert floods == [5, 10, 20, 40, 80, 160]
    others = [name for name in ledger.names if name != "flood"]
    assert others == (["intend", "refuse"] * 4 if kind == "refusal" else [])


def test_a_flood_that_cannot_be_recorded_is_audit_unavailable(ask: Ask) -> None:
    fakes = {"ledger": FakeLedger(fails_at="flood"), "counters": FakeCounters()}
    budgets = {Kind.CALLER: 1, Kind.ASKS: 1}
    whoami = ASKS["whoami"]
    codes = [ask(whoami, **fakes, budgets=budgets).code for _ in range(3)]
    assert codes == ["", "audit_unavailable", "throttled"]


def test_the_policys_own_trouble_counts_for_nobody(ask: Ask) -> None:
    counters = FakeCounters()
    answer = ask(
        event(body=BODY),
        policies=FakePolicies("no policy"),
        counters=counters,
        budgets=dict.fromkeys(Kind, 1),
    )
    assert answer.status == 500
    assert counters.asked == []


@pytest.mark.parametrize("kind", ["session", "caller", "account"])
def test_a_vend_goes_on_where_it_cannot_be_counted(ask: Ask, kind: str) -> None:
    told: list[Exception] = []
    answer = ask(
        event(body=BODY),
        counters=FakeCounters({kind: CountersUnavailable("ReadTimeoutError")}),
        budgets=dict.fromkeys(Kind, 1),
        uncounted=told.append,
    )
    assert answer.status == 200
    assert len(told) == 1


@pytest.mark.parametrize("kind", ["session", "caller", "account"])
def test_a_counter_that_is_flooded_lets_nothing_through(ask: Ask, kind: str) -> None:
    minter = FakeMinter()
    answer = ask(
        event(body=BODY),
        counters=FakeCounters({kind: CountersThrottled("ThrottlingException")}),
        budgets=dict.fromkeys(Kind, 1000),
        minter=minter,
    )
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "throttled", "5")
    assert minter.calls == []


def test_a_throttle_of_aws_is_503_and_never_part_of_a_vend(ask: Ask) -> None:
    ledger = FakeLedger()
    failure = MintFailed("AssumeRole: Throttling", throttled=True)
    answer = ask(event(body=BODY), minter=FakeMinter(failure), ledger=ledger)
    assert (answer.status, answer.code) == (503, "aws_throttled")
    assert answer.headers["Retry-After"] == "5"
    assert answer.body["vend_id"]
    assert ledger.names == ["intend", "fail"]
    assert ledger.calls[1][1][1:] == ("AssumeRole: Throttling", "aws_throttled")

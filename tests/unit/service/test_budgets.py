"""Budgets: who is counted for what, what is over, and what of it is recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import ACCOUNT, NOW, FakeCounters, caller
from vending.budgets import (
    Budget,
    Budgets,
    CountersThrottled,
    CountersUnavailable,
    Hour,
    Kind,
    Over,
)
from vending.caller import Caller
from vending.errors import Code

ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/payments-ci"
USER = f"arn:aws:iam::{ACCOUNT}:user/jo"
PERSON = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/jo@example.com"
FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/jo"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
LIMITS = {Kind.SESSION: 2, Kind.CALLER: 5, Kind.ACCOUNT: 8, Kind.ASKS: 3}


def budgets(
    counters: FakeCounters, limits: dict[Kind, int] | None = None, told: list[object] | None = None
) -> Budgets:
    return Budgets(counters, LIMITS if limits is None else limits, (told or []).append)


def session(name: str) -> Caller:
    return caller(f"{ROLE}/{name}")


def kinds(over: list[Over | None]) -> list[str]:
    return [one.budget.kind if one else "" for one in over]


def test_a_vend_counts_for_its_session_then_its_caller_then_its_account() -> None:
    counters = FakeCounters()
    assert budgets(counters).vend(session("run-1"), NOW) is None
    key = session("run-1").key
    assert counters.asked == [f"session#{key}:run-1", f"caller#{key}", f"account#aws:{ACCOUNT}"]


@pytest.mark.parametrize("arn", [USER, PERSON, FEDERATED, ROOT])
def test_only_a_roles_sessions_have_a_share_of_their_own(arn: str) -> None:
    counters = FakeCounters()
    budgets(counters).vend(Caller.from_arn(arn, principal_id="X"), NOW)
    assert [name.partition("#")[0] for name in counters.asked] == ["caller", "account"]


def test_one_session_that_has_had_its_share_takes_nothing_from_the_others() -> None:
    counters = FakeCounters()
    service = budgets(counters)
    first = [service.vend(session("greedy"), NOW) for _ in range(50)]
    assert kinds(first[:4]) == ["", "", "session", "session"]
    assert kinds([service.vend(session("other"), NOW) for _ in range(3)]) == ["", "", "session"]
    assert counters.counts[f"caller#{session('greedy').key}", "2026-11-23T20"] == 4


def test_no_choice_of_session_names_gets_a_caller_more_than_its_limit() -> None:
    service = budgets(FakeCounters())
    vended = [service.vend(session(f"run-{number}"), NOW) for number in range(40)]
    assert vended.count(None) == LIMITS[Kind.CALLER]


@given(names=st.lists(st.sampled_from(["a1", "b2", "c3", "d4"]), max_size=40))
def test_however_a_caller_shares_out_its_sessions_every_limit_holds(names: list[str]) -> None:
    service = budgets(FakeCounters())
    vended = [name for name in names if service.vend(session(name), NOW) is None]
    assert len(vended) <= LIMITS[Kind.CALLER]
    for name in names:
        assert vended.count(name) <= LIMITS[Kind.SESSION]
    # Nobody is refused who was within all of them.
    shares = sum(min(names.count(name), LIMITS[Kind.SESSION]) for name in set(names))
    assert len(vended) == min(shares, LIMITS[Kind.CALLER])


def test_an_accounts_callers_share_its_limit_and_another_account_goes_on() -> None:
    service = budgets(FakeCounters(), {Kind.ACCOUNT: 3})
    roles = [caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/role-{n}/run") for n in range(5)]
    assert kinds([service.vend(role, NOW) for role in roles]) == ["", "", "", "account", "account"]
    elsewhere = caller("arn:aws:sts::444455556666:assumed-role/role-1/run")
    assert service.vend(elsewhere, NOW) is None


def test_asks_are_counted_apart_from_vends() -> None:
    service = budgets(FakeCounters())
    asked = [service.ask(session("run-1"), NOW) for _ in range(5)]
    assert kinds(asked) == ["", "", "", "asks", "asks"]
    assert service.vend(session("run-1"), NOW) is None


def test_a_vend_over_its_budget_is_told_which_and_counts_as_an_ask() -> None:
    service = budgets(FakeCounters(), {Kind.CALLER: 1, Kind.ASKS: 2})
    found = [service.vend(session("run-1"), NOW) for _ in range(5)]
    assert kinds(found) == ["", "caller", "caller", "caller", "caller"]
    recorded = [one.recorded.budget.kind for one in found if one]
    assert recorded == ["caller", "caller", "asks", "asks"]


def test_no_choice_of_session_names_makes_more_records_than_its_asks_do() -> None:
    service = budgets(FakeCounters(), {Kind.SESSION: 1, Kind.ASKS: 4})
    overs = [service.vend(session(f"run-{n}"), NOW) for n in range(200) for _ in range(2)]
    marks = [over.recorded.count for over in overs if over and over.recorded.marks]
    # Four sessions as they overdraw; then the caller's asks, at the limit and each doubling.
    assert marks == [2, 2, 2, 2, 5, 10, 20, 40, 80, 160]


def test_no_limit_counts_nothing() -> None:
    counters = FakeCounters()
    service = budgets(counters, {Kind.CALLER: 0})
    assert [service.vend(session("run-1"), NOW), service.ask(session("run-1"), NOW)] == [None, None]
    assert counters.asked == []


def test_each_hour_begins_anew() -> None:
    service = budgets(FakeCounters(), {Kind.CALLER: 1})
    late = datetime(2026, 11, 23, 20, 59, 59, 999_999, UTC)
    found = [service.vend(session("a1"), now) for now in (NOW, late, late + timedelta(seconds=1))]
    assert kinds(found) == ["", "caller", ""]


@given(moment=st.datetimes(timezones=st.just(UTC)).filter(lambda it: it.year < 9999))
def test_whoever_waits_as_told_is_in_the_next_hour_and_no_second_later(moment: datetime) -> None:
    hour = Hour.of(moment)
    seconds = hour.left(moment)
    assert Hour.of(moment + timedelta(seconds=seconds)).start == hour.end
    assert 1 <= seconds <= 3600
    assert moment + timedelta(seconds=seconds - 1) < hour.end


@given(limit=st.integers(1, 10_000), count=st.integers(1, 100_000))
def test_the_first_beyond_a_limit_is_recorded_and_each_doubling(limit: int, count: int) -> None:
    doublings = {(limit + 1) * 2**power for power in range(20)}
    over = Over(Budget(Kind.ASKS, "key", limit), count, Hour.of(NOW), NOW)
    assert over.marks is (count in doublings)


@pytest.mark.parametrize("kind", Kind)
def test_what_is_over_says_which_budget_and_when_it_begins_anew(kind: Kind) -> None:
    over = Over(Budget(kind, "secret-key", 41), 42, Hour.of(NOW), NOW)
    refused = over.refused()
    assert refused.refusal.code is Code.THROTTLED
    assert refused.retry_after == 3600
    assert refused.refusal.detail.startswith("Wait until 21:00 UTC, ")
    assert "41" in refused.refusal.detail
    assert "PerHour" in refused.refusal.detail
    assert "secret-key" not in refused.refusal.detail


@pytest.mark.parametrize("kind", ["session", "caller", "account"])
def test_where_nothing_can_be_counted_the_vend_goes_on_and_somebody_is_told(kind: str) -> None:
    failure, told = CountersUnavailable("ReadTimeoutError"), [object()]
    counters = FakeCounters({kind: failure})
    assert budgets(counters, told=told).vend(session("run-1"), NOW) is None
    assert told[1:] == [failure]
    # None of the others is asked, which would take its time to fail as well.
    assert counters.asked[-1].startswith(kind)


def test_a_counter_that_is_asked_too_often_is_over_its_budget_for_some_seconds() -> None:
    told: list[object] = [object()]
    counters = FakeCounters({"caller": CountersThrottled("ThrottlingException")})
    over = budgets(counters, told=told).vend(session("run-1"), NOW)
    assert over
    assert not over.marks
    assert over.refused().refusal.code is Code.THROTTLED
    assert over.refused().retry_after == 5
    assert told[1:] == []

"""What the audit report counts, and what it says differs from the period before."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import comb
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditing.record import VendRecord
from ecr_vend.errors import Problem
from ecr_vend.report.anomalies import LEVEL, anomalies, chance_of
from ecr_vend.report.facts import Period, facts_of
from ecr_vend.report.tally import KEPT_ELSE, Group, Tally, bins, width
from tools.report_pictures import sample
from tools.report_pictures.sample import ENDPOINT, HABITS, NOW, refusal, vend

PAYMENTS, SEARCH = replace(HABITS[0], repositories=["payments/api"]), HABITS[1]
KEY = "aws:111122223333:AROAPAYMENTSCIXX"
numbers = itertools.count(1)


def made(habit: Any = PAYMENTS, *, ago: float = 1.0, **changes: Any) -> dict[str, Any]:
    """Return a vend of some days before the period's end."""
    return vend(NOW.end - timedelta(days=ago), habit, next(numbers), **changes)


def tallied(*records: dict[str, Any], period: Period = NOW, **told: Any) -> Tally:
    tally = Tally(period)
    for one in records:
        tally.add(facts_of(one, ENDPOINT, **told))
    return tally


def compared(now: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    found = anomalies(tallied(*now), tallied(*before, period=NOW.before()))
    return [(one.rule, one.now, one.before) for one in found]


def test_the_sample_is_of_records_as_the_service_writes_them() -> None:
    for record in sample.vends():
        assert VendRecord.model_validate(record).vend_id == record["vend_id"]


def test_a_vend_counts_for_each_repository_it_asked_for_got_or_lost_once() -> None:
    lost = {"repository": "payments/ledger", "access": "push", "rule": "deny embargo"}
    one = made(scope={"push": ["payments/*"]}, dropped=[lost])
    one["asked"]["repositories"] = {"push": ["payments/api", "payments/ledger"]}
    tally = tallied(one)
    names = {group.name[0] for group in tally.all_of("repository")}
    assert names == {"payments/api", "payments/ledger", "payments/*"}
    assert {count.total for count in tally.all_of("repository").values()} == {1}
    assert tally.of("rule", "deny embargo").issued == 1


def test_each_outcome_is_counted_as_it_is() -> None:
    refused = made(**refusal("payments/api", "push", "no grant"))
    failed = made(outcome="failed", code="mint_failed")
    tally = tallied(made(), refused, failed, made(outcome=None))
    outcomes = tally.of("all").outcomes
    assert dict(outcomes) == {"issued": 1, "refused": 1, "failed": 1, "unfinished": 1}
    assert tally.of("refusal", "refused", "not_granted").total == 1
    assert tally.of("refusal", "failed", "mint_failed").total == 1


@pytest.mark.parametrize("outcome", ["refused", "failed", None])
def test_whoever_got_no_token_got_no_push(outcome: str | None) -> None:
    assert not tallied(made(outcome=outcome)).all_of("push")
    assert tallied(made()).of("push", KEY, "payments/api").total == 1


def test_of_one_repository_push_is_what_the_service_says_the_token_could() -> None:
    by_pattern = made(scope={"push": ["payments/*"]})
    told = {by_pattern["vend_id"]: ["pull", "push"]}
    tally = tallied(by_pattern, repository="payments/api", could=told)
    assert list(tally.all_of("push")) == [Group("push", (KEY, "payments/api"))]
    assert list(tally.all_of("repository")) == [Group("repository", ("payments/api",))]
    assert not tallied(by_pattern, repository="payments/api", could={}).all_of("push")


def test_repositories_of_two_registries_are_two() -> None:
    here, there = made(), made(registry={"name": "eu", "host": "x"})
    names = [group.name[0] for group in tallied(here, there).all_of("repository")]
    assert len(names) == 2
    assert any(name.endswith("(registry eu)") for name in names)


def test_vends_of_the_prober_are_counted_apart() -> None:
    tally = tallied(made(probe=True), made())
    assert (tally.probes, tally.of("all").total) == (1, 1)


def test_of_each_group_the_newest_are_kept_and_all_are_counted() -> None:
    records = [made(ago=1 + number / 100) for number in range(30)]
    count = tallied(*records).of("caller", KEY)
    assert (count.total, len(count.kept)) == (30, KEPT_ELSE)
    assert [one.vend_id for one in count.kept] == [one["vend_id"] for one in records[:KEPT_ELSE]]


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("registry", None),
        ("dropped", [1]),
        ("asked_at", "soon"),
        ("scope", 7),
        ("grants", 7),
        ("outcome", "lost"),
    ],
)
def test_what_is_no_record_is_a_problem(change: str, value: object) -> None:
    with pytest.raises(Problem) as found:
        facts_of(made() | {change: value}, ENDPOINT)
    assert found.value.code == "unexpected_answer"


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments, st.integers(60, 400 * 86_400), st.floats(0, 0.999))
def test_every_moment_of_a_period_is_in_one_of_its_bars(
    start: datetime, seconds: int, share: float
) -> None:
    period = Period(start, start + timedelta(seconds=seconds))
    at = start + timedelta(seconds=seconds * share)
    starts = list(bins(period))
    assert sum(begin <= at < begin + width(period) for begin in starts) == 1
    assert len(starts) <= 64
    group = next(iter(tallied(vend(at, PAYMENTS, 1), period=period).all_of("time")))
    assert datetime.fromisoformat(group.name[0]) in starts


def test_a_new_caller_is_told_with_its_count_and_its_pairs_are_not_told_again() -> None:
    found = compared([made(SEARCH), made(SEARCH), made()], [made()])
    assert ("new caller", 2, 0) in found
    assert [rule for rule, _, _ in found if rule in {"first push", "new repository"}] == []


def test_a_first_push_of_a_known_caller_is_told() -> None:
    pulls = made(scope={"pull": ["payments/api"]})
    pulls["asked"]["repositories"] = {"pull": ["payments/api"]}
    pushes = made(scope={"push": ["payments/api"]})
    pushes["asked"]["repositories"] = {"push": ["payments/api"]}
    assert compared([pushes], [pulls]) == [("first push", 1, 0)]
    assert compared([pulls], [pushes]) == []


def test_a_new_repository_of_a_known_caller_is_told() -> None:
    other = made(scope={"pull": ["base/go"]})
    other["asked"]["repositories"] = {"pull": ["base/go"]}
    assert compared([made(), other], [made(), made()]) == [("new repository", 1, 0)]


def test_far_more_refusals_are_told_by_caller_and_by_code_and_a_few_more_are_not() -> None:
    refused = refusal("payments/api", "push", "no grant")
    many, few = [made(**refused) for _ in range(40)], [made(**refused) for _ in range(4)]
    assert compared(many, few) == [("more refusals", 40, 4), ("more of a code", 40, 4)]
    assert compared(few, few[:2]) == []


def test_break_glass_that_grows_is_told() -> None:
    emergencies = [made(break_glass=True) for _ in range(20)]
    assert ("more break-glass", 20, 0) in compared(emergencies, [made(), made()])


def test_among_many_vends_a_small_rise_is_not_told_however_certain_it_is() -> None:
    assert chance_of(10_500, 10_000) < LEVEL
    now, before = tallied(made()), tallied(made(), period=NOW.before())
    now.of("caller", KEY).outcomes["issued"] = 10_500
    before.of("caller", KEY).outcomes["issued"] = 10_000
    assert anomalies(now, before) == []
    now.of("caller", KEY).outcomes["issued"] = 15_000
    (found,) = anomalies(now, before)
    assert (found.rule, found.now, found.before) == ("more vends", 15_000, 10_000)


def test_without_a_period_before_nothing_is_new() -> None:
    assert compared([made(), made(SEARCH)], []) == []


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_chance_is_the_binomial_tail(now: int, before: int) -> None:
    total = now + before
    exact = sum(comb(total, many) for many in range(now, total + 1)) / 2**total
    assert chance_of(now, before) == pytest.approx(exact, rel=1e-9)


def test_a_chance_of_millions_is_told_at_once() -> None:
    assert chance_of(3_000_000, 1_000_000) == 0.0
    assert 0 < chance_of(1_000_900, 1_000_000) < 0.3

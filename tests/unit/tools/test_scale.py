"""A day of a fleet, and the quota that breaks first."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from ecr_vend.cache import Cache
from ecr_vend.deadline import Deadline
from ecr_vend.secret import Secret
from ecr_vend.tokens import Asking, Wanted
from tools.estimates.fleet import Day, Load, day_of, jobs_of, machines, requests_at
from tools.estimates.scale import INPUTS, Quota

LOAD = Load.of(tomllib.loads(INPUTS.read_text())["load"])
HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"


def quota(**given: float) -> Quota:
    limits = {"rate": 20, "burst": 200, "at_once": 0, "an_hour": 0, "each": 1} | given
    return Quota("some", "some quota", confidence="D", do="ask", **limits)


def steady(count: int) -> Day:
    return Day(100, 0, (count,) * 86_400)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("life", [60.0, 900.0])
def test_a_machine_asks_exactly_when_the_client_does(
    tmp_path: Path, seed: int, life: float
) -> None:
    random, now = Random(seed), 1_000_000.0  # noqa: S311  times
    pulls = []
    for _ in range(25):
        now += random.expovariate(4 / life)
        pulls.append(now)
    asked = []
    clock = [0.0]

    def fetch(_: Deadline) -> tuple[Secret, float, float]:
        asked.append(clock[0])
        return Secret(f"password-{len(asked)}"), clock[0], clock[0] + life

    cache, want = Cache(tmp_path, {}), Wanted(HOST, "key")
    for pull in pulls:
        clock[0] = pull
        Asking(want, cache, fetch, {}, clock=lambda: clock[0], sleep=lambda _: None).token()
    assert list(requests_at(pulls, life)) == asked
    assert 1 < len(asked) < len(pulls)


def test_pulls_at_the_same_time_make_one_request() -> None:
    assert list(requests_at([5.0, 5.0, 5.0], 900)) == [5.0]


def test_the_same_seed_gives_the_same_day_and_another_another() -> None:
    assert day_of(LOAD, 20) == day_of(LOAD, 20)
    assert day_of(LOAD, 20) != day_of(replace(LOAD, seed=6), 20)


def test_every_runner_has_its_jobs_and_pulls() -> None:
    assert day_of(LOAD, 50).pulls == 50 * LOAD.jobs_per_runner * LOAD.pulls_per_job


def test_a_runner_has_one_job_at_a_time() -> None:
    begun = jobs_of(replace(LOAD, cron_share=1, jobs_per_runner=40), Random(1))  # noqa: S311
    assert all(b - a > LOAD.job_seconds - 0.001 for a, b in pairwise(begun))


@pytest.mark.parametrize("share", [0, 0.25, 0.5, 1])
def test_a_fleet_is_made_of_both_kinds_of_runners_by_their_share(share: float) -> None:
    found = list(machines(replace(LOAD, ephemeral_share=share), 1000))
    assert sum(own or 1 for own in found) == 1000
    assert found.count(0) == pytest.approx(1000 * share, abs=4)


def test_a_cache_that_outlives_the_job_and_a_longer_token_ask_less() -> None:
    def asked(**changes: float) -> int:
        return sum(day_of(replace(LOAD, **changes), 100).vends)  # type: ignore[arg-type]

    assert asked(ephemeral_share=0) < asked(ephemeral_share=1)
    assert asked(ephemeral_share=0, token_seconds=3600) < asked(ephemeral_share=0)


def test_schedules_make_the_top_of_the_hour_the_busiest() -> None:
    day = day_of(replace(LOAD, cron_share=0.5), 500)
    peak = day.vends.index(day.most_in_a_second)
    assert peak % 3600 <= LOAD.cron_seconds


def test_a_throttle_takes_a_burst_and_then_its_rate() -> None:
    burst = quota()
    assert burst.refused([200, 20, 20]) == 0
    assert burst.refused([201, 20, 20]) == 1
    assert burst.refused([200, 21, 0, 20]) == 1
    assert burst.refused([0, 0, 220]) == 20


def test_a_budget_is_for_an_hour_of_the_clock() -> None:
    budget = quota(an_hour=100)
    assert budget.refused([100] + [0] * 3599 + [100]) == 0
    assert budget.refused([60] + [0] * 3598 + [60, 0]) == 20


def test_what_a_vend_takes_counts_against_the_quota() -> None:
    assert quota(rate=100, burst=100, each=10).refused([10]) == 0
    assert quota(rate=100, burst=100, each=10).refused([11]) == pytest.approx(1)


def test_a_quota_breaks_where_the_rate_is_first_over_it() -> None:
    assert quota(burst=20).breaks_at(steady(2)) == pytest.approx(1000, abs=1)
    assert quota(at_once=10, each=0.5).breaks_at(steady(2)) == pytest.approx(1000, abs=1)


def test_every_quota_says_how_sure_it_is_and_what_to_do() -> None:
    for declared in tomllib.loads(INPUTS.read_text())["quotas"].values():
        assert declared["confidence"] in {"D", "U"}
        assert len(declared["do"]) > 20

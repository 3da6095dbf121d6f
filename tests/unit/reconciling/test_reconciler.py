"""A run goes on where the last one ended, writes each finding once, and stops in time."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciling.findings import FIRST, LONGEST_SPAN, SETTLED, Intended, Kind
from reconciling.reconciler import ENOUGH, Reconciler
from tests.fakes import FakeLogs, FakeRecords
from tests.unit.reconciling.test_shapes import TRAIL

NOW = datetime(2026, 11, 23, 20, tzinfo=UTC)
UNTIL = NOW - SETTLED


def intended(minutes: float, vend_id: str = "v-1") -> Intended:
    """Return an intent so long before what is settled now."""
    at = UNTIL - timedelta(minutes=minutes)
    return Intended(vend_id, at, f"request of {vend_id}", "default", "arn of a role")


def reconciler(records: FakeRecords, now: datetime = NOW) -> Reconciler:
    return Reconciler(records, FakeLogs(), lambda: now)


def unhurried() -> float:
    return math.inf


def test_a_first_run_looks_back_and_ends_at_what_is_settled() -> None:
    records = FakeRecords([intended(30), intended(FIRST / timedelta(minutes=1) + 5, "v-0")])
    report = reconciler(records).run(unhurried)
    assert report.until == UNTIL
    assert [one.subject for one in report.new] == ["v-1"]


def test_a_run_goes_on_where_the_last_ended_whatever_was_missed() -> None:
    records = FakeRecords([intended(5 * 60)], until=UNTIL - timedelta(hours=6))
    report = reconciler(records).run(unhurried)
    assert [one.subject for one in report.new] == ["v-1"]
    assert records.until == UNTIL


def test_a_finding_is_written_once() -> None:
    records = FakeRecords([intended(30)])
    assert reconciler(records).run(unhurried).new
    again = replace(records, until=UNTIL - FIRST, findings=set(records.added))
    assert not reconciler(again).run(unhurried).new


def test_what_every_span_of_a_run_finds_is_one_finding() -> None:
    records = FakeRecords([])
    logs = FakeLogs((json.dumps(TRAIL["AssumeRole"]),))
    report = Reconciler(records, logs, lambda: NOW).run(unhurried)
    assert [one.kind for one in report.new] == [Kind.BORROWED_NAME]
    assert len(records.added) == 1


def test_no_record_of_an_old_vend_excuses_a_session_that_takes_its_name() -> None:
    told = TRAIL["AssumeRole"]["detail"]["requestParameters"]["roleSessionName"]
    records = FakeRecords([], written={(told, "1#intent"), (told, "2#outcome")})
    logs = FakeLogs((json.dumps(TRAIL["AssumeRole"]),))
    assert Reconciler(records, logs, lambda: NOW).run(unhurried).new


def test_an_index_that_lags_behind_makes_no_finding() -> None:
    records = FakeRecords([intended(30)], written={("v-1", "2#outcome")})
    assert not reconciler(records).run(unhurried).new


def test_a_run_without_time_leaves_the_rest_to_the_next() -> None:
    records = FakeRecords([intended(1)])
    left = iter([ENOUGH, ENOUGH - 1])
    report = reconciler(records).run(lambda: next(left))
    assert report.until == UNTIL - FIRST + LONGEST_SPAN
    assert not report.new
    assert [one.kind for one in reconciler(records).run(unhurried).new] == [Kind.UNFINISHED]


def test_a_span_that_broke_is_looked_at_again() -> None:
    records = FakeRecords([intended(1)], breaks=True)
    try:
        reconciler(records).run(unhurried)
    except RuntimeError:
        pass
    else:
        raise AssertionError("it did not break")
    records.breaks = False
    assert reconciler(records).run(unhurried).new

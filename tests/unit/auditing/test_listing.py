"""A list has what was vended, in order, page by page, read by keys and indexes alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from auditing import auditing
from auditing.auditing import ENOUGH, MOST_STEPS, RecordsUnavailable, access_to
from auditing.messages import MOST, PAGE
from auditing.selection import By, Selection, Span
from tests.audited import AUDITED, ROLE, Audited, ago, ids
from tests.fakes import NOW, caller
from tests.unit.service.test_ledger import flood, ledger
from tools.environments import ROOT

LATELY = Span(NOW - timedelta(days=2), NOW + timedelta(hours=1))
LONG = Span(NOW - timedelta(days=100), NOW + timedelta(hours=1))


def listed(world: Audited, by: By, value: str = "", **more: Any) -> list[str]:
    """Return all ids of a list, page by page."""
    most = more.pop("most", 50)
    selection = Selection(by, value, more.pop("span", LATELY), **more)
    found: list[str] = []
    while True:
        page = world.service().listed(selection, most=most)
        assert len(page.vends) <= most
        found += ids(page.vends)
        if page.after is None:
            return found
        selection = replace(selection, after=page.after)


@given(
    st.lists(st.integers(0, 60 * 47), max_size=12),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from([By.TIME, By.CALLER, By.GRANT, By.REPOSITORY, By.OUTCOME]),
)
def test_pages_have_every_vend_once_and_in_order(
    minutes: list[int], most: int, newest: bool, by: By
) -> None:
    world = Audited()
    made = sorted(
        (world.vend(at=ago(minutes=past), pull=["payments/api"]) for past in minutes),
        reverse=newest,
    )
    value = {
        By.TIME: "",
        By.CALLER: caller().key,
        By.GRANT: "payments-ci",
        By.REPOSITORY: "payments/api",
        By.OUTCOME: "issued",
    }[by]
    assert listed(world, by, value, most=most, newest_first=newest) == made


def test_equal_names_in_two_registries_are_told_apart_where_one_is_asked_for() -> None:
    world = Audited()
    ours = world.vend(pull=["payments/api"])
    theirs = world.vend(pull=["payments/api"], registry="eu", at=ago(minutes=1))
    assert listed(world, By.REPOSITORY, "payments/api") == [ours, theirs]
    for registry, mine in (("default", [ours]), ("eu", [theirs]), ("none", [])):
        assert listed(world, By.REPOSITORY, "payments/api", registry=registry, most=1) == mine


def test_what_is_written_between_two_pages_moves_nothing() -> None:
    world = Audited()
    made = [world.vend(at=ago(minutes=past)) for past in range(6)]
    first = world.service().listed(Selection(By.TIME, "", LATELY), most=3)
    world.vend()
    second = world.service().listed(Selection(By.TIME, "", LATELY, after=first.after or ""), most=9)
    assert ids(first.vends) + ids(second.vends) == made


def test_a_span_ends_just_before_its_end() -> None:
    world = Audited()
    world.vend(at=ago(hours=3))
    inside = world.vend(at=ago(hours=2))
    world.vend(at=ago(hours=1))
    span = Span(ago(hours=2), ago(hours=1))
    assert listed(world, By.TIME, span=span) == [inside]


def test_a_caller_has_its_own_vends_and_no_floods() -> None:
    world = Audited()
    mine = world.vend()
    world.vend(who=caller(f"{ROLE}/other/run-1"))
    ledger(world.table, world.kms).flood(flood())
    assert listed(world, By.CALLER, caller().key, span=LONG) == [mine]


def test_a_repository_has_what_was_asked_granted_or_refused_by_name_or_pattern() -> None:
    world = Audited()
    named = world.vend(at=ago(minutes=3), pull=["base/python"])
    by_pattern = world.vend(at=ago(minutes=2))
    refused = world.vend(at=ago(minutes=1), push=["base/python"], who=caller(f"{ROLE}/other/run"))
    world.vend(pull=["payments/api"])
    assert listed(world, By.REPOSITORY, "base/python") == [refused, by_pattern, named]


def test_what_a_vend_could_do_with_a_repository_is_what_its_scope_says() -> None:
    world = Audited()
    world.vend()
    (vend,) = world.service().listed(Selection(By.TIME, "", LATELY), most=9).vends
    assert access_to(vend, "payments/api") == ["pull"]
    assert access_to(vend, "payments/ledger") == []
    assert access_to(vend, "search/indexer") == []


def test_outcomes_are_told_apart() -> None:
    world = Audited()
    issued = world.vend()
    refused = world.vend(pull=["search/indexer"])
    failed = world.vend(failure="AssumeRole: AccessDenied")
    found = {outcome: listed(world, By.OUTCOME, outcome) for outcome in ("issued", "refused")}
    assert found == {"issued": [issued], "refused": [refused]}
    assert listed(world, By.OUTCOME, "failed") == [failed]


def test_months_apart_are_one_list() -> None:
    world = Audited()
    made = [world.vend(at=ago(days=past), pull=["payments/api"]) for past in (0, 30, 62, 95)]
    assert listed(world, By.REPOSITORY, "payments/api", span=LONG) == made
    assert listed(world, By.GRANT, "payments-ci", span=LONG, newest_first=False) == made[::-1]


def test_a_page_where_little_was_vended_ends_in_time_and_says_where_to_go_on() -> None:
    world = Audited()
    made = world.vend(at=ago(days=90))
    first = world.service().listed(Selection(By.TIME, "", LONG), most=50)
    assert (first.vends, world.reads.queries <= MOST_STEPS) == ([], True)
    assert first.after
    assert listed(world, By.TIME, span=LONG) == [made]


def test_keys_that_were_not_processed_are_asked_for_again() -> None:
    world = Audited()
    made = [world.vend(at=ago(minutes=past)) for past in range(5)]
    world.reads.unprocessed = 2
    assert listed(world, By.TIME) == made
    assert world.pauses == [0.05, 0.1]
    world.reads.unprocessed = 99
    with pytest.raises(RecordsUnavailable):
        listed(world, By.TIME)


def test_a_table_that_does_not_answer_is_told_as_that() -> None:
    world = Audited()
    world.reads.down = ReadTimeoutError(endpoint_url="https://dynamodb")
    with pytest.raises(RecordsUnavailable, match="ReadTimeoutError"):
        listed(world, By.TIME)


def test_a_page_ends_early_where_time_is_short_and_loses_nothing() -> None:
    world = Audited()
    made = [world.vend(at=ago(hours=past)) for past in range(4)]
    selection = Selection(By.TIME, "", LATELY)
    found: list[str] = []
    while True:
        page = world.service().listed(selection, most=50, left=lambda: ENOUGH - 1)
        found += ids(page.vends)
        if page.after is None:
            break
        selection = Selection(By.TIME, "", LATELY, after=page.after)
    assert found == made


@pytest.mark.parametrize("newest", [True, False])
def test_a_page_ends_before_it_is_more_than_lambda_answers_with(
    newest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Audited()
    names = [f"payments/{number:03}" for number in range(90)]
    made = [world.vend(at=ago(hours=past), pull=names) for past in range(5)]
    one = len(world.service().shown(made[0]).model_dump_json())
    monkeypatch.setattr(auditing, "FULL", 2 * one + one // 2)
    selection = Selection(By.TIME, "", LATELY, newest_first=newest)
    sizes, found = [], []
    while True:
        page = world.service().listed(selection, most=50)
        sizes.append(len(page.vends))
        found += ids(page.vends)
        if page.after is None:
            break
        selection = Selection(By.TIME, "", LATELY, newest_first=newest, after=page.after)
    assert sizes == [2, 2, 1]
    assert found == (made if newest else made[::-1])


def test_a_vend_that_is_larger_than_a_page_is_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Audited()
    made = [world.vend(at=ago(hours=past)) for past in range(2)]
    monkeypatch.setattr(auditing, "FULL", 10)
    page = world.service().listed(Selection(By.TIME, "", LATELY), most=50)
    assert (ids(page.vends), page.after) == (made[:1], made[0])


def test_what_break_glass_gave_is_found_and_nothing_else() -> None:
    loud = "  - {name: incident, callers: [{account: '111122223333'}], repositories: ['*'], "
    loud += "access: push, break_glass: true}\n"
    world = Audited(policy=AUDITED.replace("denies:", f"{loud}denies:"))
    broken = [
        world.vend(at=ago(days=past), grant="incident", reason="INC-7", push=["payments/api"])
        for past in (0, 40)
    ]
    world.vend(push=["payments/api"])
    assert listed(world, By.BREAK_GLASS, "true", span=LONG) == broken


def test_the_page_says_how_much_a_list_reads_at_most() -> None:
    page = (ROOT / "docs/auditing.md").read_text()
    assert f"| time | an hour | {MOST_STEPS} queries, {2 * PAGE} items |" in page
    assert f"`limit` (1 to {MOST}; {PAGE})" in page

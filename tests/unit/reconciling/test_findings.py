"""What does not add up becomes a finding; what has an explanation does not."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciling.findings import (
    LONGEST_SPAN,
    MOST,
    SETTLED,
    Answered,
    Called,
    Finding,
    Intended,
    Kind,
    Seen,
    Span,
    found,
    spans,
)
from vending.vend_ids import new_vend_id

START = datetime(2026, 11, 23, 20, tzinfo=UTC)
SPAN = Span(START, START + LONGEST_SPAN)
AT = START + timedelta(minutes=1)
ROLE = "arn:aws:iam::111122223333:role/ecr-vend-pull"


def intended(vend_id: str = "v-1", at: datetime = AT, registry: str = "default") -> Intended:
    return Intended(vend_id, at, f"request of {vend_id}", registry, ROLE)


def called(name: str = "AssumeRole", session: str = "v-1") -> Called:
    return Called(name, session, ROLE, f"{name} of {session}", AT)


def answered(request_id: str = "request of v-1", status: int = 200) -> Answered:
    return Answered(request_id, "invocation-1", status, AT)


SEEN = Seen(
    {"v-1": intended()},
    {"v-1": "issued"},
    (answered(),),
    {},
    (called(), called("GetAuthorizationToken")),
)


def kinds(seen: Seen) -> list[tuple[Kind, str]]:
    return [(one.kind, one.subject) for one in found(SPAN, seen)]


def test_what_adds_up_is_no_finding() -> None:
    assert kinds(SEEN) == []


def test_an_intent_that_never_ended_says_which_calls_there_were() -> None:
    seen = replace(SEEN, outcomes={}, calls=(called(),))
    assert found(SPAN, seen) == [
        Finding(Kind.UNFINISHED, "v-1", AT, {"AssumeRole": 1, "GetAuthorizationToken": 0})
    ]


def test_an_intent_of_another_span_is_left_to_that_one() -> None:
    later = intended(at=SPAN.end)
    assert kinds(replace(SEEN, intents={"v-1": later}, outcomes={})) == []


@pytest.mark.parametrize("status", [200, 500, 503, 504])
def test_an_answer_without_a_vend_is_found(status: int) -> None:
    seen = replace(SEEN, answers=(answered("request of nobody", status),))
    assert kinds(seen) == [(Kind.UNRECORDED_ANSWER, "request of nobody")]


@pytest.mark.parametrize(
    ("status", "said", "explained"),
    [
        (200, "DryRuns", True),
        (200, "refused", False),
        (503, "refused", True),
        (500, "refused", True),
        (503, "DryRuns", False),
    ],
)
def test_what_the_function_logged_explains_an_answer(
    status: int, said: str, *, explained: bool
) -> None:
    answers = (answered("request of nobody", status),)
    assert (kinds(replace(SEEN, answers=answers, said={"invocation-1": said})) == []) is explained


@pytest.mark.parametrize("name", ["AssumeRole", "GetAuthorizationToken"])
def test_a_session_of_a_vended_role_without_an_intent_is_found(name: str) -> None:
    stolen = called(name, "somebody")
    seen = replace(SEEN, calls=(*SEEN.calls, stolen, replace(stolen, event_id="event-2")))
    assert found(SPAN, seen) == [
        Finding(
            Kind.UNRECORDED_CALL,
            f"{name}#somebody",
            AT,
            {"role": ROLE, "event_id": f"{name} of somebody"},
        )
    ]


@pytest.mark.parametrize("name", ["AssumeRole", "GetAuthorizationToken"])
def test_a_session_that_takes_a_vends_name_once_more_is_found(name: str) -> None:
    again = replace(called(name), event_id="z")
    assert kinds(replace(SEEN, calls=(*SEEN.calls, again))) == [
        (Kind.BORROWED_NAME, f"{name}#v-1#z")
    ]


def test_an_event_that_comes_twice_is_one_call() -> None:
    assert kinds(replace(SEEN, calls=(*SEEN.calls, *SEEN.calls))) == []


@pytest.mark.parametrize("role", ["arn:aws:iam::111122223333:role/ecr-vend-push", ""])
def test_a_session_of_another_role_than_its_vends_is_found(role: str) -> None:
    # A vend that was refused has no role, and no session either.
    intent = replace(intended(), role=role)
    assert kinds(replace(SEEN, intents={"v-1": intent}, calls=(called(),))) == [
        (Kind.BORROWED_NAME, "AssumeRole#v-1#AssumeRole of v-1")
    ]


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("ago", [timedelta(minutes=2), timedelta(days=400)])
def test_a_session_with_the_id_of_an_old_vend_is_found(ago: timedelta, *, is_known: bool) -> None:
    old = new_vend_id(AT - ago)
    intents = {**SEEN.intents, **({old: intended(old, AT - ago)} if is_known else {})}
    seen = replace(SEEN, intents=intents, calls=(*SEEN.calls, called(session=old)))
    assert kinds(seen) == [(Kind.BORROWED_NAME, f"AssumeRole#{old}#AssumeRole of {old}")]


def test_a_vends_own_calls_are_near_its_time() -> None:
    mine = new_vend_id(AT)
    seen = replace(SEEN, intents={mine: intended(mine)}, outcomes={mine: "issued"})
    late = replace(called(session=mine), at=AT + timedelta(seconds=30))
    assert kinds(replace(seen, answers=(), calls=(late,))) == []


def test_tokens_of_which_cloudtrail_tells_nothing_are_found_once_a_day() -> None:
    assert kinds(replace(SEEN, calls=())) == [(Kind.SILENT_TRAIL, "2026-11-23")]


def test_a_trail_is_not_asked_of_other_registries_or_of_refusals() -> None:
    elsewhere = intended(registry="eu")
    assert kinds(replace(SEEN, intents={"v-1": elsewhere}, calls=())) == []
    assert kinds(replace(SEEN, outcomes={"v-1": "refused"}, calls=())) == []


def test_very_many_findings_are_bounded_and_none_is_dropped_unsaid() -> None:
    intents = {f"v-{n}": intended(f"v-{n}") for n in range(MOST + 5)}
    findings = found(SPAN, Seen(intents, {}, (), {}, ()))
    assert len(findings) == MOST + 1
    assert findings[-1].evidence == {"count": 5}


def test_the_same_is_found_under_the_same_key() -> None:
    seen = replace(SEEN, outcomes={})
    shifted = Span(START - timedelta(minutes=5), SPAN.end)
    assert found(SPAN, seen) == found(shifted, seen)


def test_a_run_that_was_missed_is_caught_up_with_in_steps_without_a_gap() -> None:
    now = START + timedelta(hours=5)
    steps = list(spans(START, now))
    assert steps[0].start == START
    assert steps[-1].end == now - SETTLED
    assert all(one.end == following.start for one, following in itertools.pairwise(steps))
    assert max(one.end - one.start for one in steps) == LONGEST_SPAN


def test_what_has_not_settled_is_left_alone() -> None:
    assert list(spans(START, START + SETTLED)) == []

"""Who could have had access is what `decide` says of the policies that served, and when."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditing.access import Period, Question, Served, example_of, periods, possible, words
from auditing.auditing import ENOUGH
from auditing.selection import Span
from handlers.audit_api import audit
from tests.audited import AUDITED, Audited, ago
from tests.fakes import NOW, event
from tests.metric_lines import AUDITOR
from tests.strategies import EVERY_CALLER, EVERY_CALLER_PATTERN, names_in, situations
from tests.strategies import NOW as THEN
from vending.access import Access
from vending.caller import Caller
from vending.caller_patterns import CallerPattern
from vending.decision import decide
from vending.errors import Refused
from vending.policy import Policy
from vending.request import Limits, VendRequest

DAY = Span(NOW - timedelta(days=1), NOW)
OTHER = AUDITED.replace("name: payments-ci", "name: payments-robot")


def asked(access: Access = Access.PUSH, repository: str = "payments/api", span: Span = DAY) -> Any:
    return Question(repository, access, "default", span)


def could(world: Audited, question: Any) -> list[tuple[str, str, datetime, datetime]]:
    """Return who could have had it, by which grant, from when until when."""
    _, found = world.service().could(question)
    return [(one.callers, one.grant, one.period.span.start, one.period.span.end) for one in found]


def test_who_could_push_is_whom_the_policy_that_served_granted_it() -> None:
    world = Audited()
    world.vend(at=ago(hours=30))
    role = "role arn:aws:iam::111122223333:role/payments-ci"
    assert could(world, asked()) == [(role, "payments-ci", DAY.start, DAY.end)]


def test_push_includes_pull_and_pull_does_not_include_push() -> None:
    world = Audited()
    world.vend(at=ago(hours=30))
    pulls = {grant for _, grant, *_ in could(world, asked(Access.PULL, "base/python"))}
    assert pulls == {"payments-ci", "everybody-reads-base"}
    assert {grant for _, grant, *_ in could(world, asked(Access.PUSH, "base/python"))} == {
        "payments-ci"
    }


def test_what_everyone_is_denied_nobody_could_have_had() -> None:
    world = Audited()
    world.vend(at=ago(hours=30))
    assert could(world, asked(repository="payments/ledger")) == []


def test_a_deny_of_some_callers_is_named_beside_the_others() -> None:
    some = AUDITED.replace(
        "repositories: [payments/ledger]",
        "repositories: [payments/*], callers: [{role: 'arn:aws:iam::111122223333:role/*', "
        "session: 'nightly-*'}]",
    )
    world = Audited(policy=some)
    world.vend(at=ago(hours=30))
    (found,) = world.service().could(asked())[1]
    assert found.unless == ("embargo",)


@pytest.mark.parametrize("deny", ["account: '999988887777'", "user: 'arn:aws:iam::*:user/*'"])
def test_a_deny_of_others_is_not_named_beside_them(deny: str) -> None:
    others = AUDITED.replace(
        "repositories: [payments/ledger]", f"repositories: [payments/*], callers: [{{{deny}}}]"
    )
    world = Audited(policy=others)
    world.vend(at=ago(hours=30))
    (found,) = world.service().could(asked())[1]
    assert found.unless == ()


def test_whom_a_deny_is_for_altogether_could_not_have_had_it() -> None:
    everybody = AUDITED.replace(
        "repositories: [payments/ledger]",
        "repositories: [payments/*], callers: [{account: '111122223333'}]",
    ).replace("role/payments-ci", "role/payments-*")
    world = Audited(policy=everybody)
    world.vend(at=ago(hours=30))
    assert world.service().could(asked())[1] == []


def test_a_policy_counts_from_when_it_was_seen_until_another_was() -> None:
    world = Audited()
    world.vend(at=ago(hours=30))
    world.policy = OTHER
    world.vend(at=ago(hours=6))
    role = "role arn:aws:iam::111122223333:role/payments-ci"
    assert could(world, asked()) == [
        (role, "payments-ci", DAY.start, ago(hours=6)),
        (role, "payments-robot", ago(hours=6), DAY.end),
    ]


def test_a_policy_that_came_back_within_the_hour_counts_until_the_hour_is_over() -> None:
    world = Audited()
    change = ago(hours=6)
    world.vend(at=change)
    world.policy = OTHER
    world.vend(at=change + timedelta(minutes=10))
    world.policy = AUDITED
    world.vend(at=change + timedelta(minutes=20))
    world.vend(at=change + timedelta(hours=2))
    found = could(world, asked())
    over = (change + timedelta(hours=1)).replace(microsecond=0)
    assert [(grant, start, end) for _, grant, start, end in found] == [
        ("payments-ci", change, over),
        ("payments-robot", change + timedelta(minutes=10), change + timedelta(hours=2)),
        ("payments-ci", change + timedelta(hours=2), DAY.end),
    ]


def test_what_the_next_policy_goes_on_to_grant_is_one() -> None:
    world = Audited()
    world.vend(at=ago(hours=30))
    world.policy = f"{AUDITED}\n# a comment\n"
    world.vend(at=ago(hours=6))
    periods_found, found = world.service().could(asked())
    assert (len(periods_found), len(found)) == (2, 1)
    assert (found[0].period.span.start, found[0].period.span.end) == (DAY.start, DAY.end)


def test_a_grant_ends_with_the_day_that_it_expires_on() -> None:
    last = ago(hours=36).date()
    world = Audited(policy=AUDITED.replace("max_ttl: 30m", f"expires_on: {last}"))
    world.vend(at=ago(hours=40))
    span = Span(ago(days=2), NOW)
    ((_, grant, start, end),) = could(world, asked(span=span))
    assert (grant, start) == ("payments-ci", ago(hours=40))
    assert end == datetime.combine(last + timedelta(days=1), datetime.min.time(), NOW.tzinfo)


def test_before_the_first_policy_nothing_is_known() -> None:
    world = Audited()
    assert world.service().could(asked()) == ([], [])
    world.vend(at=ago(hours=2))
    (period,) = world.service().could(asked())[0]
    assert (period.span.start, period.label) == (ago(hours=2), "alice/4f2c1d")


def test_a_policy_that_served_months_ago_and_since_is_found() -> None:
    world = Audited()
    world.vend(at=ago(days=200))
    assert could(world, asked())[0][1:] == ("payments-ci", DAY.start, DAY.end)


def test_the_same_policy_seen_every_hour_is_one_period() -> None:
    seen = [Served(ago(hours=hour), "1", "") for hour in range(30)]
    (one,) = periods(seen, DAY)
    assert one.span == DAY


def test_a_policy_that_may_have_come_back_is_no_less_there_for_a_question_that_begins_later() -> (
    None
):
    world = Audited()
    change = ago(hours=6)
    world.vend(at=change)
    world.policy = OTHER
    world.vend(at=change + timedelta(minutes=10))
    within = Span(change + timedelta(minutes=30), change + timedelta(minutes=40))
    found = could(world, asked(span=within))
    assert {grant for _, grant, *_ in found} == {"payments-ci", "payments-robot"}
    assert {(start, end) for *_, start, end in found} == {(within.start, within.end)}


@pytest.mark.parametrize("user", ["x", "?*", "jo*"])
def test_a_deny_of_some_users_of_a_permission_set_does_not_hide_the_others(user: str) -> None:
    signed_in = "permission_set: {name: PaymentsDev, account: '111122223333'"
    some = AUDITED.replace(
        'role: "arn:aws:iam::111122223333:role/payments-ci"', f"{signed_in}}}"
    ).replace(
        "repositories: [payments/ledger]",
        f"repositories: [payments/*], callers: [{{{signed_in}, user: '{user}'}}}}]",
    )
    world = Audited(policy=some)
    world.vend(at=ago(hours=30))
    (found,) = world.service().could(asked())[1]
    assert (found.grant, found.unless) == ("payments-ci", ("embargo",))


@pytest.mark.parametrize(
    "callers",
    [
        f"role: 'arn:aws:iam::111122223333:role/{'a' * 70}'",
        f"role: 'arn:aws:iam::*:role/{'?' * 65}'",
        f"user: 'arn:aws:iam::111122223333:user/team/{'a' * 70}'",
        f"federated_user: 'arn:aws:sts::111122223333:federated-user/{'a' * 70}'",
        "federated_user: 'arn:aws:sts::111122223333:federated-user/a/b'",
        f"permission_set: {{name: {'a' * 64}, account: '111122223333'}}",
    ],
)
def test_callers_whom_there_cannot_be_make_no_question_fail(callers: str) -> None:
    nobody = "role: arn:aws:iam::111122223333:role/payments-ci".replace("arn", '"arn', 1) + '"'
    odd = AUDITED.replace(f"{{{nobody}}}", f"{{{callers}}}, {{{nobody}}}")
    assert odd != AUDITED
    world = Audited(policy=odd)
    world.vend(at=ago(hours=30))
    status, answer = answered(world, {"repository": "payments/api"})
    assert (status, [one["grant"] for one in answer["could"]][-1:]) == (200, ["payments-ci"])


@given(EVERY_CALLER_PATTERN)
def test_an_example_of_callers_is_one_of_them(pattern: CallerPattern) -> None:
    assert pattern.matches(example_of(pattern))


@given(EVERY_CALLER_PATTERN, EVERY_CALLER_PATTERN, EVERY_CALLER)
def test_nobody_is_left_out_and_nobody_is_named_whom_a_deny_takes_it_from(
    granted: CallerPattern, denied: CallerPattern, who: Caller
) -> None:
    policy = Policy.model_validate(
        {
            "version": 1,
            "grants": [
                {
                    "name": "some",
                    "callers": [granted.model_dump(exclude_none=True)],
                    "repositories": ["a/*"],
                    "access": "pull",
                }
            ],
            "denies": [
                {
                    "name": "others",
                    "callers": [denied.model_dump(exclude_none=True)],
                    "repositories": ["a/b"],
                }
            ],
        }
    )
    question = Question("a/b", Access.PULL, "default", Span(THEN, THEN + timedelta(seconds=1)))
    found = list(possible(question, policy, Period(question.span, "1", "")))
    if granted.matches(who):
        may = not denied.matches(who)
        assert found or not may
        assert may or not found or found[0].unless == ("others",)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "Repository: name one literally"),
        ({"repository": "payments/*"}, "Repository: name one literally"),
        ({"repository": "a/b", "access": "all"}, "give one of pull, push, pull-through"),
        ({"repository": "a/b", "caller": "x"}, "There is no caller; the parameters are repository"),
    ],
)
def test_a_wrong_question_about_access_is_told_what_is_wrong(
    query: dict[str, str], said: str
) -> None:
    assert said in answered(Audited(), query)[1]["detail"]


def answered(world: Audited, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
    signed = event(method="GET", path="/v1/access", **AUDITOR) | {"queryStringParameters": query}
    answer = audit(world.service())(signed, object())
    return answer["statusCode"], json.loads(answer["body"])


def test_the_answer_says_who_until_when_and_by_which_policy() -> None:
    world = Audited()
    world.vend(at=ago(hours=30))
    status, answer = answered(world, {"repository": "payments/api", "access": "push"})
    assert status == 200
    (one,) = answer["could"]
    assert one == {
        "callers": "role arn:aws:iam::111122223333:role/payments-ci",
        "many": False,
        "grant": "payments-ci",
        "owner": "",
        "break_glass": False,
        "unless": [],
        "from": "2026-11-22T20:00:00.250Z",
        "to": "2026-11-23T20:00:00.250Z",
    }
    (policy,) = answer["policies"]
    assert (policy["policy_label"], policy["from"]) == ("alice/4f2c1d", one["from"])


def test_a_policy_whose_text_is_not_there_is_no_answer() -> None:
    world = Audited()
    world.vend(at=ago(hours=30))
    for key in [key for key in world.table.items if key[0].startswith("policy#")]:
        del world.table.items[key]
    status, answer = answered(world, {"repository": "payments/api"})
    assert (status, answer["code"]) == (503, "records_unavailable")


def test_more_policies_than_there_is_time_for_are_asked_about_in_parts() -> None:
    world = Audited()
    world.vend(at=ago(hours=30))
    world.policy = OTHER
    world.vend(at=ago(hours=6))
    with pytest.raises(Refused, match=r"2 policies served.*until 2026-11-23T14:00:00Z first"):
        world.service().could(asked(), left=lambda: ENOUGH - 1)
    first = Span(DAY.start, ago(hours=6))
    assert world.service().could(asked(span=first), left=lambda: ENOUGH - 1)[1]


@given(situations(), st.sampled_from(Access), st.data())
def test_nobody_whom_the_service_would_have_served_is_left_out(
    situation: tuple[Policy, Caller, VendRequest], access: Access, data: st.DataObject
) -> None:
    policy, who, _ = situation
    name = data.draw(names_in(policy))
    question = Question(name, access, "default", Span(THEN, THEN + timedelta(seconds=1)))
    found = {
        (one.grant, one.callers)
        for one in possible(question, policy, Period(question.span, "1", ""))
    }
    for grant in policy.grants:
        request = VendRequest("default", {access: (name,)}, grant=grant.name, reason="why")
        if not decide(policy, who, request, now=THEN, limits=Limits()).refusal:
            mine = {(grant.name, words(one)) for one in grant.callers if one.matches(who)}
            assert mine & found
    # Who is named alone is decided and not guessed.
    for one in possible(question, policy, Period(question.span, "1", "")):
        if not one.many and not one.unless:
            (grant,) = [grant for grant in policy.grants if grant.name == one.grant]
            (pattern, *_) = [held for held in grant.callers if words(held) == one.callers]
            request = VendRequest("default", {access: (name,)}, grant=grant.name, reason="why")
            assert not decide(
                policy, example_of(pattern), request, now=THEN, limits=Limits()
            ).refusal

"""What `vendctl policy diff` finds: nothing exactly when no decision changes."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from hypothesis import assume, event, given
from hypothesis import strategies as st

from tests.strategies import (
    ARNS,
    CALLERS,
    CEILINGS,
    NAMES,
    broad_grants,
    denies,
    documents,
    grants,
    names_in,
    requests,
)
from tests.unit.properties.naive import granting
from vendctl.difference.comparison import compare
from vendctl.difference.difference import Difference, difference
from vendctl.difference.effort import Effort
from vendctl.difference.real_names import RealNames
from vendctl.difference.rules import Rules
from vending.access import Access
from vending.caller import Caller
from vending.decision import Decision, decide
from vending.policy import Deny, Policy
from vending.request import Limits, VendRequest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from vendctl.difference.changes import Change

TODAY = date(2026, 11, 23)
DAYS = [TODAY, date(2026, 11, 24), date(2027, 1, 1), date(2027, 1, 2)]
"""The days from which the documents that are drawn decide otherwise, all of them."""

MOMENTS = st.builds(
    datetime.combine,
    st.sampled_from(DAYS),
    st.sampled_from([time(), time(12, 0, 30), time(23, 20), time(23, 59, 59)]),
    st.just(UTC),
)


CLOSE = st.fixed_dictionaries(
    {
        "callers": st.sampled_from(
            [
                [{"account": "111122223333"}],
                [{"role": "arn:aws:iam::111122223333:role/ci"}],
                [{"role": "arn:aws:iam::*:role/c*"}],
            ]
        ),
        "repositories": st.sampled_from([["aa/*"], ["aa/ab"], ["a*", "ba"]]),
        "access": st.sampled_from(["pull", "push"]),
    },
    optional={
        "expires_on": st.just(date(2027, 1, 1)),
        "max_ttl": st.sampled_from(["10m", "30m"]),
        "bind_source_ip": st.just(True),
    },
)
"""Grants that are mostly about the same callers and repositories as others."""


@st.composite
def close_documents(draw: Any) -> dict[str, Any]:
    """Draw a document whose grants often give the same."""
    drawn = draw(st.lists(CLOSE, min_size=1, max_size=3))
    return {
        "version": 1,
        "ceiling": draw(st.sampled_from([{}, {"accounts": ["444455556666"]}])),
        "grants": [{"name": f"grant-{number}", **one} for number, one in enumerate(drawn)],
        "denies": [],
    }


@st.composite
def changes(draw: Any) -> tuple[Policy, Policy]:
    """Draw a document, and another that differs from it in a few places."""
    old = draw(documents() | close_documents())
    new = copy.deepcopy(old)
    for _ in range(draw(st.integers(1, 2))):
        draw(st.sampled_from([of_a_grant, of_a_deny, of_the_ceiling]))(draw, new)
    return Policy.model_validate(old), Policy.model_validate(new)


def of_a_grant(draw: Any, new: dict[str, Any]) -> None:
    """Add a grant, take one away, replace it, name it otherwise, or change a key of it."""
    how = draw(st.sampled_from(["add", "remove", "replace", "rename", *["key"] * 4]))
    at = draw(st.integers(0, max(0, len(new["grants"]) - 1)))
    other = draw(broad_grants() | grants() | CLOSE)
    if how == "add" or not new["grants"]:
        new["grants"].append({"name": f"grant-new-{len(new['grants'])}", **other})
    elif how == "remove":
        del new["grants"][at]
    elif how == "replace":
        new["grants"][at] = {"name": new["grants"][at]["name"], **other}
    elif how == "rename":
        new["grants"][at]["name"] = f"grant-other-{at}"
    else:
        keys = sorted({*other, *new["grants"][at]} - {"name", "break_glass", "max_ttl"})
        key = draw(st.sampled_from(keys))
        new["grants"][at].pop(key, None)
        if key in other:
            new["grants"][at][key] = other[key]
        else:
            assume(key == "expires_on")


def of_a_deny(draw: Any, new: dict[str, Any]) -> None:
    """Add a deny, or take one away."""
    if new["denies"] and draw(st.booleans()):
        del new["denies"][0]
    else:
        new["denies"].append({"name": f"deny-new-{len(new['denies'])}", **draw(denies())})


def of_the_ceiling(draw: Any, new: dict[str, Any]) -> None:
    """Write another ceiling."""
    new["ceiling"] = draw(CEILINGS)


def said(decision: Decision) -> object:
    """Return what a request is given, but not under which rules' names."""
    return decision.expires_at, decision.bind_source_ip, decision.break_glass


def found_in(old: Policy, new: Policy, **more: Any) -> Difference:
    """Return all of a difference."""
    found = difference(old, new, today=TODAY, **more)
    assert found.is_exhaustive
    return found


@given(both=changes(), data=st.data())
def test_where_nothing_is_found_no_decision_changes(
    both: tuple[Policy, Policy], data: st.DataObject
) -> None:
    old, new = both
    if found_in(old, new):
        event("something is found")
        return
    for _ in range(20):
        caller, now = data.draw(CALLERS), data.draw(MOMENTS)
        asked = data.draw(requests(data.draw(st.sampled_from([p for p in both if p.grants]))))
        before, after = (decide(p, caller, asked, now=now, limits=Limits()) for p in both)
        assert said(before) == said(after)
        assert (before.refusal is None) is (after.refusal is None)
        name = data.draw(names_in(old)) if old.grants else data.draw(NAMES)
        for access in Access:
            gives = [
                bool(granting(policy, caller, asked, now, name=name, access=access))
                for policy in both
            ]
            assert gives[0] is gives[1]


@given(both=changes())
def test_every_change_that_is_found_is_one_for_the_caller_that_shows_it(
    both: tuple[Policy, Policy],
) -> None:
    for one in found_in(*both).changes:
        days = (*DAYS, *(day for e in one.effects for day in (e.first, e.last) if day))
        assert any(
            asked(both[0], one, one.caller, 0, now) != asked(both[1], one, one.caller, 1, now)
            for now in moments(days)
        )


@given(both=changes())
def test_every_name_that_is_told_is_one_that_a_request_is_answered_differently_for(
    both: tuple[Policy, Policy],
) -> None:
    for one in found_in(*both).names:
        question = one.question
        request = VendRequest(
            question.registry,
            {question.access: (question.repository,)} if question.repository else {},
            access=question.access,
            grant=one.old or one.new,
            reason="why",
        )
        assert any(
            said(decide(both[0], one.caller, request, now=now, limits=Limits()))
            != said(decide(both[1], one.caller, request, now=now, limits=Limits()))
            for now in moments(DAYS)
        )


def moments(days: Iterable[date]) -> list[datetime]:
    """Return the first and the last second of days."""
    return [datetime.combine(day, at, UTC) for day in days for at in (time(), time(23, 59, 59))]


def asked(policy: Policy, change: Change, caller: Caller, side: int, now: datetime) -> object:
    """Return what one document answers to the question that shows a change."""
    question = change.question
    request = VendRequest(
        registry=question.registry,
        repositories={question.access: (question.repository,)} if question.repository else {},
        access=question.access,
        grant=change.named[side] if change.named else None,
        reason="why",
    )
    return said(decide(policy, caller, request, now=now, limits=Limits()))


EXISTING = ["aa", "ab", "ba", "b-a", "aa/ab", "ab/aa", "ba/b-a", "b-a/ab", "aa/b-a/ba"]
"""Repositories that there are."""


def differs(both: tuple[Policy, Policy], caller: Caller, name: str, access: Access) -> bool:
    """Say whether, on some day, a caller is answered differently about a repository."""
    request = VendRequest("default", {access: (name,)}, reason="why")
    return any(
        said(decide(both[0], caller, request, now=now, limits=Limits()))
        != said(decide(both[1], caller, request, now=now, limits=Limits()))
        for now in moments(DAYS)
    )


@given(both=changes())
def test_the_repositories_that_are_listed_are_exactly_those_whose_decisions_change(
    both: tuple[Policy, Policy],
) -> None:
    names = RealNames(EXISTING, registry="default")
    everyone = list(compare(Rules(*both), today=TODAY, effort=Effort(), names=names))
    for one in everyone:
        listed = {
            (name, finding.question.access)
            for here in one.registries
            for finding in here.findings
            if finding.question.old_grant is None
            for name in finding.names
        }
        assert listed == {
            (name, access)
            for name in EXISTING
            for access in Access
            if differs(both, one.example, name, access)
        }


@given(both=changes())
def test_whatever_changes_for_a_caller_is_in_a_change_that_is_about_it(
    both: tuple[Policy, Policy],
) -> None:
    found = found_in(*both, names=RealNames(EXISTING, registry="default"))
    for caller in map(Caller.from_arn, ARNS):
        listed = {
            (name, access)
            for one in found.changes
            if one.named is None
            and any(all(pattern.matches(caller) for pattern in meant) for meant in one.callers)
            for name in one.names
            for access in one.accesses
        }
        assert listed >= {
            (name, access)
            for name in EXISTING
            for access in Access
            if differs(both, caller, name, access)
        }


@given(policy=documents().map(Policy.model_validate), data=st.data())
def test_order_owners_and_words_change_nothing(policy: Policy, data: st.DataObject) -> None:
    other = policy.model_copy(
        update={
            "grants": [
                one.model_copy(update={"owner": "else"})
                for one in data.draw(st.permutations(policy.grants))
            ],
            "denies": [
                one.model_copy(update={"name": f"other-{at}", "description": "why"})
                for at, one in enumerate(reversed(policy.denies))
            ],
        }
    )
    assert not found_in(policy, other)
    assert not found_in(policy, policy)


@given(policy=documents().map(Policy.model_validate), deny=denies())
def test_adding_a_deny_never_widens(policy: Policy, deny: dict[str, Any]) -> None:
    added = Deny.model_validate({"name": "added", **deny})
    other = policy.model_copy(update={"denies": [*policy.denies, added]})
    assert not found_in(policy, other).widens


@given(policy=documents().map(Policy.model_validate), data=st.data())
def test_taking_a_grant_away_never_widens(policy: Policy, data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(policy.grants))
    other = policy.model_copy(update={"grants": [one for one in policy.grants if one is not gone]})
    assert not found_in(policy, other).widens


CASES = [
    (Caller.from_arn(arn), name, access, now)
    for arn in ARNS
    for name in EXISTING
    for access in Access
    for now in moments(DAYS)
]


@given(both=changes(), random=st.randoms())
def test_whatever_anybody_gains_by_any_request_widens(
    both: tuple[Policy, Policy], random: Random
) -> None:
    if found_in(*both).widens:
        event("something widens")
        return
    for caller, name, access, now in random.sample(CASES, 40):
        asked = VendRequest("default", {access: (name,)}, reason="why")
        had, has = (
            {
                given
                for one in (None, *(grant.name for grant in policy.grants))
                if (given := offered(policy, caller, now, replace(asked, grant=one)))
            }
            for policy in both
        )
        for given in has:
            assert any(all(map(int.__ge__, one, given)) for one in had)


def offered(
    policy: Policy, caller: Caller, now: datetime, request: VendRequest
) -> tuple[int, bool, bool] | None:
    """Return what a request is given, the more the greater."""
    decision = decide(policy, caller, request, now=now, limits=Limits())
    if decision.expires_at is None:
        return None
    end = int(decision.expires_at.timestamp())
    return end, not decision.bind_source_ip, not decision.break_glass

"""Who is looked up in a policy finds all that is about them, and is not held against the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import CALLER_PATTERNS, CALLERS, POLICIES
from vending.caller import Caller
from vending.caller_index import CallerIndex
from vending.caller_patterns import CallerPattern
from vending.patterns import overlap
from vending.policy import Deny, Grant, Policy
from vending.policy_values import Mode

ACCOUNT = "111122223333"
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role"
SSO = "AWSReservedSSO_Dev_0123456789abcdef"
MODES: tuple[Mode, ...] = ("enforce", "monitor")


def deny(number: int, *callers: CallerPattern) -> Deny:
    return Deny(name=f"deny-{number}", callers=list(callers) or None, repositories=["x"])


def role(name: str, account: str = ACCOUNT) -> CallerPattern:
    return CallerPattern(role=f"arn:aws:iam::{account}:role/{name}")


def meets(deny: Deny, repository: str) -> bool:
    return any(overlap(pattern, repository) for pattern in deny.repositories)


@given(POLICIES, CALLERS)
def test_all_that_is_about_a_caller_is_found_in_policy_order(policy: Policy, who: Caller) -> None:
    for mode in MODES:
        assert policy.grants_about(who, mode) == [
            one for one in policy.grants if one.mode == mode and one.matches(who)
        ]
        about = [one for one in policy.denies if one.mode == mode and one.matches(who)]
        assert policy.denies_about(who, mode, ["*"]) == about
        for repository in ("aa/ab", "a?/*", "b-a"):
            found = policy.denies_about(who, mode, [repository])
            assert [one for one in about if meets(one, repository)] == [
                one for one in found if meets(one, repository)
            ]
            assert all(one in about for one in found)


@given(st.lists(CALLER_PATTERNS, min_size=1, max_size=8), CALLERS)
def test_no_caller_pattern_hides_from_those_whom_it_means(
    patterns: list[dict[str, str]], who: Caller
) -> None:
    denies = [
        deny(number, CallerPattern.model_validate(one)) for number, one in enumerate(patterns)
    ]
    found = CallerIndex(denies, "enforce").candidates(who)
    assert [one for one in denies if one.matches(who)] == [one for one in found if one.matches(who)]


@pytest.mark.parametrize(
    ("pattern", "arn"),
    [
        ({"permission_set": {"name": "D*", "account": ACCOUNT}}, f"{ROLE}/{SSO}/jo@example.com"),
        ({"permission_set": {"name": "Dev", "account": ACCOUNT}}, f"{ROLE}/{SSO}/jo@example.com"),
        ({"root": ACCOUNT}, f"arn:aws:iam::{ACCOUNT}:root"),
        ({"account": ACCOUNT}, f"{ROLE}/{SSO}/jo@example.com"),
        (
            {"federated_user": f"arn:aws:sts::{ACCOUNT}:federated-user/b*"},
            f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
        ),
        (
            {"user": "arn:aws:iam::1111*:user/team/*/jo"},
            f"arn:aws:iam::{ACCOUNT}:user/team/a/jo",
        ),
        ({"role": f"arn:aws:iam::{ACCOUNT}:role/*"}, f"{ROLE}/x/1"),
        ({"role": f"arn:aws:iam::{ACCOUNT}:role/?"}, f"{ROLE}/x/1"),
    ],
)
def test_each_kind_of_caller_is_found(pattern: dict[str, object], arn: str) -> None:
    denies = [deny(0, CallerPattern.model_validate(pattern)), deny(1)]
    who = Caller.from_arn(arn)
    assert denies[0].matches(who)
    assert CallerIndex(denies, "enforce").candidates(who) == denies


def test_what_cannot_be_about_a_caller_is_not_asked() -> None:
    denies = [deny(number, role(f"team-{number:04}-ci*")) for number in range(2000)]
    denies += [deny(number, role(f"team-{number:04}")) for number in range(2000, 4000)]
    index = CallerIndex(denies, "enforce")
    everyone = [deny(number) for number in range(2)]
    everyone[1] = everyone[1].model_copy(update={"repositories": ["payments/*"]})
    someone = Caller.from_arn(f"{ROLE}/x/1")
    assert CallerIndex(everyone, "enforce").candidates(someone, ["payments/api"]) == everyone[1:]
    assert index.candidates(Caller.from_arn(f"{ROLE}/team-0007-ci/1")) == [denies[7]]
    assert index.candidates(Caller.from_arn(f"{ROLE}/team-3007/1")) == [denies[3007]]


def test_a_copy_with_other_entries_is_not_looked_up_among_the_old_ones() -> None:
    who = Caller.from_arn(f"{ROLE}/payments-ci/1")
    grant = {"name": "a", "callers": [role("payments-ci")], "repositories": ["x"], "access": "pull"}
    policy = Policy(version=1, grants=[Grant.model_validate(grant)])
    assert policy.grants_about(who, "enforce")
    assert policy.model_copy(update={"grants": []}).grants_about(who, "enforce") == []
    assert policy.grants_about(who, "enforce")

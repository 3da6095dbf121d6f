"""A rule in monitor mode decides nothing, and says exactly what it would have decided."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given

from tests.strategies import NOW, situations
from vending.decision import decide
from vending.monitoring import MOST_RULES
from vending.request import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vending.caller import Caller
    from vending.decision import Decision
    from vending.policy import Policy
    from vending.request import VendRequest


def decided(policy: Policy, caller: Caller, request: VendRequest) -> Decision:
    return decide(policy, caller, request, now=NOW, limits=Limits())


def without(policy: Policy) -> Policy:
    """Return the policy without its rules in monitor mode."""
    return policy.model_copy(
        update={
            "grants": [one for one in policy.grants if one.mode == "enforce"],
            "denies": [one for one in policy.denies if one.mode == "enforce"],
            "ceiling": policy.bounds,
        }
    )


def each_enforced(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """Yield each rule in monitor mode, and the policy with that one enforced and no other."""
    plain, on = without(policy), {"mode": "enforce"}
    for grant in policy.grants:
        if grant.mode == "monitor":
            more = [*plain.grants, grant.model_copy(update=on)]
            yield f"grant {grant.name}", plain.model_copy(update={"grants": more})
    for deny in policy.denies:
        if deny.mode == "monitor":
            more_denies = [*plain.denies, deny.model_copy(update=on)]
            yield f"deny {deny.name}", plain.model_copy(update={"denies": more_denies})
    if policy.ceiling.mode == "monitor":
        ceiling = policy.ceiling.model_copy(update=on)
        yield "ceiling", plain.model_copy(update={"ceiling": ceiling})


@given(situations())
def test_a_rule_in_monitor_mode_decides_nothing(
    situation: tuple[Policy, Caller, VendRequest],
) -> None:
    policy, caller, request = situation
    real = decided(policy, caller, request)
    assert replace(real, monitored=()) == decided(without(policy), caller, request)


@given(situations())
def test_what_it_would_have_done_is_what_it_does_once_it_is_enforced(
    situation: tuple[Policy, Caller, VendRequest],
) -> None:
    policy, caller, request = situation
    real = decided(policy, caller, request)
    assert len(real.monitored) <= MOST_RULES
    told = {(one.rule, one.effect) for one in real.monitored}
    for rule, enforced in each_enforced(policy):
        other = decided(enforced, caller, request)
        assert ((rule, "allow") in told) == (more_than(other, real)), rule
        loses = bool(real.scope) and (more_than(real, other) or takes_out(other, real))
        assert ((rule, "deny") in told) == loses, rule
        if (rule, "narrow") in told:
            assert other.scope
            assert replace(other, grants=(), denies=()) != replace(real, grants=(), denies=())


def more_than(one: Decision, other: Decision) -> bool:
    """Return whether a decision has a pattern that nothing in the other's scope covers."""
    from vending.patterns import covers

    return any(
        not any(
            above.includes(access) and covers(wide, pattern)
            for above, held in other.scope.items()
            for wide in held
        )
        for access, patterns in one.scope.items()
        for pattern in patterns
    )


def takes_out(one: Decision, other: Decision) -> bool:
    return bool(set(one.excluded) - set(other.excluded))

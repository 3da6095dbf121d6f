"""Rules in monitor mode: what they would have done, told, recorded and counted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.metric_lines import logged
from tests.unit.service.test_decision import PULL, decided, grant, named
from vending.decision import Decision
from vending.monitoring import MOST_NAMED, MOST_RULES
from vending.request import VendRequest

ALL = VendRequest("default", access=PULL)
MONITOR: dict[str, Any] = {"mode": "monitor"}


def told(decision: Decision) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.rule, one.effect, one.repositories) for one in decision.monitored]


def deny(*repositories: str, **more: Any) -> dict[str, Any]:
    return {"name": "embargo", "repositories": list(repositories), **MONITOR, **more}


def test_a_grant_says_what_it_would_add() -> None:
    grants = [grant("a", "x/*"), grant("b", "y/*", "x/one", **MONITOR)]
    assert told(decided(grants, ALL)) == [("grant b", "allow", ("y/*",))]
    refused = decided([grant("b", "y/*", **MONITOR)], named(pull=("y/one",)))
    assert refused.refusal is not None
    assert told(refused) == [("grant b", "allow", ("y/one",))]


def test_a_grant_that_adds_nothing_says_what_else_it_would_change() -> None:
    for more in ({"max_ttl": "5m"}, {"bind_source_ip": True}):
        grants = [grant("a", "x/*"), grant("b", "x/one", **MONITOR, **more)]
        assert told(decided(grants, named(pull=("x/one",)))) == [("grant b", "narrow", ())]
    same = [grant("a", "x/*"), grant("b", "x/one", **MONITOR)]
    assert told(decided(same, named(pull=("x/one",)))) == []


def test_a_grant_in_monitor_mode_gives_nothing_even_where_it_is_named() -> None:
    decision = decided(
        [grant("a", "x/*", **MONITOR)],
        VendRequest("default", {PULL: ("x/one",)}, grant="a", reason="why"),
    )
    assert decision.refusal is not None
    assert not decision.grants


def test_a_deny_says_what_it_would_take() -> None:
    grants = [grant("a", "x/*")]
    for request, pattern, taken in (
        (named(pull=("x/one", "x/two")), "x/one", ("x/one",)),
        (named(pull=("x/one",)), "x/*", ("x/one",)),
        (ALL, "x/one", ("x/one",)),
        (ALL, "*", ("x/*",)),
    ):
        decision = decided(grants, request, denies=[deny(pattern)])
        assert told(decision) == [("deny embargo", "deny", taken)]
        assert not decision.denies
        assert not decision.dropped
        assert not decision.excluded


def test_a_ceiling_says_what_it_would_bound() -> None:
    grants = [grant("a", "x/*", "y/*")]
    for ceiling, effect in (
        ({"accounts": ["999999999999"]}, ("deny", ("x/*", "y/*"))),
        ({"repositories": ["x/*"]}, ("deny", ("y/*",))),
        ({"repositories": ["*/open"]}, ("narrow", ())),
        ({"max_ttl": "1m"}, ("narrow", ())),
    ):
        decision = decided(grants, ALL, ceiling=ceiling | MONITOR)
        assert told(decision) == [("ceiling", *effect)], ceiling
        assert decision.scope == {PULL: ("x/*", "y/*")}


def test_what_is_told_does_not_grow_with_the_policy() -> None:
    many = [f"r{number}/*" for number in range(MOST_NAMED + 5)]
    grants = [grant(f"g{number}", *many, **MONITOR) for number in range(MOST_RULES + 5)]
    decision = decided(grants, ALL)
    assert len(decision.monitored) == MOST_RULES
    assert (len(decision.monitored[0].repositories), decision.monitored[0].count) == (
        MOST_NAMED,
        MOST_NAMED + 5,
    )


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        ("vend, and what rules would have done", {"WouldDeny": 1, "WouldNarrow": 1}),
        ("refusal, and what a rule would have done", {"WouldAllow": 1}),
    ],
)
def test_it_is_logged_and_counted_once_it_is_recorded(kind: str, counted: dict[str, int]) -> None:
    lines = logged(kind)
    metrics = {name: value for line in lines for name, value in line.items() if "Would" in name}
    assert metrics == counted
    said = [line for line in lines if line.get("message") == "monitored"]
    assert len(said) == sum(counted.values())
    assert all(line["vend_id"].startswith("v-") for line in said)

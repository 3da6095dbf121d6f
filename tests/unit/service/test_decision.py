"""What one caller may have: denies, ceilings, lifetimes and what falls away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from tests.fakes import NOW, caller
from vending.access import Access
from vending.decision import Decision, decide
from vending.errors import Code
from vending.policy_text import parse
from vending.request import Limits, VendRequest
from vending.scope import minimal

PULL, PUSH, THROUGH = Access.PULL, Access.PUSH, Access.PULL_THROUGH
CALLERS = [{"role": "arn:aws:iam::111122223333:role/payments-ci"}]


def grant(name: str, *repositories: str, access: str = "pull", **more: Any) -> dict[str, Any]:
    held = {"name": name, "callers": CALLERS, "repositories": list(repositories), "access": access}
    return held | more


def decided(
    grants: list[dict[str, Any]],
    request: VendRequest | None = None,
    *,
    now: datetime = NOW,
    arn: str = "arn:aws:sts::111122223333:assumed-role/payments-ci/run-1",
    **more: Any,
) -> Decision:
    text = yaml.safe_dump({"version": 1, "grants": grants, **more})
    policy = parse(text.encode(), name="policy.yaml")
    return decide(policy, caller(arn), request or named(), now=now, limits=Limits())


def named(registry: str = "default", **lists: tuple[str, ...]) -> VendRequest:
    accesses = {"pull": PULL, "push": PUSH, "through": THROUGH}
    return VendRequest(registry, {accesses[a]: names for a, names in lists.items()})


def code_of(decision: Decision) -> Code | None:
    return decision.refusal.code if decision.refusal else None


def test_nothing_is_granted_by_default() -> None:
    assert code_of(decided([])) is Code.NOT_GRANTED


def test_a_push_grant_includes_pull() -> None:
    decision = decided([grant("a", "x/*", access="push")], named(pull=("x/one",)))
    assert decision.scope == {PULL: ("x/one",)}
    assert decision.access is PULL


def test_a_pull_grant_gives_no_push() -> None:
    decision = decided([grant("a", "x/*")], named(push=("x/one",)))
    assert code_of(decision) is Code.NOT_GRANTED
    assert [one.rule for one in decision.dropped] == ["no grant"]


def test_asking_for_all_takes_each_grant_up_to_the_access_asked_for() -> None:
    grants = [grant("a", "x/*", access="push"), grant("b", "base")]
    decision = decided(grants, VendRequest("default", access=PUSH))
    assert decision.scope == {PUSH: ("x/*",), PULL: ("base",)}
    assert decided(grants).scope == {PULL: ("x/*", "base")}


def test_asking_for_more_than_is_granted_drops_it_and_says_so() -> None:
    decision = decided([grant("a", "base")], VendRequest("default", access=PUSH))
    assert decision.scope == {PULL: ("base",)}
    assert [(one.repository, one.access) for one in decision.dropped] == [("*", PUSH)]


def test_a_deny_beats_every_grant() -> None:
    denies = [{"name": "embargo", "repositories": ["x/secret"]}]
    both = decided([grant("a", "x/*")], named(pull=("x/one", "x/secret")), denies=denies)
    assert both.scope == {PULL: ("x/one",)}
    assert [one.rule for one in both.dropped] == ["deny embargo"]
    whole = decided([grant("a", "x/*")], denies=denies)
    assert whole.excluded == ("x/secret",)
    covered = decided([grant("a", "x/secret")], denies=denies)
    assert code_of(covered) is Code.NOT_GRANTED


def test_a_deny_for_others_does_not_apply() -> None:
    denies = [{"name": "d", "callers": [{"account": "444455556666"}], "repositories": ["*"]}]
    assert not decided([grant("a", "x/*")], denies=denies).refusal


def test_a_deny_outside_the_scope_takes_no_room() -> None:
    denies = [{"name": "d", "repositories": ["elsewhere/*"]}]
    assert decided([grant("a", "x/*")], denies=denies).excluded == ()


def test_a_ceiling_narrows_every_grant() -> None:
    ceiling = {"accounts": ["444455556666"]}
    assert code_of(decided([grant("a", "x/*")], ceiling=ceiling)) is Code.NOT_GRANTED
    ceiling = {"repositories": ["x/open/*"]}
    assert decided([grant("a", "x/*", "y/*")], ceiling=ceiling).scope == {PULL: ("x/*",)}
    assert decided([grant("a", "x/*")], ceiling=ceiling).ceiling == ("x/open/*",)
    assert decided([grant("a", "x/open/a*")], ceiling=ceiling).ceiling is None
    outside = decided([grant("a", "x/*")], named(pull=("x/one", "x/open/one")), ceiling=ceiling)
    assert outside.scope == {PULL: ("x/open/one",)}
    assert [one.rule for one in outside.dropped] == ["ceiling"]


def test_a_token_takes_the_shortest_lifetime_of_what_contributes() -> None:
    grants = [grant("a", "x", max_ttl="30m"), grant("b", "y", max_ttl="10m"), grant("c", "z")]
    start = NOW.replace(microsecond=0)
    assert decided(grants).expires_at == start + timedelta(minutes=10)
    only_a = decided(grants, named(pull=("x",)))
    assert only_a.expires_at == start + timedelta(minutes=30)
    assert only_a.grants == ("a",)
    lower = decided(grants, named(pull=("z",)), ceiling={"max_ttl": "5m"})
    assert lower.expires_at == start + timedelta(minutes=5)
    asked = decided(grants, replace(named(pull=("x",)), ttl=timedelta(minutes=2)))
    assert asked.expires_at == start + timedelta(minutes=2)


def test_without_any_limit_a_token_lives_as_long_as_the_stack_allows() -> None:
    assert decided([grant("a", "x")]).expires_at == NOW.replace(microsecond=0) + timedelta(hours=1)


def test_a_lifetime_is_never_rounded_up() -> None:
    expires_at = decided([grant("a", "x", max_ttl="1s")]).expires_at
    assert expires_at is not None
    assert expires_at <= NOW + timedelta(seconds=1)


def test_too_short_a_lifetime_is_refused_rather_than_lengthened() -> None:
    decision = decided([grant("a", "x")], VendRequest("default", ttl=timedelta(seconds=5)))
    assert code_of(decision) is Code.INVALID_REQUEST


def test_a_token_takes_the_earliest_expiry_of_what_contributes() -> None:
    late = datetime(2026, 11, 23, 23, 50, tzinfo=UTC)
    grants = [grant("a", "x", expires_on="2026-11-23"), grant("b", "y")]
    assert decided(grants, now=late).expires_at == datetime(2026, 11, 24, tzinfo=UTC)
    after = decided(grants, now=late + timedelta(minutes=10))
    assert after.grants == ("b",)


def test_a_grant_that_expires_on_the_calendars_last_day_never_does() -> None:
    decision = decided([grant("a", "x/*", expires_on="9999-12-31")], named(pull=("x/one",)))
    assert decision.expires_at == (NOW + timedelta(hours=1)).replace(microsecond=0)


def test_a_token_takes_every_binding_of_what_contributes() -> None:
    grants = [grant("a", "x", bind_source_ip=True), grant("b", "y")]
    assert decided(grants).bind_source_ip
    assert not decided(grants, named(pull=("y",))).bind_source_ip


def test_a_break_glass_grant_counts_only_by_name_and_with_a_reason() -> None:
    grants = [grant("normal", "x"), grant("glass", "*", access="push", break_glass=True)]
    assert decided(grants).grants == ("normal",)
    assert code_of(decided(grants, named(push=("y",)))) is Code.NOT_GRANTED
    by_name = replace(named(push=("y",)), grant="glass")
    assert code_of(decided(grants, by_name)) is Code.REASON_REQUIRED
    for nothing in ("  ", "\u200b", "--"):
        assert code_of(decided(grants, replace(by_name, reason=nothing))) is Code.REASON_REQUIRED
    assert decided(grants, replace(by_name, reason="INC-7")).scope == {PUSH: ("y",)}


def test_a_named_grant_stands_alone() -> None:
    grants = [grant("a", "x", max_ttl="5m"), grant("b", "x", max_ttl="50m")]
    decision = decided(grants, VendRequest("default", grant="b"))
    assert decision.grants == ("b",)
    assert decision.expires_at == NOW.replace(microsecond=0) + timedelta(minutes=50)


def test_somebody_elses_grant_cannot_be_named() -> None:
    other = grant("theirs", "x") | {"callers": [{"account": "444455556666"}]}
    decision = decided([other], VendRequest("default", grant="theirs"))
    assert code_of(decision) is Code.NOT_GRANTED


def test_push_and_pull_through_in_one_token_are_refused() -> None:
    both = named(push=("x",), through=("y",))
    assert code_of(decided([grant("a", "*", access="push")], both)) is (
        Code.MIXED_PUSH_AND_PULL_THROUGH
    )


def test_pull_through_is_not_push() -> None:
    grants = [grant("a", "hub/*", access="pull-through"), grant("b", "x", access="push")]
    decision = decided(grants, VendRequest("default", access=THROUGH))
    assert decision.scope == {THROUGH: ("hub/*",), PULL: ("x",)}
    assert code_of(decided(grants, named(push=("hub/a",)))) is Code.NOT_GRANTED


def test_a_grant_is_for_its_own_registry() -> None:
    grants = [grant("a", "x", registry="eu")]
    assert code_of(decided(grants)) is Code.NOT_GRANTED
    assert decided(grants, VendRequest("eu")).scope == {PULL: ("x",)}


def test_a_refusal_names_the_callers_own_inputs_and_no_grant() -> None:
    grants = [grant("secret-grant", "hidden/*")]
    refusal = decided(grants, named(pull=("x/one",))).refusal
    assert refusal is not None
    assert "pull of x/one" in refusal.detail
    assert "hidden" not in refusal.detail
    assert "secret-grant" not in refusal.detail


@pytest.mark.parametrize(
    ("scope", "lean"),
    [
        ({PULL: ["a", "a"]}, {PULL: ("a",)}),
        ({PULL: ["a/x", "a/*"]}, {PULL: ("a/*",)}),
        ({PUSH: ["a/*"], PULL: ["a/x", "b"]}, {PUSH: ("a/*",), PULL: ("b",)}),
        ({PUSH: ["a/x"], PULL: ["a/*"]}, {PUSH: ("a/x",), PULL: ("a/*",)}),
        ({THROUGH: ["h/*"], PULL: ["h/?"]}, {THROUGH: ("h/*",)}),
    ],
)
def test_a_scope_holds_nothing_twice(
    scope: dict[Access, list[str]], lean: dict[Access, tuple[str, ...]]
) -> None:
    assert minimal(scope) == lean

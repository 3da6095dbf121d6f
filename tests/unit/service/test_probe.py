"""The prober as the vending function knows it: what it may have, whatever the policy says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import (
    ACCOUNT,
    NOW,
    ORIGIN,
    POLICY,
    PROBER,
    FakeCounters,
    FakeLedger,
    FakeMinter,
    FakePolicies,
    caller,
    vending,
)
from tests.unit.service.test_settings import GOOD
from vending.access import Access
from vending.budgets import Kind
from vending.caller import caller_of
from vending.errors import Code, Refused
from vending.messages import TokenRequest
from vending.probe import STRANGER
from vending.records import intent_item, outcome_items
from vending.sealing import PersonKey
from vending.settings import Settings, SettingsError

if TYPE_CHECKING:
    from vending.caller import Caller
    from vending.ports import Intent

FROZEN = POLICY + 'denies: [{name: freeze, repositories: ["*"]}]\n'
CLOSED = POLICY.replace("grants:", 'ceiling: {accounts: ["444455556666"]}\ngrants:')
OPEN = POLICY.replace("payments-ci}", "*}").replace("role/payments-ci", "role/*")


def prober(asks: str = "granted") -> Caller:
    """Return the caller of a probe."""
    return caller_of(PROBER.event(asks))[0]


def previewed(who: Caller, text: str = POLICY, **asked: Any) -> Intent:
    """Return what `who` would be vended under a policy."""
    request = TokenRequest(**asked)
    return vending(policies=FakePolicies(text)).preview(who, ORIGIN, request)


@pytest.mark.parametrize("text", [POLICY, FROZEN, CLOSED])
def test_a_probe_is_granted_its_repository_whatever_the_policy_says(text: str) -> None:
    decision = previewed(prober(), text, pull=[PROBER.repository]).decision
    assert decision.refusal is None
    assert decision.scope == {Access.PULL: (PROBER.repository,)}
    assert decision.expires_at is not None
    assert (decision.expires_at - NOW).total_seconds() <= 60


@pytest.mark.parametrize("asked", [{"push": [PROBER.repository]}, {"pull": ["payments/api"]}])
def test_the_prober_is_granted_nothing_else_even_where_the_policy_grants_everybody(
    asked: dict[str, Any],
) -> None:
    refusal = previewed(prober(), OPEN, **asked).decision.refusal
    assert refusal is not None
    assert refusal.code is Code.NOT_GRANTED


@pytest.mark.parametrize("text", [POLICY, OPEN])
def test_the_stranger_is_granted_nothing_even_where_the_policy_grants_everybody(text: str) -> None:
    refusal = previewed(prober("stranger"), text, pull=[PROBER.repository]).decision.refusal
    assert refusal is not None
    assert refusal.code is Code.NOT_GRANTED


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sts::444455556666:assumed-role/ecr-vend-ProberFunctionRole/x",
        "arn:aws-cn:sts::111122223333:assumed-role/ecr-vend-ProberFunctionRole/x",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/ecr-vend-ProberFunctionRole2/x",
        f"arn:aws:sts::444455556666:assumed-role/{STRANGER}/x",
        f"arn:aws:iam::{ACCOUNT}:user/ecr-vend-ProberFunctionRole",
    ],
)
def test_nobody_else_is_taken_for_the_prober(arn: str) -> None:
    who = caller(arn)
    assert not PROBER.concerns(who)
    assert not previewed(who, pull=[PROBER.repository]).probe
    assert previewed(who, pull=[PROBER.repository]).decision.refusal


def test_the_prober_at_the_front_door_is_the_same_as_at_the_hook() -> None:
    who = caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/ecr-vend-ProberFunctionRole/function")
    intent = previewed(who, pull=[PROBER.repository])
    assert intent.probe
    assert not intent.decision.refusal


def test_a_probe_takes_the_whole_way_and_is_marked_in_every_record() -> None:
    ledger, minter = FakeLedger(), FakeMinter()
    service = vending(ledger=ledger, minter=minter)
    service.vend(prober(), ORIGIN, TokenRequest(pull=[PROBER.repository]))
    assert ledger.names == ["intend", "issue"]
    assert len(minter.calls) == 1
    (intent, *_) = ledger.calls[0][1]
    records = [intent_item(intent, PersonKey.new()), *outcome_items(intent, "issued", {})]
    assert len(records) > 2
    assert all(record["probe"] is True for record in records)
    ordinary = replace(intent, probe=False)
    assert not any("probe" in record for record in outcome_items(ordinary, "issued", {}))


def test_a_probe_is_vended_whatever_its_account_has_used_up() -> None:
    counters, asked = FakeCounters(), TokenRequest(pull=[PROBER.repository])
    service = vending(counters=counters, budgets=dict.fromkeys(Kind, 1))
    for _ in range(3):
        service.vend(prober(), ORIGIN, asked)
    assert counters.asked == []


def test_the_stranger_of_a_probe_is_counted_as_everybody() -> None:
    service = vending(budgets={Kind.ASKS: 1})
    codes = []
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            service.vend(prober("stranger"), ORIGIN, TokenRequest())
        codes.append(refused.value.refusal.code)
    assert codes == [Code.NOT_GRANTED, Code.THROTTLED]


def test_a_stack_without_a_prober_answers_no_probe() -> None:
    who = prober()
    service = replace(vending(), prober=None)
    refusal = service.preview(who, ORIGIN, TokenRequest(pull=[PROBER.repository])).decision.refusal
    assert refusal is not None


def test_a_probe_is_one_of_two() -> None:
    with pytest.raises(Refused) as caught:
        PROBER.event("root")
    assert caught.value.refusal.code is Code.NOT_FOUND


@pytest.mark.parametrize("repository", ["", "*", "Team/x", "a/../b"])
def test_a_repository_to_probe_is_a_literal_name(repository: str) -> None:
    setting = json.dumps({"role": PROBER.role, "repository": repository})
    with pytest.raises(SettingsError, match="VEND_PROBER"):
        Settings.from_environment(GOOD | {"VEND_PROBER": setting})


def test_the_prober_is_read_from_the_environment() -> None:
    setting = json.dumps({"role": PROBER.role, "repository": PROBER.repository})
    assert Settings.from_environment(GOOD | {"VEND_PROBER": setting}).stack_prober() == PROBER
    assert Settings.from_environment(GOOD).stack_prober() is None

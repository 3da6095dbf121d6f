"""The rules that never bend (tests/README.md): Policy, Scope and Lifetime."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from handlers.api import logger
from tests.fakes import NOW, FakeLedger, FakeMinter, FakePolicies, event
from vending.policy_text import PolicyError, parse
from vending.ports import MintFailed
from vending.records import intent_item
from vending.sealing import PersonKey

if TYPE_CHECKING:
    from tests.unit.rules.conftest import Ask

ROLE = '{role: "arn:aws:iam::111122223333:role/payments-ci"}'


def policy(*grants: str, more: str = "") -> FakePolicies:
    """Return a policy whose grants, named one, two, …, go to the caller of the events."""
    lines = "".join(
        f"  - {{name: {name}, callers: [{ROLE}], {grant}}}\n"
        for name, grant in zip(("one", "two", "three"), grants, strict=False)
    )
    return FakePolicies(f"version: 1\ngrants:\n{lines}{more}")


def test_nothing_is_granted_by_default(ask: Ask) -> None:
    answer = ask(event(body={}), policies=FakePolicies("version: 1\ngrants: []\n"))
    assert (answer.status, answer.code) == (403, "not_granted")


@pytest.mark.parametrize("body", [{"pull": ["payments/ledger"]}, {"push": ["payments/ledger"]}])
def test_an_explicit_deny_beats_every_grant(ask: Ask, body: dict[str, Any]) -> None:
    policies = policy(
        "repositories: [payments/ledger], access: push",
        "repositories: ['*'], access: push",
        more="denies: [{name: embargo, repositories: [payments/l*]}]\n",
    )
    assert ask(event(body=body), policies=policies).code == "not_granted"


@pytest.mark.parametrize(
    "ceiling",
    [
        "{accounts: ['444455556666']}",
        "{repositories: [other/*]}",
    ],
)
def test_the_ceiling_narrows_every_grant(ask: Ask, ceiling: str) -> None:
    policies = policy("repositories: ['*'], access: push", more=f"ceiling: {ceiling}\n")
    answer = ask(event(body={"pull": ["payments/api"]}), policies=policies)
    assert answer.code == "not_granted"


def test_a_grant_without_a_registry_means_the_default_one_and_no_other(ask: Ask) -> None:
    policies = policy("repositories: ['*'], access: pull, registry: other")
    assert ask(event(body={}), policies=policies).code == "not_granted"


@pytest.mark.parametrize("name", ["payments/*", "payments/ap?", "*", "Payments/api", "a:b", "a@b"])
def test_a_request_names_literal_repositories(ask: Ask, name: str) -> None:
    answer = ask(event(body={"pull": [name]}))
    assert (answer.status, answer.code) == (400, "invalid_request")


WIDE = "repositories: [payments/*], access: pull"


def expiry(ask: Ask, policies: FakePolicies, now: datetime = NOW, **body: Any) -> datetime:
    """Return when the token of all that is granted ends."""
    answer = ask(event(body=body), policies=policies, now=now)
    return datetime.fromisoformat(answer.body["expires_at"])


def test_a_token_takes_the_shortest_lifetime(ask: Ask) -> None:
    policies = policy(WIDE + ", max_ttl: 40m", WIDE + ", max_ttl: 7m", WIDE)
    assert NOW < expiry(ask, policies) <= NOW + timedelta(minutes=7)
    assert expiry(ask, policies, ttl_seconds=120) <= NOW + timedelta(minutes=2)
    policies = policy(WIDE + ", max_ttl: 40m", more="ceiling: {max_ttl: 3m}\n")
    assert expiry(ask, policies) <= NOW + timedelta(minutes=3)


def test_a_token_takes_the_earliest_expiry(ask: Ask) -> None:
    policies = policy(WIDE + ", expires_on: 2027-06-30", WIDE + ", expires_on: 2026-11-23")
    late = datetime(2026, 11, 23, 23, 50, tzinfo=UTC)
    assert expiry(ask, policies, late) == datetime(2026, 11, 24, tzinfo=UTC)


def test_a_token_takes_every_binding(ask: Ask) -> None:
    minter = FakeMinter()
    policies = policy(WIDE, WIDE + ", bind_source_ip: true")
    ask(event(body={}), policies=policies, minter=minter)
    assert '"NotIpAddress":{"aws:SourceIp":"203.0.113.24"}' in minter.calls[0]["session_policy"]


def test_break_glass_grants_contribute_only_when_asked_for_by_name(ask: Ask) -> None:
    policies = policy("repositories: ['*'], access: push, break_glass: true")
    assert ask(event(body={"access": "push"}), policies=policies).code == "not_granted"
    asked: dict[str, Any] = {"access": "push", "grant": "one"}
    assert ask(event(body=asked), policies=policies).code == "reason_required"
    answer = ask(event(body={**asked, "reason": "incident 7"}), policies=policies)
    assert answer.body["scope"] == {"push": ["*"]}


@pytest.mark.parametrize(("said", "lives"), [("", 15), (", max_ttl: 10m", 10)])
def test_a_break_glass_token_lives_a_quarter_of_an_hour_at_most(
    ask: Ask, said: str, lives: int
) -> None:
    policies = policy(f"repositories: ['*'], access: push, break_glass: true{said}")
    asked = {"access": "push", "grant": "one", "reason": "incident 7", "ttl_seconds": 3600}
    answer = ask(event(body=asked), policies=policies)
    ends = datetime.fromisoformat(answer.body["expires_at"])
    assert ends == NOW.replace(microsecond=0) + timedelta(minutes=lives)


def test_a_break_glass_token_is_marked_in_the_ledger_and_counted(
    ask: Ask, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger.registered_handler, "stream", sys.stdout)
    policies = policy("repositories: ['*'], access: push, break_glass: true", WIDE)
    ledger = FakeLedger()
    for asked in ({}, {"grant": "one", "reason": "incident 7"}):
        ask(event(body=asked), policies=policies, ledger=ledger)
    intents = [intent for name, (intent, *_) in ledger.calls if name == "intend"]
    assert [intent_item(intent, PersonKey.new())["break_glass"] for intent in intents] == [
        False,
        True,
    ]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["break_glass"] for line in lines if "break_glass" in line] == [False, True]
    assert [line["BreakGlass"] for line in lines if "BreakGlass" in line] == [1]


def test_push_and_pull_through_in_one_token_are_refused(ask: Ask) -> None:
    policies = policy(
        "repositories: ['*'], access: push", "repositories: ['*'], access: pull-through"
    )
    answer = ask(event(body={"push": ["aa"], "pull_through": ["bb"]}), policies=policies)
    assert (answer.status, answer.code) == (400, "mixed_push_and_pull_through")
    for access in ("push", "pull-through"):
        scope = ask(event(body={"access": access}), policies=policies).body["scope"]
        assert set(scope) == {access}


@pytest.mark.parametrize("minter", [FakeMinter(), FakeMinter(MintFailed("X", too_large=True))])
def test_too_large_is_a_4xx_that_says_what_to_ask_for_and_nothing_is_cut(
    ask: Ask, minter: FakeMinter
) -> None:
    names = [f"payments/{'a' * 40}{number}" for number in range(1 if minter.failure else 60)]
    answer = ask(event(body={"pull": names}), minter=minter)
    assert (answer.status, answer.code) == (422, "scope_too_large")
    assert "Name fewer repositories" in answer.body["detail"]
    assert minter.failure or not minter.calls


def test_unknown_keys_of_a_request_are_errors(ask: Ask) -> None:
    answer = ask(event(body={"pul": ["payments/api"]}))
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert "`pul`" in answer.body["detail"]


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\ngrants: []\ngrant: []\n",
        f"version: 1\ngrants: [{{name: a, callers: [{ROLE}], {WIDE}, max_tll: 1m}}]\n",
        f"version: 1\ngrants: []\ndenies: [{{name: a, repositories: [b], caller: [{ROLE}]}}]\n",
        "version: 1\ngrants: []\nceiling: {account: []}\n",
        "version: 1\ngrants: []\ndenies: [{name: a, repositories: [b], callers: [{acount: a}]}]\n",
    ],
)
def test_unknown_keys_of_a_policy_are_errors(text: str) -> None:
    with pytest.raises(PolicyError, match="there is no key"):
        parse(text.encode(), name="policy.yaml")


def test_the_time_condition_enforces_what_expires_at_says(ask: Ask) -> None:
    minter = FakeMinter()
    answer = ask(event(body={}), minter=minter)
    condition = f'"DateGreaterThan":{{"aws:CurrentTime":"{answer.body["expires_at"]}"}}'
    assert condition in minter.calls[0]["session_policy"]
    # ECR's own twelve hours are shown nowhere.
    assert datetime.fromisoformat(answer.body["expires_at"]) <= NOW + timedelta(hours=1)


def test_the_vend_id_is_the_answers_and_the_sessions_and_the_records(ask: Ask) -> None:
    minter, ledger = FakeMinter(), FakeLedger()
    vend_id = ask(event(body={}), minter=minter, ledger=ledger).body["vend_id"]
    assert minter.calls[0]["session_name"] == vend_id
    assert {call[0].vend_id for _, call in ledger.calls} == {vend_id}

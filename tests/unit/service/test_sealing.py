"""What names a person is sealed in every record, and nobody opens it once the key is destroyed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.audited import AUDITED
from tests.fake_dynamodb import refused
from tests.fake_people import FakePeople
from tests.fakes import ORIGIN, FakePolicies, caller, vending
from tests.revoking import KEY, World
from tests.unit.service.test_ledger import FakeTable, flood, ledger
from vending.budgets import Kind
from vending.caller import Caller
from vending.errors import Code, Refusal
from vending.messages import TokenRequest
from vending.ports import LedgerUnavailable
from vending.revocation_ledger import RevocationLedger
from vending.sealing import (
    Person,
    PersonKey,
    Unreadable,
    opened,
    person_in,
    person_of,
    pseudonym,
    sealed,
)
from vending.token import Token

STS = "arn:aws:sts::111122223333:assumed-role"
PEOPLE = {
    "role": f"{STS}/payments-ci/ana@example.com",
    "Identity Center": f"{STS}/AWSReservedSSO_PaymentsDev_0123456789abcdef/ana@example.com",
    "user": "arn:aws:iam::111122223333:user/people/ana@example.com",
    "federated user": "arn:aws:sts::111122223333:federated-user/ana@example.com",
}
PERSONAL = ("ana@example.com", "ana-example", "203.0.113.7", "docker/29", "/people/", "INC-7")


def ana(kind: str) -> Caller:
    return replace(caller(PEOPLE[kind]), principal_id="AROAEXAMPLE12")


def recorded(who: Caller, people: FakePeople) -> FakeTable:
    """Let everything be recorded that there is of a caller."""
    fake = FakeTable()
    table: Any = fake
    keeper = ledger(table, people=people)
    bound = FakePolicies(AUDITED.replace("access: pull", "access: pull\n    bind_source_ip: true"))
    origin = replace(ORIGIN, user_agent="docker/29 ana@example.com")
    asked = TokenRequest(reason="INC-7 of ana@example.com")
    service = vending(policies=bound)
    issued, failed = (service.preview(who, origin, asked) for _ in range(2))
    keeper.intend(issued)
    keeper.issue(issued, Token("x"), seconds={})
    keeper.intend(failed)
    keeper.fail(failed, "AssumeRole: X", code=Code.MINT_FAILED)
    keeper.refuse(failed, Refusal(Code.NOT_GRANTED, ""))
    overdrawn = flood()
    for kind in (Kind.SESSION, Kind.ASKS):
        budget = replace(overdrawn.over.budget, kind=kind, key=f"{who.key}:ana@example.com")
        keeper.flood(
            replace(
                overdrawn, caller=who, origin=origin, over=replace(overdrawn.over, budget=budget)
            )
        )
    records: Any = RevocationLedger(
        table, people.keys(), table="ledger", clock=lambda: issued.asked_at
    )
    world = World(records=records)
    for target in (who.key, KEY):
        world.revoke(caller=target)
    return fake


@pytest.mark.parametrize("kind", PEOPLE)
def test_nothing_in_a_record_names_a_person_but_what_is_sealed(kind: str) -> None:
    people = FakePeople()
    table = recorded(ana(kind), people)
    kinds = {key[0].split("#")[0] for key in table.items}
    assert kinds >= {"vend", "grant", "flood", "revocation", "revocations"}
    assert (
        "session_policy"
        not in table.items[next(key for key in table.items if key[1] == "1#intent")]
    )
    for key, item in table.items.items():
        if key[0].startswith("policy#"):
            continue
        text = repr(key) + repr({**item, "sealed": None})
        assert not [name for name in PERSONAL if name in text], key


def test_what_is_sealed_is_opened_with_the_key_and_in_its_own_record_only() -> None:
    key = PersonKey.new()
    box = sealed({"session": "ana"}, key, record="a|b")
    assert box["sealed_under"] == key.id
    assert opened(box["sealed"], key, record="a|b") == {"session": "ana"}
    altered = bytes([box["sealed"][0] ^ 1]) + box["sealed"][1:]
    for content, other, record in (
        (box["sealed"], key, "a|c"),
        (box["sealed"], PersonKey.new(), "a|b"),
        (altered, key, "a|b"),
    ):
        with pytest.raises(Unreadable):
            opened(content, other, record=record)


def test_a_box_is_never_the_same_twice() -> None:
    key = PersonKey.new()
    boxes = {sealed({"session": "ana"}, key, record="a|b")["sealed"] for _ in range(20)}
    assert len(boxes) == 20


def test_a_secret_is_in_no_repr() -> None:
    key = PersonKey.new()
    assert repr(key.secret) not in repr(key)


def test_each_session_of_a_role_has_a_key_of_its_own_and_keeps_it() -> None:
    people = FakePeople()
    one, other = caller(f"{STS}/payments-ci/ana"), caller(f"{STS}/payments-ci/ben")
    assert one.key == other.key
    first = people.key_of(one)
    assert people.key_of(other).id != first.id
    assert people.key_of(one) == first


@pytest.mark.parametrize("kind", PEOPLE)
def test_a_person_is_who_iam_says(kind: str) -> None:
    assert person_of(ana(kind)) == Person("ana@example.com", ana(kind).key)


def test_a_pseudonym_is_for_keys_that_name_a_person() -> None:
    key = PersonKey("0f", b"")
    assert pseudonym(KEY, key) == KEY
    assert pseudonym(f"{KEY}:ana:ben", key) == f"{KEY}:~0f"
    assert (person_in(KEY), person_in(f"{KEY}:ana")) == (None, Person("ana", f"{KEY}:ana"))


def test_without_a_key_nothing_is_recorded_and_so_nothing_is_vended() -> None:
    people, table = FakePeople(down=refused("AccessDeniedException")), FakeTable()
    what = vending().preview(caller(), ORIGIN, TokenRequest())
    with pytest.raises(LedgerUnavailable, match="AccessDeniedException"):
        ledger(table, people=people).intend(what)
    assert not [key for key in table.items if key[0].startswith("vend#")]


def test_the_table_makes_a_key_once() -> None:
    people = FakePeople()
    keys = {people.keys().of(Person("ana", KEY)) for _ in range(3)}
    assert len(keys) == 1
    (item,) = people.items.values()
    assert len(item["secret"]["B"]) == 32
    assert item["since"] == {"S": "2026-11-23T20:00:00.250Z"}

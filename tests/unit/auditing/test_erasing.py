"""Auditors read what is sealed for as long as its key is there, and are told when it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auditing.auditing import RecordsUnavailable
from auditing.selection import By, Selection, Span
from tests.audited import Audited, ago, ids
from tests.fake_dynamodb import refused
from tests.fakes import NOW, caller
from vending.caller import Caller

ANA = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_PaymentsDev_0123456789abcdef/ana"


def ana() -> Caller:
    return replace(caller(ANA), principal_id="AROAEXAMPLE12")


def of_caller(key: str) -> Selection:
    return Selection(By.CALLER, key, Span(ago(days=1), NOW.replace(hour=23)))


def test_a_vend_is_shown_with_all_that_is_sealed_in_it() -> None:
    world = Audited()
    vend = world.service().shown(world.vend(who=ana(), reason="why"))
    assert (vend.caller.arn, vend.caller.session, vend.caller_key) == (ANA, "ana", ana().key)
    assert (vend.reason, vend.source_ip, vend.erased) == ("why", "203.0.113.7", False)
    assert vend.source_identity == ana().source_identity


def test_an_erased_person_is_named_nowhere_and_the_rest_of_the_vend_is_still_told() -> None:
    world = Audited()
    vend_id = world.vend(who=ana(), reason="why")
    kept = world.vend()
    world.people.erase("ana")
    vend = world.service().shown(vend_id)
    assert vend.erased
    assert "ana" not in vend.model_dump_json()
    assert (vend.caller.arn, vend.reason, vend.source_ip) == ("", "", "")
    assert vend.caller.account == "111122223333"
    assert vend.outcome == "issued"
    assert world.service().shown(kept).caller.session == "run-1"


def test_a_callers_vends_are_found_by_the_key_that_whoami_shows() -> None:
    world = Audited()
    mine, other = world.vend(who=ana()), world.vend()
    page = world.service().listed(of_caller(ana().key), most=10)
    assert ids(page.vends) == [mine]
    assert ids(world.service().listed(of_caller(caller().key), most=10).vends) == [other]


def test_an_erased_callers_vends_are_found_by_the_pseudonym_that_a_vend_shows() -> None:
    world = Audited()
    vend_id = world.vend(who=ana())
    world.people.erase("ana")
    pseudonym = world.service().shown(vend_id).caller_key
    assert pseudonym.startswith("aws:111122223333:AROAEXAMPLE12:~")
    assert ids(world.service().listed(of_caller(pseudonym), most=10).vends) == [vend_id]
    assert world.service().listed(of_caller(ana().key), most=10).vends == []


def test_what_was_altered_is_not_shown_as_if_it_were_what_was_sealed() -> None:
    world = Audited()
    one, other = world.vend(), world.vend()
    items = world.table.items
    items[f"vend#{one}", "1#intent"]["sealed"] = items[f"vend#{other}", "1#intent"]["sealed"]
    with pytest.raises(RecordsUnavailable, match="sealed"):
        world.service().shown(one)


def test_keys_that_cannot_be_read_are_no_erasure() -> None:
    world = Audited()
    vend_id = world.vend()
    world.people.down = refused("AccessDeniedException")
    with pytest.raises(RecordsUnavailable, match="AccessDeniedException"):
        world.service().shown(vend_id)

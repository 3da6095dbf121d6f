"""The shape of a vend holds all that the ledger records, and the schema is the shape's."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from auditing.record import VendRecord, json_schema
from tests.audited import Audited
from tests.fakes import PASSWORD
from tools.environments import ROOT
from tools.vend_schema import PAGE, SCHEMA, table
from vending.errors import Refused
from vending.token import Token

ASKED: dict[str, dict[str, Any]] = {
    "issued": {
        "push": ["payments/api"],
        "pull": ["base/python"],
        "ttl_seconds": 600,
        "reason": "x",
    },
    "refused": {"pull": ["search/indexer"], "grant": "payments-ci"},
    "failed": {"failure": "AssumeRole: AccessDenied"},
}


@pytest.mark.parametrize("outcome", ASKED)
def test_every_vend_that_the_ledger_records_has_the_shape(outcome: str) -> None:
    world = Audited()
    vend = world.service().shown(world.vend(**ASKED[outcome]))
    assert (vend.outcome, vend.other_fields) == (outcome, {})
    assert VendRecord.model_validate_json(vend.model_dump_json()) == vend
    assert vend.caller.session == "run-1"
    assert vend.policy_revision
    match outcome:
        case "issued":
            assert vend.scope == {"push": ["payments/api"], "pull": ["base/python"]}
            assert vend.token_mac
            assert list(vend.seconds) == ["decide", "count", "intend", "mint"]
            assert vend.grants == ["payments-ci", "everybody-reads-base"]
        case "refused":
            assert (vend.code, vend.scope) == ("not_granted", {})
        case "failed":
            assert (vend.code, vend.failure) == ("mint_failed", "AssumeRole: AccessDenied")


def test_a_vend_that_never_ended_has_no_outcome() -> None:
    world = Audited()
    vend_id = world.vend()
    del world.table.items[f"vend#{vend_id}", "2#outcome"]
    vend = world.service().shown(vend_id)
    assert (vend.outcome, vend.ended_at, vend.token_mac) == (None, None, None)


def test_what_a_rule_in_monitor_mode_would_have_done_is_in_the_record() -> None:
    world = Audited()
    freeze = "  - {name: freeze, repositories: [payments/api], mode: monitor}"
    world.policy = world.policy.replace("denies:\n", f"denies:\n{freeze}\n")
    vend = world.service().shown(world.vend(pull=["payments/api", "payments/web"]))
    assert (vend.outcome, vend.denies) == ("issued", [])
    (told,) = vend.monitored
    assert (told.rule, told.effect, told.repositories, told.count) == (
        "deny freeze",
        "deny",
        ["payments/api"],
        1,
    )


def test_what_a_newer_version_recorded_is_told_and_makes_nothing_unreadable() -> None:
    world = Audited()
    vend_id = world.vend(pull=["payments/api", "search/x"])
    intent = world.table.items[f"vend#{vend_id}", "1#intent"]
    intent["weather"] = {"S": "rain"}
    world.table.items[f"vend#{vend_id}", "2#outcome"]["mood"] = {"S": "fine"}
    intent["asked"]["M"]["politely"] = {"BOOL": True}
    intent["dropped"]["L"][0]["M"]["since"] = {"N": "3"}
    vend = world.service().shown(vend_id)
    assert vend.other_fields == {
        "weather": "rain",
        "asked.politely": True,
        "dropped.0.since": 3,
        "outcome.mood": "fine",
    }
    assert vend.outcome == "issued"
    intent["asked_at"] = {"N": "1"}
    with pytest.raises(ValueError, match="asked_at"):
        world.service().shown(vend_id)


def test_a_token_leads_to_its_vend_and_another_to_none() -> None:
    world = Audited()
    world.vend(password="another")
    vend_id = world.vend()
    assert world.service().traced(Token(PASSWORD)).vend_id == vend_id
    with pytest.raises(Refused, match="none of ours"):
        world.service().traced(Token("guessed"))


def test_no_vend_is_made_up() -> None:
    with pytest.raises(Refused) as refused:
        Audited().service().shown("v-01jd8w0123456789abcdefghjk")
    assert refused.value.refusal.code == "no_such_vend"


def test_the_committed_schema_is_that_of_the_code_and_explains_every_field() -> None:
    assert json.loads(SCHEMA.read_text()) == json_schema(), "run make vend-schema"
    page = PAGE.read_text()
    assert table() in page, "run make vend-schema"
    named = set(re.findall(r"(?m)^\| `([\w.]+)`", table()))
    assert set(VendRecord.model_fields) <= named
    assert SCHEMA.is_relative_to(ROOT / "docs")

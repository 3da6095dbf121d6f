"""Whatever is decided can be recorded: what cannot be is a request that nobody answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given

from tests.strategies import NOW, situations
from tests.unit.service.test_ledger import intent
from vending.decision import decide
from vending.ledger import attributes_of
from vending.records import intent_item, outcome_items
from vending.request import Limits
from vending.sealing import PersonKey

if TYPE_CHECKING:
    from vending.caller import Caller
    from vending.policy import Policy
    from vending.request import VendRequest


@given(situations())
def test_every_decision_is_of_values_that_the_ledger_writes(
    situation: tuple[Policy, Caller, VendRequest],
) -> None:
    policy, caller, request = situation
    decision = decide(policy, caller, request, now=NOW, limits=Limits())
    what = replace(intent(), caller=caller, request=request, decision=decision)
    for item in (intent_item(what, PersonKey.new()), *outcome_items(what, "refused", {})):
        written = attributes_of(item)
        assert written["pk"]["S"]
    recorded = attributes_of(intent_item(what, PersonKey.new())).get("monitored", {"L": []})
    assert len(recorded["L"]) == len(decision.monitored)

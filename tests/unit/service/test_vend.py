"""The order of decide, intend, mint and issue, and what happens when each of them fails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes import ORIGIN, FakeBlocks, FakeLedger, FakeMinter, FakePolicies, caller, vending
from vending.access import Access
from vending.errors import Code, Refused
from vending.messages import TokenRequest
from vending.ports import MintFailed

OUTSIDER = "arn:aws:sts::111122223333:assumed-role/outsider/run-1"


def refused(
    ledger: FakeLedger, minter: FakeMinter, arn: str | None = None, **asked: Any
) -> Refused:
    service = vending(ledger=ledger, minter=minter)
    with pytest.raises(Refused) as caught:
        service.vend(caller(arn) if arn else caller(), ORIGIN, TokenRequest(**asked))
    return caught.value


def test_a_vend_is_intended_then_minted_then_issued() -> None:
    ledger, minter = FakeLedger(), FakeMinter()
    vend = vending(ledger=ledger, minter=minter).vend(caller(), ORIGIN, TokenRequest())
    assert ledger.names == ["intend", "issue"]
    assert len(minter.calls) == 1
    assert minter.calls[0]["session_name"] == vend.intent.vend_id
    assert minter.calls[0]["source_identity"] == caller().source_identity
    assert minter.calls[0]["role"].endswith("ecr-vend-pull")


def test_the_role_is_that_of_the_highest_access() -> None:
    minter = FakeMinter()
    vending(minter=minter).vend(caller(), ORIGIN, TokenRequest(push=["payments/api"]))
    assert minter.calls[0]["role"].endswith("ecr-vend-push")
    assert minter.calls[0]["lifetime"] == timedelta(minutes=29, seconds=59, milliseconds=750)


def test_no_intent_no_mint() -> None:
    ledger, minter = FakeLedger(fails_at="intend"), FakeMinter()
    assert refused(ledger, minter).refusal.code is Code.AUDIT_UNAVAILABLE
    assert minter.calls == []


def test_no_issue_no_token() -> None:
    ledger, minter = FakeLedger(fails_at="issue"), FakeMinter()
    error = refused(ledger, minter)
    assert error.refusal.code is Code.AUDIT_UNAVAILABLE
    assert minter.password not in repr(error)
    assert error.vend_id


def test_a_refusal_is_on_record_before_it_is_told() -> None:
    ledger, minter = FakeLedger(), FakeMinter()
    error = refused(ledger, minter, OUTSIDER)
    assert error.refusal.code is Code.NOT_GRANTED
    assert ledger.names == ["intend", "refuse"]
    assert minter.calls == []
    assert error.vend_id == ledger.calls[0][1][0].vend_id


def test_a_refusal_that_cannot_be_recorded_is_not_told() -> None:
    error = refused(FakeLedger(fails_at="refuse"), FakeMinter(), OUTSIDER)
    assert error.refusal.code is Code.AUDIT_UNAVAILABLE


def test_a_blocked_caller_is_refused_before_anything_is_minted_and_it_is_on_record() -> None:
    ledger, minter = FakeLedger(), FakeMinter()
    service = vending(blocks=FakeBlocks(frozenset({caller().key})), ledger=ledger, minter=minter)
    for asked in (TokenRequest(), TokenRequest(push=["payments/api"])):
        with pytest.raises(Refused) as caught:
            service.vend(caller(), ORIGIN, asked)
        assert caught.value.refusal.code is Code.REVOKED
    assert ledger.names == ["intend", "refuse"] * 2
    intent = ledger.calls[0][1][0]
    assert (intent.role, intent.session_policy) == ("", "")
    assert intent.decision.grants == ("payments-ci",)
    assert minter.calls == []
    assert service.preview(caller(), ORIGIN, TokenRequest(dry_run=True)).decision.refusal


def test_a_vend_that_is_blocked_while_it_is_minted_ends_refused_and_yields_nothing() -> None:
    ledger, minter = FakeLedger(blocked=True), FakeMinter()
    error = refused(ledger, minter)
    assert error.refusal.code is Code.REVOKED
    assert ledger.names == ["intend", "issue", "refuse"]
    assert minter.password not in repr(error)


def test_nothing_is_vended_while_the_blocks_cannot_be_read() -> None:
    ledger, minter = FakeLedger(), FakeMinter()
    service = vending(blocks=FakeBlocks(down=True), ledger=ledger, minter=minter)
    with pytest.raises(Refused) as caught:
        service.vend(caller(), ORIGIN, TokenRequest())
    assert caught.value.refusal.code is Code.BLOCKS_UNAVAILABLE
    assert (ledger.calls, minter.calls) == ([], [])


def test_a_caller_that_the_policy_refuses_costs_no_look_at_the_blocks() -> None:
    blocks = FakeBlocks(down=True)
    with pytest.raises(Refused) as caught:
        vending(blocks=blocks).vend(caller(OUTSIDER), ORIGIN, TokenRequest())
    assert caught.value.refusal.code is Code.NOT_GRANTED
    assert blocks.asked == []


def test_a_failed_mint_is_on_record() -> None:
    ledger = FakeLedger()
    error = refused(ledger, FakeMinter(failure=MintFailed("AssumeRole: AccessDenied")))
    assert error.refusal.code is Code.MINT_FAILED
    assert ledger.names == ["intend", "fail"]
    assert "AccessDenied" not in error.refusal.detail


def test_a_policy_that_sts_cannot_pack_is_a_refusal_that_says_what_to_ask_for() -> None:
    ledger = FakeLedger()
    error = refused(ledger, FakeMinter(failure=MintFailed("AssumeRole: X", too_large=True)))
    assert error.refusal.code is Code.SCOPE_TOO_LARGE
    assert ledger.names == ["intend", "refuse"]


def test_a_scope_too_large_is_refused_and_on_record() -> None:
    ledger, minter = FakeLedger(), FakeMinter()
    names = [f"payments/a-rather-long-repository-name-{n:03}" for n in range(60)]
    error = refused(ledger, minter, pull=names)
    assert error.refusal.code is Code.SCOPE_TOO_LARGE
    assert ledger.names == ["intend", "refuse"]
    assert minter.calls == []


def test_an_unknown_registry_is_refused_with_those_that_are_served() -> None:
    host = "999988887777.dkr.ecr.eu-west-1.amazonaws.com"
    error = refused(FakeLedger(), FakeMinter(), registry=host)
    assert error.refusal.code is Code.UNKNOWN_REGISTRY
    assert "111122223333.dkr.ecr.eu-west-1.amazonaws.com" in error.refusal.detail


def test_a_dry_run_records_and_mints_nothing() -> None:
    ledger, minter = FakeLedger(), FakeMinter()
    intent = vending(ledger=ledger, minter=minter).preview(
        caller(), ORIGIN, TokenRequest(push=["payments/api"], dry_run=True)
    )
    assert intent.decision.scope == {Access.PUSH: ("payments/api",)}
    assert ledger.calls == []
    assert minter.calls == []


def test_whoami_shows_the_callers_own_grants_only() -> None:
    text = FakePolicies().text + (
        "  - {name: theirs, callers: [{account: '444455556666'}], repositories: ['*'], "
        "access: push}\n"
        "  - {name: glass, callers: [{account: '111122223333'}], repositories: ['*'], "
        "access: push, break_glass: true}\n"
    )
    _, grants, _ = vending(policies=FakePolicies(text)).grants_of(caller())
    assert [grant.name for grant in grants] == ["payments-ci", "glass"]


def test_a_caller_above_the_ceiling_has_no_grants_to_show() -> None:
    text = FakePolicies().text + "ceiling: {accounts: ['444455556666']}\n"
    assert vending(policies=FakePolicies(text)).grants_of(caller())[1] == []

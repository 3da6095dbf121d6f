"""A vend and its end: nothing begins that may not end in time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from handlers.api import time_left
from tests.fakes import ORIGIN, FakeLedger, FakeMinter, caller, vending
from vending.deadlines import (
    ANSWER,
    END,
    INTEND,
    MINT,
    QUICK,
    Patience,
    fits,
    longest,
    unhurried,
)
from vending.errors import Code, Refused
from vending.messages import TokenRequest

OUTSIDER = "arn:aws:sts::111122223333:assumed-role/outsider/run-1"
WHOLE = longest(INTEND, MINT, END) + ANSWER
MINTING = longest(MINT, END) + ANSWER


def vend(*left: float, arn: str | None = None) -> tuple[Code | None, FakeLedger, FakeMinter]:
    """Vend with so many seconds left at each moment that they are looked at."""
    ledger, minter = FakeLedger(), FakeMinter()
    moments: Iterator[float] = iter(left)
    try:
        vending(ledger=ledger, minter=minter).vend(
            caller(arn) if arn else caller(), ORIGIN, TokenRequest(), left=lambda: next(moments)
        )
    except Refused as refused:
        return refused.refusal.code, ledger, minter
    return None, ledger, minter


def test_a_call_takes_an_attempt_that_fails_quickly_and_one_that_hangs() -> None:
    patience = Patience(connect=2, read=3)
    assert patience.longest == QUICK + 5
    assert longest((patience,) * 2, (patience,)) == pytest.approx(3 * (QUICK + 5))


def test_a_vend_for_which_there_is_time_is_vended() -> None:
    code, ledger, _ = vend(WHOLE, MINTING)
    assert (code, ledger.names) == (None, ["intend", "issue"])


def test_a_vend_that_may_not_end_in_time_is_not_begun() -> None:
    code, ledger, minter = vend(WHOLE - 0.001)
    assert code is Code.OUT_OF_TIME
    assert (ledger.calls, minter.calls) == ([], [])


def test_nothing_is_minted_that_may_not_be_recorded_in_time() -> None:
    code, ledger, minter = vend(WHOLE, MINTING - 0.001)
    assert code is Code.OUT_OF_TIME
    assert ledger.names == ["intend", "fail"]
    assert ledger.calls[1][1][2] is Code.OUT_OF_TIME
    assert minter.calls == []


def test_a_refusal_needs_no_time_to_mint() -> None:
    assert vend(longest(INTEND, END) + ANSWER, arn=OUTSIDER)[0] is Code.NOT_GRANTED
    code, ledger, _ = vend(longest(INTEND, END), arn=OUTSIDER)
    assert (code, ledger.names) == (Code.OUT_OF_TIME, [])


def test_outside_lambda_nothing_ends() -> None:
    assert time_left(object()) is unhurried
    assert unhurried() == math.inf
    assert fits(unhurried, INTEND, MINT, END)


def test_lambda_says_how_much_time_is_left() -> None:
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 1500)
    assert time_left(context)() == 1.5

"""Under load and faults the books balance: the short version of `make load`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from local.faults import Plan
from tests.e2e.running import running
from tests.load.books import imbalances
from tests.load.run import STARTED_WITH, loaded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.running import Stack
    from tests.load.books import Books

pytestmark = pytest.mark.emulator

VENDS = {"vend": 1}


@pytest.fixture(scope="module")
def faulty() -> Iterator[Stack]:
    with running(*STARTED_WITH) as stack:
        yield stack


def broken(books: Books) -> dict[str, list[str]]:
    return {rule: found for rule, found in imbalances(books).items() if found}


def test_the_books_balance_after_a_crowd_and_every_kind_of_fault(faulty: Stack) -> None:
    books = loaded(faulty, Plan(5, 0.1, environments=6), callers=40, seconds=6)
    assert not broken(books)
    assert sum(bool(note.digest) for note in books.notes) > 10
    assert {call.fault for call in books.calls} > {"", "error", "lost"}


@pytest.mark.parametrize("kind", ["error", "throttle", "hang", "lost", "late"])
def test_an_outcome_that_cannot_be_recorded_lets_no_token_out(faulty: Stack, kind: str) -> None:
    plan = Plan(1, 1.0, (kind,), ("TransactWriteItems",), environments=2)
    books = loaded(faulty, plan, callers=2, seconds=0.1, kinds=VENDS)
    assert {note.code for note in books.notes} == {"audit_unavailable"}
    assert not broken(books)
    # On record or not, as the fault has it.
    issued = {books.outcome(note.vend_id) for note in books.notes}
    assert issued == {"issued" if kind in {"lost", "late"} else ""}
    # And without that explanation the books do not balance.
    calls = [replace(call, fault="") for call in books.calls]
    assert broken(replace(books, calls=calls))


def test_a_slow_aws_is_no_reason_for_anything(faulty: Stack) -> None:
    plan = Plan(1, 1.0, ("slow",), ("PutItem", "TransactWriteItems"), environments=2)
    books = loaded(faulty, plan, callers=2, seconds=0.1, kinds=VENDS)
    assert {note.status for note in books.notes} == {200}
    assert not broken(books)


@pytest.mark.parametrize("operation", ["AssumeRole", "GetAuthorizationToken"])
@pytest.mark.parametrize("kind", ["error", "throttle", "lost"])
def test_what_aws_did_not_mint_is_recorded_as_failed(
    faulty: Stack, operation: str, kind: str
) -> None:
    plan = Plan(1, 1.0, (kind,), (operation,), environments=2)
    books = loaded(faulty, plan, callers=2, seconds=0.1, kinds=VENDS)
    assert {note.status for note in books.notes} <= {502, 503}
    assert {books.outcome(note.vend_id) for note in books.notes} == {"failed"}
    assert not broken(books)


def test_the_books_wait_for_those_who_hung_up(faulty: Stack) -> None:
    plan = Plan(1, 1.0, ("hang",), ("AssumeRole",), environments=2)
    books = loaded(faulty, plan, callers=4, seconds=0.1, kinds={"hang up": 1})
    assert {note.broken for note in books.notes} == {"hung up"}
    assert {books.outcome(vend_id) for vend_id in books.intents} == {"failed"}
    assert not broken(books)

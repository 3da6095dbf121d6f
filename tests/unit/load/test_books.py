"""Books that do not balance are noticed: each rule, on books that one hand has doctored."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from local.journal import Call, written
from tests.load.books import RULES, Books, imbalances
from tests.load.callers import Note
from tests.load.report import lines, percentile, summary

ARN = "arn:aws:sts::000000000000:assumed-role/payments-ci/job-1"
VENDED, LOST, REFUSED = "v-1", "v-2", "v-3"


def record(vend_id: str, sk: str, **more: Any) -> dict[str, Any]:
    named = {name: {"S": value} for name, value in more.items() if isinstance(value, str)}
    return {
        "pk": {"S": f"vend#{vend_id}"},
        "sk": {"S": sk},
        "vend_id": {"S": vend_id},
        "attempt": {"S": f"attempt of {vend_id}"},
        **{name: value for name, value in more.items() if not isinstance(value, str)},
        **named,
    }


def intent(vend_id: str) -> dict[str, Any]:
    return record(vend_id, "1#intent")


LEDGER = [
    intent(VENDED),
    record(VENDED, "2#outcome", outcome="issued", token_mac="mac-1"),
    intent(LOST),
    intent(REFUSED),
    record(REFUSED, "2#outcome", outcome="refused"),
]


def put(number: int, item: dict[str, Any], *, fault: str = "", status: int = 200) -> Call:
    return Call(
        "PutItem",
        fault,
        number,
        number + 1,
        status,
        "function",
        table="ledger",
        items=(written(item),),
    )


CALLS = [
    put(1, LEDGER[0]),
    Call("AssumeRole", "", 3, 4, 200, "function", vend_id=VENDED, minted_key="key-1"),
    Call("GetAuthorizationToken", "", 5, 6, 200, "key-1", digest="digest-1"),
    Call("GenerateMac", "", 7, 8, 200, "function", digest="digest-1"),
    put(9, LEDGER[1]),
    put(11, LEDGER[2]),
    Call("AssumeRole", "hang", 13, 14, 0, "function", vend_id=LOST),
    put(15, LEDGER[3]),
    put(17, LEDGER[4]),
]
NOTES = [
    Note("vend", ARN, 0.1, 200, vend_id=VENDED, digest="digest-1", own=True),
    Note("vend", ARN, 9.0, 502, "mint_failed", own=True),
    Note("not granted", ARN, 0.2, 403, "not_granted", REFUSED, own=True),
    Note("refused by IAM", ARN, 0.1, 403),
    Note("hang up", ARN, 0.1, broken="hung up"),
]
CALLERS = dict.fromkeys((VENDED, LOST, REFUSED), ARN)
BALANCED = Books(NOTES, CALLS, LEDGER, frozenset(), {"digest-1": "mac-1"}, "ledger", CALLERS)


def changed(item: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**copy.deepcopy(item), **more}


DOCTORED: list[tuple[str, Books]] = [
    # A token left, and its outcome is gone, or says another thing.
    ("every released token", replace(BALANCED, ledger=[*LEDGER[:1], *LEDGER[2:]])),
    ("every released token", replace(BALANCED, macs={"digest-1": "another"})),
    (
        "every released token",
        replace(BALANCED, notes=[replace(NOTES[0], arn=f"{ARN}0"), *NOTES[1:]]),
    ),
    ("every intent ended", replace(BALANCED, calls=[*CALLS[:6], *CALLS[7:]])),
    ("every intent ended", replace(BALANCED, calls=[replace(c, fault="") for c in CALLS])),
    ("every intent ended", replace(BALANCED, ledger=LEDGER[1:])),
    ("every issued token", replace(BALANCED, notes=NOTES[1:4])),
    ("answers say", replace(BALANCED, notes=[replace(NOTES[2], vend_id=VENDED), *NOTES[:2]])),
    (
        "no record was overwritten",
        replace(BALANCED, calls=[*CALLS, put(30, changed(LEDGER[0], attempt={"S": "other"}))]),
    ),
    (
        "no record was overwritten",
        replace(BALANCED, ledger=[changed(LEDGER[0], more={"S": "x"}), *LEDGER[1:]]),
    ),
    ("no record was overwritten", replace(BALANCED, ledger=[*LEDGER, intent("v-9")])),
    (
        "no record was overwritten",
        replace(BALANCED, calls=[*CALLS, Call("DeleteItem", "", 30, 31, 200, "x", table="ledger")]),
    ),
    ("nothing was minted", replace(BALANCED, calls=CALLS[1:])),
    ("nothing was minted", replace(BALANCED, calls=[replace(CALLS[0], ended=40), *CALLS[1:]])),
    ("nothing was minted", replace(BALANCED, calls=[CALLS[0], *CALLS[2:]])),
    ("no token went out twice", replace(BALANCED, notes=[*NOTES, NOTES[0]])),
    (
        "every answer",
        replace(BALANCED, notes=[*NOTES, Note("vend", ARN, 0.1, 500, "no_such_code", own=True)]),
    ),
    (
        "every answer",
        replace(
            BALANCED, notes=[*NOTES, Note("vend", ARN, 0.1, 502, "audit_unavailable", own=True)]
        ),
    ),
    ("every answer", replace(BALANCED, notes=[*NOTES, Note("vend", ARN, 0.1, 418)])),
    ("every answer", replace(BALANCED, notes=[*NOTES, Note("vend", ARN, 0.1, broken="OSError")])),
]


def broken(books: Books) -> set[str]:
    return {rule for rule, found in imbalances(books).items() if found}


def test_books_that_balance_balance() -> None:
    assert not broken(BALANCED)


@pytest.mark.parametrize(("rule", "books"), DOCTORED)
def test_doctored_books_are_noticed(rule: str, books: Books) -> None:
    assert [found for found in broken(books) if found.startswith(rule)]


def test_every_rule_has_a_doctored_case() -> None:
    assert all(any(rule.startswith(case) for case, _ in DOCTORED) for rule in RULES)


def test_what_a_caller_was_refused_needs_no_record() -> None:
    note = Note("invalid", ARN, 0.1, 400, "invalid_request", own=True)
    assert not broken(replace(BALANCED, notes=[*NOTES, note]))


def test_what_stood_in_the_ledger_before_is_no_part_of_the_books() -> None:
    old = changed(intent("v-0"), sk={"S": "1#intent"})
    before = frozenset({("vend#v-0", "1#intent")})
    assert not broken(replace(BALANCED, ledger=[old, *LEDGER], before=before))


@pytest.mark.parametrize(("percent", "value"), [(50, 2.0), (90, 4.0), (99, 4.0), (100, 4.0)])
def test_percentiles_are_of_the_nearest_rank(percent: int, value: float) -> None:
    assert percentile([4.0, 1.0, 2.0, 3.0], percent) == value


def test_the_table_has_each_ending_each_fault_and_each_rule() -> None:
    found = summary(NOTES, CALLS, imbalances(DOCTORED[0][1]))
    text = "\n".join(lines(found))
    assert not found["balanced"]
    assert "✗ every released token" in text
    assert "✓ no token went out twice" in text
    assert [row["count"] for row in found["requests"] if row["ended"] == "not_granted"] == [1]
    assert found["faults"]["AssumeRole"] == {"none": 1, "hang": 1}

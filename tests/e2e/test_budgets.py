"""Who asks too often is told to wait, and nobody else: on a stack with small budgets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.running import running, send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.credentials import Credentials

    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator

BUDGETS = {
    "VendsPerHourSession": "3",
    "VendsPerHourCaller": "5",
    "VendsPerHourAccount": "9",
    "AsksPerHourCaller": "4",
}
ENOUGH = 60
"""Seconds that the tests of one stack take at most, so that they are within one hour."""


@pytest.fixture(scope="module")
def small() -> Iterator[Stack]:
    """A stack whose budgets are soon used up."""
    chosen = [f"--parameter={name}={value}" for name, value in BUDGETS.items()]
    with running(*chosen) as stack:
        left = 3600 - time.time() % 3600
        time.sleep(left if left < ENOUGH else 0)
        yield stack


def vend(stack: Stack, credentials: Credentials) -> tuple[int, dict[str, Any]]:
    return send(stack.signed("POST", "/v1/tokens", credentials, b"{}"))


def floods(stack: Stack, caller: str) -> list[tuple[str, int]]:
    """Return what is on record of a role that overdrew its budgets: which, and how many."""
    table = stack.about["outputs"]["LedgerTableName"]
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return sorted(
        (item["budget"]["S"], int(item["count"]["N"]))
        for page in pages
        for item in page["Items"]
        if item["pk"]["S"].startswith("flood#") and item["caller"]["M"]["name"]["S"] == caller
    )


def test_budgets_hold_narrowest_first(small: Stack) -> None:
    # In one test, as each part starts from what the one before has used up.
    greedy = small.as_role("payments-ci", "greedy")
    first = [vend(small, greedy) for _ in range(5)]
    assert [status for status, _ in first] == [200, 200, 200, 429, 429]
    assert first[3][1]["code"] == "throttled"
    assert "this session" in first[3][1]["detail"]

    # Another session of the same role goes on, until the role has had all its tokens.
    second = [vend(small, small.as_role("payments-ci", "other")) for _ in range(3)]
    assert [status for status, _ in second] == [200, 200, 429]
    assert "this caller" in second[2][1]["detail"]
    assert floods(small, "payments-ci") == [("caller", 6), ("session", 4)]

    # Another role goes on, until the account has had all its tokens.
    third = [vend(small, small.as_role("search-publisher", f"run-{n}")) for n in range(5)]
    assert [status for status, _ in third] == [200, 200, 200, 200, 429]
    assert "account" in third[4][1]["detail"]

    # What was vended is what was minted.
    assert len(small.vends()) == 9


def test_a_flood_of_whoami_is_told_to_wait_and_has_few_records(small: Stack) -> None:
    credentials = small.as_role("payments-developer", "curious")
    asked = [send(small.signed("GET", "/v1/whoami", credentials)) for _ in range(21)]
    assert [status for status, _ in asked] == [200] * 4 + [429] * 17
    assert asked[4][1]["code"] == "throttled"
    assert floods(small, "payments-developer") == [("asks", 5), ("asks", 10), ("asks", 20)]


def test_the_counters_are_those_of_the_hour_and_expire(small: Stack) -> None:
    (table,) = [
        name
        for name in small.client("dynamodb").list_tables()["TableNames"]
        if "BudgetTable" in name
    ]
    items = small.client("dynamodb").scan(TableName=table)["Items"]
    assert {item["pk"]["S"].partition("#")[0] for item in items} >= {"caller", "account", "asks"}
    for item in items:
        assert item["sk"]["S"] == time.strftime("%Y-%m-%dT%H", time.gmtime())
        assert time.time() < int(item["expires_at"]["N"]) <= time.time() + 2 * 3600

"""A person is erased on the embedded stack: their vends stay, and nobody reads whose they were."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.running import running, send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def own() -> Iterator[Stack]:
    with running() as stack:
        yield stack


def vend(stack: Stack, session: str) -> str:
    """Vend for a session of this name, and return the vend's id."""
    body = json.dumps({"pull": ["payments/api"]}).encode()
    status, answer = send(
        stack.signed("POST", "/v1/tokens", stack.as_role("payments-ci", session), body)
    )
    assert status == 200, answer
    return str(answer["vend_id"])


def shown(stack: Stack, vend_id: str) -> dict[str, Any]:
    """Return a vend as an auditor reads it."""
    request = stack.signed("GET", f"/v1/vends/{vend_id}", stack.as_role("auditor"))
    status, answer = send(request)
    assert status == 200, answer
    return answer


def test_who_is_erased_is_named_nowhere_and_others_still_are(own: Stack) -> None:
    mine, other = (vend(own, name) for name in ("ana@example.com", "ben@example.com"))
    before = shown(own, mine)
    assert before["caller"]["session"] == "ana@example.com"
    table = own.about["outputs"]["LedgerTableName"]
    pages = own.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    assert "ana@example.com" not in json.dumps([page["Items"] for page in pages], default=repr)

    code, listed, _ = own.vendctl("people", "list", "ana@example.com", "--json")
    assert (code, [one["caller_key"] for one in json.loads(listed)]) == (0, [before["caller_key"]])
    assert "secret" not in listed
    code, told, _ = own.vendctl("records", "show", f"vend#{mine}")
    assert code == 0
    assert json.loads(told.splitlines()[0])["caller"]["arn"] == before["caller"]["arn"]

    code, _, said = own.vendctl("people", "erase", "ana@example.com")
    assert (code, "--yes" in said) == (1, True)
    assert shown(own, mine) == before
    code, told, _ = own.vendctl("people", "erase", "ana@example.com", "--yes")
    assert (code, told) == (0, f"destroyed the key of {before['caller_key']}\n")

    after = shown(own, mine)
    assert "ana@example.com" not in json.dumps(after)
    assert (after["erased"], after["outcome"], after["scope"]) == (True, "issued", before["scope"])
    assert shown(own, other)["caller"]["session"] == "ben@example.com"
    code, told, _ = own.vendctl("records", "show", f"vend#{mine}")
    assert "ana@example.com" not in told
    assert own.vendctl("people", "erase", "ana@example.com", "--yes")[0] == 1


def test_what_is_not_there_is_said_without_a_traceback(own: Stack) -> None:
    code, _, said = own.vendctl("people", "list", "x", "--stack", "none")
    assert (code, said.startswith("vendctl: "), "Traceback" in said) == (2, True, False)
    assert own.vendctl("records", "show", "vend#v-none")[0] == 1

"""The prober on the embedded stack: through the API, and as a deployment's hook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.people import session_of

if TYPE_CHECKING:
    from tests.e2e.running import Stack


def probed(stack: Stack, **event: str) -> dict[str, Any]:
    """Invoke the prober and return its summary."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.physical("ProberFunction"), Payload=json.dumps(event).encode()
    )
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    return found


@pytest.mark.parametrize("way", ["api", "function"])
def test_a_probe_proves_the_stack_to_itself(stack: Stack, way: str) -> None:
    summary = probed(stack, endpoint=stack.about["endpoint"] if way == "api" else "")
    assert summary["passed"], summary
    claims = {proof["claim"] for proof in summary["proofs"]}
    assert {"the token reads its repository", "the token reads no other repository"} < claims
    assert len(claims) == {"api": 6, "function": 5}[way]


def test_a_probe_of_an_api_that_is_not_there_fails(stack: Stack) -> None:
    summary = probed(stack, endpoint=f"{stack.about['url']}/restapis/none/live/_user_request_")
    assert not summary["passed"]


def test_probes_are_marked_in_the_ledger(stack: Stack) -> None:
    probed(stack, endpoint="")
    table = stack.about["outputs"]["LedgerTableName"]
    items = stack.client("dynamodb").scan(TableName=table)["Items"]
    keys = stack.person_keys()
    by_probers = {
        item["sk"]["S"]: item["probe"]["BOOL"]
        for item in items
        if session_of(item, keys) == "deployment-hook"
    }
    assert by_probers == {"1#intent": True}
    others = [item for item in items if item.get("probe") is None and item["sk"]["S"] == "1#intent"]
    probes = [item for item in items if "probe" in item]
    assert {item["sk"]["S"] for item in probes} >= {"1#intent", "2#outcome"}
    assert not any("ProberFunctionRole" in item["caller"]["M"]["name"]["S"] for item in others)

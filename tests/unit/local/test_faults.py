"""Each kind of fault does what it says, before an emulator that works, and the journal tells."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from local.faults import JOURNAL, KINDS, PLAN, UNDER_WAY, Faults, Plan
from local.journal import Call, read_journal

if TYPE_CHECKING:
    from pathlib import Path

ITEM = {"pk": {"S": "vend#v-1"}, "sk": {"S": "1#intent"}, "attempt": {"S": "a"}}
PUT = {"TableName": "ledger", "Item": ITEM}
TARGETS = {
    "PutItem": "DynamoDB_20120810.PutItem",
    "GetItem": "DynamoDB_20120810.GetItem",
    "GenerateMac": "TrentService.GenerateMac",
    "GetAuthorizationToken": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
}
ASSUME = b"Action=AssumeRole&RoleSessionName=v-01&RoleArn=x"
PASSWORD = "a-registry-password"
GIVEN = {
    "authorizationData": [
        {"authorizationToken": base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()}
    ]
}


def asked(
    folder: Path,
    operation: str,
    body: bytes,
    *,
    answer: bytes = b"{}",
    plan: Plan | None = None,
    path: str = "/",
) -> tuple[bool, bool, int]:
    """Send one call and hang up: whether the emulator saw it, only then, and the status."""
    seen: list[bytes] = []
    sent: list[dict[str, Any]] = []
    after_hang_up = False
    received = 0

    async def emulator(scope: Any, receive: Any, send: Any) -> None:
        seen.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": answer})

    async def receive() -> dict[str, Any]:
        nonlocal received, after_hang_up
        received += 1
        if received == 1:
            return {"type": "http.request", "body": body}
        after_hang_up = not seen
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", b"AWS4-HMAC-SHA256 Credential=KEY/x")]
    if operation in TARGETS:
        headers.append((b"x-amz-target", TARGETS[operation].encode()))
    scope = {"type": "http", "path": path, "headers": headers}
    if plan:
        plan.write(folder / PLAN)
    asyncio.run(Faults(emulator, folder)(scope, receive, send))
    assert all(one == body for one in seen)
    return bool(seen), after_hang_up, sent[0]["status"] if sent else 0


@pytest.mark.parametrize(
    ("kind", "effect", "late", "status"),
    [
        ("error", False, False, 500),
        ("throttle", False, False, 400),
        ("slow", True, False, 200),
        ("hang", False, True, 0),
        ("lost", True, False, 0),
        ("late", True, True, 0),
    ],
)
def test_a_fault_does_what_it_says(
    tmp_path: Path, kind: str, effect: bool, late: bool, status: int
) -> None:
    plan = Plan(1, 1.0, (kind,))
    assert asked(tmp_path, "PutItem", json.dumps(PUT).encode(), plan=plan) == (effect, late, status)
    (call,) = read_journal(tmp_path / JOURNAL)
    assert (call.fault, call.took_effect, call.table) == (kind, effect, "ledger")
    assert [(item.pk, item.attempt) for item in call.items] == [("vend#v-1", "a")]


def test_every_kind_is_tried() -> None:
    drawn = {Plan(1, 1.0).fault("PutItem", number) for number in range(1, 100)}
    assert drawn == set(KINDS)


def test_the_same_seed_gives_the_same_faults() -> None:
    def drawn(seed: int) -> list[str]:
        return [Plan(seed, 0.3).fault("PutItem", number) for number in range(1, 50)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_plan_is_for_its_operations_only(tmp_path: Path) -> None:
    plan = Plan(1, 1.0, ("error",), ("AssumeRole",))
    assert asked(tmp_path, "PutItem", json.dumps(PUT).encode(), plan=plan)[2] == 200
    assert asked(tmp_path, "", ASSUME)[2] == 500
    own = ASSUME.replace(b"v-01", b"job-1")
    assert asked(tmp_path, "", own)[2] == 200


def test_without_a_plan_nothing_is_done_or_noted(tmp_path: Path) -> None:
    assert asked(tmp_path, "PutItem", json.dumps(PUT).encode())[2] == 200
    assert read_journal(tmp_path / JOURNAL) == []


def test_the_journal_leads_from_the_vend_to_its_token_and_holds_none(tmp_path: Path) -> None:
    works = Plan(1, 0.0)
    session = b"<AccessKeyId>ASIAVENDED</AccessKeyId>"
    asked(tmp_path, "", ASSUME, answer=session, plan=works)
    asked(tmp_path, "GetAuthorizationToken", b"{}", answer=json.dumps(GIVEN).encode())
    digest = hashlib.sha256(PASSWORD.encode()).digest()
    message = json.dumps({"Message": base64.b64encode(digest).decode()}).encode()
    asked(tmp_path, "GenerateMac", message)
    asked(tmp_path, "GetItem", b'{"TableName": "ledger"}')
    assumed, given, mac, read = read_journal(tmp_path / JOURNAL)
    assert (assumed.vend_id, assumed.minted_key) == ("v-01", "ASIAVENDED")
    assert given.digest == mac.digest == digest.hex()
    assert (read.operation, read.table) == ("GetItem", "ledger")
    assert PASSWORD not in (tmp_path / JOURNAL).read_text()


def test_events_are_numbered_in_their_order(tmp_path: Path) -> None:
    asked(tmp_path, "PutItem", json.dumps(PUT).encode(), plan=Plan(1, 0.0))
    (call,) = read_journal(tmp_path / JOURNAL)
    assert isinstance(call, Call)
    assert 0 < call.began < call.ended


@pytest.mark.parametrize("breaks", [False, True])
def test_a_request_is_under_way_until_the_emulator_has_done_with_it(
    tmp_path: Path, breaks: bool
) -> None:
    counted = []

    async def emulator(scope: Any, receive: Any, send: Any) -> None:
        counted.append((tmp_path / UNDER_WAY).read_text())
        if breaks:
            raise ConnectionError

    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None: ...

    Plan(1, 0).write(tmp_path / PLAN)
    scope = {"type": "http", "path": "/restapis/a/v1/_user_request_/v1/tokens", "headers": []}
    request = Faults(emulator, tmp_path)(scope, gone, send)
    with suppress(ConnectionError):
        asyncio.run(request)
    assert counted == ["1"]
    assert (tmp_path / UNDER_WAY).read_text() == "0"

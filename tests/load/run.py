"""One load: a crowd, a plan of what goes wrong, and the books afterwards."""

from __future__ import annotations

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from local.faults import JOURNAL, PLAN, UNDER_WAY
from local.journal import read_journal
from tests.load.books import Books, key_of
from tests.load.callers import KINDS, PATIENCE, Crowd
from tests.people import unsealed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.faults import Plan
    from tests.e2e.running import Stack
    from tests.load.books import Item


STARTED_WITH = (
    "--faults",
    # The API's own throttle would keep the load from the function.
    "--parameter=ThrottleRate=10000",
    "--parameter=ThrottleBurst=5000",
)
"""How a stack that is to be loaded is started."""


def loaded(
    stack: Stack,
    plan: Plan,
    *,
    callers: int,
    seconds: float,
    kinds: Mapping[str, int] = KINDS,
    crowded: Callable[[Crowd], None] = lambda _: None,
) -> Books:
    """Load a stack and return its books.

    Args:
        stack: Started with `STARTED_WITH`.
        plan: What goes wrong.
        callers: How many ask at once.
        seconds: How long they go on asking. Those who wait then still get their answers.
        kinds: What they ask.
        crowded: Is given the crowd before it starts.
    """
    state = Path(stack.about["state"])
    table = stack.about["outputs"]["LedgerTableName"]
    before = frozenset(key_of(item) for item in items_of(stack, table))
    (state / JOURNAL).unlink(missing_ok=True)
    crowd = Crowd(stack, plan.seed)
    try:
        # The environments start first, on an AWS that works: here they all share two processors.
        replace(plan, share=0).write(state / PLAN)
        Crowd(stack, plan.seed).run(plan.environments, 1, {"whoami": 1})
        crowded(crowd)
        plan.write(state / PLAN)
        crowd.run(callers, seconds, kinds)
        settle(state / UNDER_WAY)
    finally:
        (state / PLAN).unlink(missing_ok=True)
    ledger, keys = items_of(stack, table), stack.person_keys()
    return Books(
        notes=tuple(crowd.notes),
        calls=tuple(read_journal(state / JOURNAL)),
        ledger=ledger,
        before=before,
        macs=macs(stack, {note.digest for note in crowd.notes if note.digest}),
        table=table,
        callers={
            item["vend_id"]["S"]: str(unsealed(item, keys)["caller"]["arn"])
            for item in ledger
            if item["sk"]["S"] == "1#intent"
        },
    )


def settle(under_way: Path) -> None:
    """Wait until the functions have done with the requests of callers that hung up, too.

    Args:
        under_way: The file with their number.
    """
    deadline = time.monotonic() + PATIENCE
    while under_way.read_text() != "0":
        assert time.monotonic() < deadline, f"{under_way.read_text()} requests never ended"
        time.sleep(0.05)


def items_of(stack: Stack, table: str) -> list[Item]:
    """Return every item of a table."""
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return [item for page in pages for item in page["Items"]]


def macs(stack: Stack, digests: set[str]) -> dict[str, str]:
    """Return each digest's MAC, asked of KMS itself with the ledger's key."""
    kms, key = stack.client("kms"), stack.physical("TokenKey")

    def one(digest: str) -> tuple[str, str]:
        mac = kms.generate_mac(
            KeyId=key, MacAlgorithm="HMAC_SHA_256", Message=bytes.fromhex(digest)
        )["Mac"]
        return digest, (mac if isinstance(mac, bytes) else base64.b64decode(mac)).hex()

    with ThreadPoolExecutor(4) as pool:
        return dict(pool.map(one, sorted(digests)))

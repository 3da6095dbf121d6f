"""Revocations and blocks in DynamoDB.

One table holds, under `pk` and `sk`:

- `revocations`, `ID`: each revocation;
- `vend#ID`, `caller#KEY#LETTER` or `before#LETTER`, `block`: the copies of its block;
- `standing`, `HOST`: what a registry is known to deny;
- `lease`, `lease`: who writes the denies.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from vending.aws_clients import failure_of
from vending.blocks import BEFORE, BLOCK
from vending.ledger import CONFLICTS, attributes_of
from vending.ports import BlocksUnavailable
from vending.revocation_items import (
    ALL,
    STANDING,
    item_of,
    item_of_standing,
    milliseconds,
    revocation_of,
    standing_of,
)
from vending.revocations import Kind, Revocation, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from types_boto3_dynamodb import DynamoDBClient

    from vending.revocations import Standing

LEASE = "lease"
SETTLINGS = 3
"""How often a block is settled again that another call changes at the same time."""


class DynamoRegister:
    """The table of revocations.

    It needs `dynamodb:GetItem`, `Query`, `PutItem` and `DeleteItem` on it.
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        *,
        table: str,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._sleep = sleep

    def put(self, new: Revocation) -> Revocation:
        """Keep a revocation, and return the one that stands: this, or one of the same target.

        A lifted block is replaced, and an earlier moment by a later one.

        Raises:
            BlocksUnavailable: The table does not answer.
        """
        values = {":target": new.target} if new.kind is Kind.BEFORE else None
        free = "target < :target" if values else "attribute_exists(lifted_at)"
        if self._put(item_of(new), f"attribute_not_exists(pk) OR {free}", values):
            return new
        return self.find(new.id) or new

    def find(self, revocation_id: str) -> Revocation | None:
        """Return the revocation of that id, or None.

        Raises:
            BlocksUnavailable: The table does not answer.
        """
        with answered():
            found = self._dynamodb.get_item(
                TableName=self._table, Key=key(ALL, revocation_id), ConsistentRead=True
            )
        return revocation_of(found["Item"]) if "Item" in found else None

    def every(self) -> list[Revocation]:
        """Return all there are.

        Raises:
            BlocksUnavailable: The table does not answer.
        """
        return [revocation_of(item) for item in self._under(ALL)]

    def settle(self, revocation: Revocation) -> Revocation:
        """Let the copies of its block be as they should, and return it as it then stands.

        Another call may change the revocation meanwhile. Each copy names its turn, so that what is
        taken back or lifted is never another one's; and a change is seen when it is kept that the
        copies are as they should.

        Raises:
            BlocksUnavailable: The table does not answer, or others go on changing it.
        """
        for _ in range(SETTLINGS):
            if revocation.settled:
                return revocation
            if revocation.lifted_at:
                self._clear(revocation)
                settled = replace(revocation, cleared_at=self._clock())
                unchanged = "turn = :turn"
            else:
                self._block(revocation)
                settled = replace(revocation, blocked_at=self._clock())
                unchanged = "turn = :turn AND attribute_not_exists(lifted_at)"
            if self._put(item_of(settled), unchanged, {":turn": revocation.turn}):
                return settled
            self._clear(revocation)
            found = self.find(revocation.id)
            if found is None:
                break
            revocation = found
        raise BlocksUnavailable("changed by others")

    def lift(self, lifted: Revocation) -> bool:
        """Keep that a block is lifted, unless it is another one by now; say whether it was kept.

        Raises:
            BlocksUnavailable: The table does not answer.
        """
        unchanged = "turn = :turn AND attribute_not_exists(lifted_at)"
        return self._put(item_of(lifted), unchanged, {":turn": lifted.turn})

    def forget(self, revocation: Revocation) -> None:
        """Drop a revocation that is over, and its block.

        Raises:
            BlocksUnavailable: The table does not answer.
        """
        self._clear(revocation)
        self._delete(ALL, revocation.id, revocation.turn)

    def lease(self, holder: str, *, now: datetime, until: datetime) -> bool:
        """Take the denies for oneself, unless another holder has them; say whether.

        Raises:
            BlocksUnavailable: The table does not answer.
        """
        item = {"pk": LEASE, "sk": LEASE, "turn": holder, "until": milliseconds(until)}
        free = "attribute_not_exists(pk) OR #until < :now"
        return self._put(item, free, {":now": milliseconds(now)}, names={"#until": "until"})

    def release(self, holder: str) -> None:
        """Give them back.

        Raises:
            BlocksUnavailable: The table does not answer.
        """
        self._delete(LEASE, LEASE, holder)

    def standings(self) -> dict[str, Standing]:
        """Return what each registry, by host, is known to deny.

        Raises:
            BlocksUnavailable: The table does not answer.
        """
        return {item["sk"]["S"]: standing_of(item) for item in self._under(STANDING)}

    def keep(self, registry: str, standing: Standing) -> None:
        """Keep what a registry is known to deny.

        Raises:
            BlocksUnavailable: The table does not answer.
        """
        self._put(item_of_standing(registry, standing), None)

    def _block(self, revocation: Revocation) -> None:
        values, condition = None, None
        block: dict[str, Any] = {"sk": BLOCK, "revocation": revocation.id, "turn": revocation.turn}
        if revocation.kind is Kind.BEFORE:
            block[BEFORE] = milliseconds(moment(revocation.target))
            # A later moment that another call writes at this time must stay.
            condition = f"attribute_not_exists(pk) OR {BEFORE} < :before OR turn = :turn"
            values = {":before": block[BEFORE], ":turn": revocation.turn}
        for pk in revocation.keys:
            self._put({"pk": pk, **block}, condition, values)

    def _clear(self, revocation: Revocation) -> None:
        for pk in revocation.keys:
            self._delete(pk, BLOCK, revocation.turn)

    def _under(self, pk: str) -> Iterator[dict[str, Any]]:
        more: dict[str, Any] = {}
        while True:
            with answered():
                page = self._dynamodb.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues={":pk": {"S": pk}},
                    ConsistentRead=True,
                    **more,
                )
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _put(
        self,
        item: dict[str, Any],
        condition: str | None,
        values: dict[str, Any] | None = None,
        *,
        names: dict[str, str] | None = None,
    ) -> bool:
        """Put an item on a condition; say whether it held."""
        request: dict[str, Any] = {"TableName": self._table, "Item": attributes_of(item)}
        request |= conditional(condition, values, names)
        return self._held(lambda: self._dynamodb.put_item(**request))

    def _delete(self, pk: str, sk: str, turn: str) -> None:
        """Delete an item, unless it is another turn's or not there."""
        request: dict[str, Any] = {"TableName": self._table, "Key": key(pk, sk)}
        request |= conditional("turn = :turn", {":turn": turn}, None)
        self._held(lambda: self._dynamodb.delete_item(**request))

    def _held(self, write: Callable[[], object]) -> bool:
        with answered():
            for pause in (*CONFLICTS, None):
                try:
                    write()
                except ClientError as error:
                    code = error.response["Error"]["Code"]
                    if code == "ConditionalCheckFailedException":
                        return False
                    # A vend checks this very copy at this moment.
                    if pause is None or code != "TransactionConflictException":
                        raise
                    self._sleep(pause)
                else:
                    return True
        return False


def key(pk: str, sk: str) -> dict[str, Any]:
    """Return a key in DynamoDB's wire form."""
    return attributes_of({"pk": pk, "sk": sk})


def conditional(
    condition: str | None, values: dict[str, Any] | None, names: dict[str, str] | None
) -> dict[str, Any]:
    """Return the parameters of a condition."""
    found: dict[str, Any] = {}
    if condition:
        found["ConditionExpression"] = condition
    if values:
        found["ExpressionAttributeValues"] = attributes_of(values)
    if names:
        found["ExpressionAttributeNames"] = names
    return found


@contextmanager
def answered() -> Iterator[None]:
    """Turn whatever kept the table from answering into one error."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise BlocksUnavailable(failure_of(error)) from error

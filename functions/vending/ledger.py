"""The ledger in DynamoDB: written once, acknowledged before anything goes on."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from vending import blocks
from vending.aws_clients import cancellations, failure_of
from vending.deadlines import CHECKED
from vending.ports import Blocked, LedgerUnavailable
from vending.records import (
    Item,
    document_items,
    flood_item,
    intent_item,
    outcome_items,
    served_item,
    timestamp,
)
from vending.sealing import person_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import (
        ConditionCheckTypeDef,
        PutTypeDef,
        TransactWriteItemTypeDef,
    )
    from types_boto3_kms import KMSClient

    from vending.budgets import Flood
    from vending.errors import Code, Refusal
    from vending.ports import Intent, PersonKeys
    from vending.token import Token

MOST_IN_ONE = 100
"""Items that one TransactWriteItems takes."""

CONFLICTS = (0.025, 0.05, 0.1)
"""Seconds to wait before a transaction is tried again that met another one at the same item, as
long as `CHECKED` has time for it."""

ONCE = "attribute_not_exists(pk) OR attempt = :attempt"
"""A record is written once. A retry after a lost answer finds its own record and is no error."""


class DynamoLedger:
    """The ledger's table, and the key that makes tokens traceable.

    It needs `dynamodb:PutItem` on the table, `dynamodb:ConditionCheckItem` on the blocks' and
    `kms:GenerateMac` on the key, and no more; `keys` are people's, for what is sealed.
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        kms: KMSClient,
        keys: PersonKeys,
        *,
        table: str,
        block_table: str,
        token_key: str,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._kms = kms
        self._keys = keys
        self._table = table
        self._block_table = block_table
        self._token_key = token_key
        self._clock = clock
        self._sleep = sleep
        self._recorded_policy = ""

    def intend(self, intent: Intent) -> None:
        """Record an intent, and once an hour that its policy serves.

        Raises:
            LedgerUnavailable: No acknowledgement.
        """
        with acknowledged():
            self._record_policy(intent)
            item = intent_item(intent, self._keys.of(person_of(intent.caller)))
            self._dynamodb.put_item(**self._put(item, intent.attempt))

    def issue(self, intent: Intent, token: Token, *, seconds: Mapping[str, float]) -> None:
        """Record that the token goes out, with its HMAC: whoever finds it can find its vend.

        The same transaction looks for blocks, so that whoever blocks a caller knows that no token
        of it is issued from then on.

        Raises:
            Blocked: There is one.
            LedgerUnavailable: No acknowledgement.
        """
        with acknowledged():
            mac = self._kms.generate_mac(
                KeyId=self._token_key, MacAlgorithm="HMAC_SHA_256", Message=token.digest()
            )
            self._end(
                intent,
                "issued",
                {
                    "token_mac": mac["Mac"].hex(),
                    "hmac_key_id": mac["KeyId"],
                    "seconds": {phase: f"{length:.3f}" for phase, length in seconds.items()},
                },
                checks=self._checks(intent),
            )

    def refuse(self, intent: Intent, refusal: Refusal) -> None:
        """Record that nothing goes out.

        Raises:
            LedgerUnavailable: No acknowledgement.
        """
        with acknowledged():
            self._end(intent, "refused", {"code": refusal.code})

    def fail(self, intent: Intent, reason: str, *, code: Code) -> None:
        """Record that nothing was minted.

        Raises:
            LedgerUnavailable: No acknowledgement.
        """
        with acknowledged():
            self._end(intent, "failed", {"code": code, "reason": reason[:256]})

    def flood(self, flood: Flood) -> None:
        """Record that a budget is overdrawn.

        Raises:
            LedgerUnavailable: No acknowledgement.
        """
        with acknowledged():
            # One that is there says the same: a counter began anew within the hour.
            self._put_unless_there(flood_item(flood, self._keys.of(person_of(flood.caller))))

    def _end(
        self,
        intent: Intent,
        outcome: str,
        attributes: Mapping[str, Any],
        *,
        checks: Sequence[TransactWriteItemTypeDef] = (),
    ) -> None:
        ended = {"ended_at": timestamp(self._clock()), **attributes}
        items: list[TransactWriteItemTypeDef] = [
            {"Put": self._put(item, intent.attempt)}
            for item in outcome_items(intent, outcome, ended)
        ]
        items[-1:-1] = checks
        # The outcome is in the last batch, and what is checked beside it: when it is there, all its
        # pointers are.
        first = len(items) % MOST_IN_ONE
        for start in range(first - MOST_IN_ONE if first else 0, len(items), MOST_IN_ONE):
            self._transact(items[max(start, 0) : start + MOST_IN_ONE])

    def _transact(self, items: Sequence[TransactWriteItemTypeDef]) -> None:
        until = self._clock() + timedelta(seconds=CHECKED.again)
        for pause in (*CONFLICTS, None):
            try:
                self._dynamodb.transact_write_items(TransactItems=items)
            except ClientError as error:
                reasons = cancellations(error)
                if any(
                    reason == "ConditionalCheckFailed" and "ConditionCheck" in item
                    for reason, item in zip(reasons, items, strict=False)
                ):
                    raise Blocked from None
                if pause is None or "TransactionConflict" not in reasons:
                    raise
                if self._clock() + timedelta(seconds=pause) > until:
                    raise
                self._sleep(pause)
            else:
                return

    def _checks(self, intent: Intent) -> list[TransactWriteItemTypeDef]:
        """Return the checks that no block stands: of this vend, of its caller, of everything."""

        def no_block(key: str) -> ConditionCheckTypeDef:
            return {
                "TableName": self._block_table,
                "Key": {"pk": {"S": key}, "sk": {"S": blocks.BLOCK}},
                "ConditionExpression": "attribute_not_exists(pk)",
            }

        asked = str(int(intent.asked_at.timestamp() * 1000))
        not_before = no_block(blocks.of_everything(intent.vend_id))
        not_before["ConditionExpression"] += f" OR {blocks.BEFORE} <= :asked"
        not_before["ExpressionAttributeValues"] = {":asked": {"N": asked}}
        return [
            {"ConditionCheck": no_block(blocks.of_vend(intent.vend_id))},
            {"ConditionCheck": no_block(blocks.of_caller(intent.caller.key, intent.vend_id))},
            {"ConditionCheck": not_before},
        ]

    def _record_policy(self, intent: Intent) -> None:
        served = served_item(intent.policy, intent.asked_at)
        if served["sk"] == self._recorded_policy:
            return
        # Only now: packing the text takes longer than the rest of a record.
        for item in (*document_items(intent.policy, intent.asked_at), served):
            # Another instance may be first. The key is the text's digest, so it is the same text.
            self._put_unless_there(item)
        self._recorded_policy = served["sk"]

    def _put_unless_there(self, item: Item) -> None:
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=attributes_of(item),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def _put(self, item: Item, attempt: str) -> PutTypeDef:
        return {
            "TableName": self._table,
            "Item": attributes_of(item),
            "ConditionExpression": ONCE,
            "ExpressionAttributeValues": {":attempt": {"S": attempt}},
        }


@contextmanager
def acknowledged() -> Iterator[None]:
    """Turn whatever kept a write from being acknowledged into one error."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise LedgerUnavailable(failure_of(error)) from error


def attributes_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item in DynamoDB's wire form; attributes that are None or empty are left out."""
    return {name: attribute(value) for name, value in item.items() if value not in (None, "")}


def attribute(value: Any) -> dict[str, Any]:
    """Return one value in DynamoDB's wire form.

    boto3's serialiser does the same and costs the function's start a tenth of its time.

    Raises:
        TypeError: A value of a type that records do not use.
    """
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case list():
            return {"L": [attribute(member) for member in value]}
        case dict():
            return {"M": attributes_of(value)}
    raise TypeError(f"records hold no {type(value).__name__}")

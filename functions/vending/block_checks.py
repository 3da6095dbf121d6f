"""A look at the blocks before a vend begins; the one that counts is in the ledger's last write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from vending import blocks
from vending.aws_clients import failure_of
from vending.ports import BlocksUnavailable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class DynamoBlocks:
    """The blocks' table, of which a vend reads one item. It needs `dynamodb:GetItem` on it."""

    def __init__(self, dynamodb: DynamoDBClient, *, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def holds(self, caller_key: str, vend_id: str) -> bool:
        """Return whether the caller is blocked.

        Raises:
            BlocksUnavailable: The table did not say.
        """
        try:
            found = self._dynamodb.get_item(
                TableName=self._table,
                Key={
                    "pk": {"S": blocks.of_caller(caller_key, vend_id)},
                    "sk": {"S": blocks.BLOCK},
                },
                ConsistentRead=True,
            )
        except (BotoCoreError, ClientError) as error:
            raise BlocksUnavailable(failure_of(error)) from error
        return "Item" in found

"""People's keys in DynamoDB: one item for each, under the name and the caller's key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vending.records import timestamp
from vending.sealing import PersonKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from types_boto3_dynamodb import DynamoDBClient

    from vending.sealing import Person

KEPT = "SET key_id = if_not_exists(key_id, :id), secret = if_not_exists(secret, :secret), \
since = if_not_exists(since, :now)"
"""What is there stays: a key that was lost could open nothing that it had sealed."""


class DynamoPersonKeys:
    """The table of keys, as who seals uses it. It needs `dynamodb:UpdateItem` on it."""

    def __init__(
        self, dynamodb: DynamoDBClient, *, table: str, clock: Callable[[], datetime]
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def of(self, person: Person) -> PersonKey:
        """Return a person's key, a new one where there is none.

        Raises:
            BotoCoreError: The table does not answer.
            ClientError: It refuses.
        """
        new = PersonKey.new()
        kept = self._dynamodb.update_item(
            TableName=self._table,
            Key={"name": {"S": person.name}, "caller_key": {"S": person.caller_key}},
            UpdateExpression=KEPT,
            ExpressionAttributeValues={
                ":id": {"S": new.id},
                ":secret": {"B": new.secret},
                ":now": {"S": timestamp(self._clock())},
            },
            ReturnValues="ALL_NEW",
        )["Attributes"]
        return PersonKey(kept["key_id"]["S"], kept["secret"]["B"])

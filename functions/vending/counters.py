"""Counters in DynamoDB: one item for each counter and hour, which expires by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from vending.aws_clients import THROTTLES
from vending.budgets import CountersThrottled, CountersUnavailable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from vending.budgets import Hour

KEPT = timedelta(hours=1)
"""How long a counter stays after its hour, for whoever looks at it."""


class DynamoCounters:
    """The budgets' table. It needs `dynamodb:UpdateItem` on it, and no more."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def add(self, counter: str, hour: Hour) -> int:
        """Count one more in an hour, and return how many there are.

        Raises:
            CountersUnavailable: It may or may not have been counted.
            CountersThrottled: It was not.
        """
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={"pk": {"S": counter}, "sk": {"S": hour.name}},
                UpdateExpression="ADD spent :one SET expires_at = :expires",
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":expires": {"N": str(int((hour.end + KEPT).timestamp()))},
                },
                ReturnValues="UPDATED_NEW",
            )
            return int(answer["Attributes"]["spent"]["N"])
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in THROTTLES:
                raise CountersThrottled(code) from None
            raise CountersUnavailable(code) from None
        except BotoCoreError as error:
            raise CountersUnavailable(type(error).__name__) from None

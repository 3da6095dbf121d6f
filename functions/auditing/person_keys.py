"""People's keys as auditors need them, in DynamoDB: by their ids, and by a caller's key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditing.answered import answered
from auditing.record import Known
from vending.sealing import MARK, Person, PersonKey, person_in, pseudonym

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_dynamodb import DynamoDBClient

BY_ID = "by-id"
"""The index."""


class DynamoKnownPeople:
    """The table of keys, read. It needs `dynamodb:GetItem` on it, `dynamodb:Query` on its index."""

    def __init__(self, dynamodb: DynamoDBClient, *, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def known(self, ids: Iterable[str]) -> dict[str, Known]:
        """Return the keys of these ids that there are.

        Raises:
            RecordsUnavailable: The table does not answer.
        """
        found = {}
        with answered():
            for key_id in sorted(set(ids)):
                items = self._dynamodb.query(
                    TableName=self._table,
                    IndexName=BY_ID,
                    KeyConditionExpression="key_id = :id",
                    ExpressionAttributeValues={":id": {"S": key_id}},
                )["Items"]
                for item in items:
                    person = Person(item["name"]["S"], item["caller_key"]["S"])
                    found[key_id] = Known(PersonKey(key_id, item["secret"]["B"]), person)
        return found

    def as_recorded(self, caller_key: str) -> str:
        """Return how records write a caller's key: with a pseudonym where it names a person.

        Raises:
            RecordsUnavailable: The table does not answer.
        """
        person = person_in(caller_key)
        if person is None or person.name.startswith(MARK):
            return caller_key
        with answered():
            item = self._dynamodb.get_item(
                TableName=self._table,
                Key={"name": {"S": person.name}, "caller_key": {"S": caller_key}},
                ConsistentRead=True,
            ).get("Item")
        # Nobody has records under a key that there is not.
        key = PersonKey(item["key_id"]["S"], item["secret"]["B"]) if item else PersonKey("", b"")
        return pseudonym(caller_key, key)

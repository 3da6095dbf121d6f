"""The table of people's keys in memory, as DynamoDB keeps it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from auditing.person_keys import DynamoKnownPeople
from tests.fakes import NOW
from vending.caller import Caller
from vending.person_keys import DynamoPersonKeys
from vending.sealing import PersonKey, person_of

PEOPLE = "people"
Item = dict[str, Any]


@dataclass
class FakePeople:
    """The table.

    Attributes:
        items: By name and caller key, in wire form.
        down: What every call fails with, or None.
    """

    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    down: Exception | None = None

    def update_item(self, **asked: Any) -> Item:
        self._answer(asked)
        assert asked["ReturnValues"] == "ALL_NEW"
        item = self.items.setdefault(where(asked["Key"]), dict(asked["Key"]))
        sets = asked["UpdateExpression"].removeprefix("SET ")
        for name, kept, value in re.findall(r"(\w+) = if_not_exists\((\w+), (:\w+)\)", sets):
            assert name == kept
            item.setdefault(name, asked["ExpressionAttributeValues"][value])
        return {"Attributes": dict(item)}

    def query(self, **asked: Any) -> Item:
        self._answer(asked)
        assert (asked["IndexName"], asked["KeyConditionExpression"]) == ("by-id", "key_id = :id")
        wanted = asked["ExpressionAttributeValues"][":id"]
        return {"Items": [one for one in self.items.values() if one["key_id"] == wanted]}

    def get_item(self, **asked: Any) -> Item:
        self._answer(asked)
        found = self.items.get(where(asked["Key"]))
        return {"Item": found} if found else {}

    def keys(self) -> DynamoPersonKeys:
        """Return the table as who seals uses it."""
        table: Any = self
        return DynamoPersonKeys(table, table=PEOPLE, clock=lambda: NOW)

    def known(self) -> DynamoKnownPeople:
        """Return the table as auditors read it."""
        table: Any = self
        return DynamoKnownPeople(table, table=PEOPLE)

    def key_of(self, caller: Caller) -> PersonKey:
        """Return a caller's key."""
        return self.keys().of(person_of(caller))

    def erase(self, name: str) -> None:
        """Destroy a person's keys."""
        for key in [key for key in self.items if key[0] == name]:
            del self.items[key]

    def _answer(self, asked: Item) -> None:
        assert asked["TableName"] == PEOPLE
        if self.down:
            raise self.down


def where(key: Item) -> tuple[str, str]:
    return key["name"]["S"], key["caller_key"]["S"]

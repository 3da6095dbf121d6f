"""A DynamoDB table in memory, with the conditions that the register of revocations writes."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

PAGE = 3
"""Items of a query's page."""

Item = dict[str, Any]
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
}


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Write")


@dataclass
class FakeDynamo:
    """One table.

    Attributes:
        items: By pk and sk, in wire form.
        down: What every call fails with, or None.
        conflicts: How many of the next writes meet a transaction.
        meanwhile: Calls that are made before the next writes, one before each.
    """

    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    down: Exception | None = None
    conflicts: int = 0
    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def get_item(self, **asked: Any) -> dict[str, Any]:
        self._answer()
        assert asked["ConsistentRead"]
        found = self.items.get(where(asked["Key"]))
        return {"Item": found} if found else {}

    def query(self, **asked: Any) -> dict[str, Any]:
        self._answer()
        assert asked["ConsistentRead"]
        assert asked["KeyConditionExpression"] == "pk = :pk"
        pk = asked["ExpressionAttributeValues"][":pk"]["S"]
        after = where(asked["ExclusiveStartKey"])[1] if "ExclusiveStartKey" in asked else ""
        keys = sorted(key for key in self.items if key[0] == pk and key[1] > after)
        page: dict[str, Any] = {"Items": [self.items[key] for key in keys[:PAGE]]}
        if len(keys) > PAGE:
            page["LastEvaluatedKey"] = {"pk": {"S": pk}, "sk": {"S": keys[PAGE - 1][1]}}
        return page

    def put_item(self, **asked: Any) -> None:
        self._write(where(asked["Item"]), asked)
        self.items[where(asked["Item"])] = asked["Item"]

    def delete_item(self, **asked: Any) -> None:
        self._write(where(asked["Key"]), asked)
        self.items.pop(where(asked["Key"]), None)

    def under(self, prefix: str) -> list[str]:
        """Return the keys that begin so."""
        return sorted(pk for pk, _ in self.items if pk.startswith(prefix))

    def _answer(self) -> None:
        if self.down:
            raise self.down

    def _write(self, key: tuple[str, str], asked: dict[str, Any]) -> None:
        self._answer()
        if self.meanwhile:
            self.meanwhile.pop(0)()
        if self.conflicts:
            self.conflicts -= 1
            raise refused("TransactionConflictException")
        condition = str(asked.get("ConditionExpression", ""))
        for name, stands_for in asked.get("ExpressionAttributeNames", {}).items():
            condition = condition.replace(name, stands_for)
        values = asked.get("ExpressionAttributeValues", {})
        if condition and not holds(condition, self.items.get(key, {}), values):
            raise refused("ConditionalCheckFailedException")


def where(key: Item) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]


def holds(condition: str, item: Item, values: Item) -> bool:
    """Say whether an alternative of terms holds of an item, empty where there is none."""
    return any(
        all(term_holds(term, item, values) for term in alternative.split(" AND "))
        for alternative in condition.split(" OR ")
    )


def term_holds(term: str, item: Item, values: Item) -> bool:
    if found := re.fullmatch(r"attribute_(not_)?exists\((\w+)\)", term):
        return (found[2] in item) != bool(found[1])
    name, compared, value = term.split(" ")
    if name not in item:
        return False
    return COMPARED[compared](plain(item[name]), plain(values[value]))


def plain(value: Item) -> Any:
    ((kind, held),) = value.items()
    return Decimal(held) if kind == "N" else held

"""How DynamoDB counts: an item's size, and the units that its writes take.

Source: the DynamoDB developer guide, "Item sizes and formats", "Read and write operations" and
"Transactions: capacity management".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.template.stack import Stack

UNIT = 1024
"""Bytes of an item that one write unit takes."""

OVERHEAD = 100
"""Bytes that DynamoDB charges for each item besides its own, in a table and in an index."""

Item = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Write:
    """One item written to a table or to one of its indexes.

    Attributes:
        place: The table, or `table/index`.
        partition: The value of its partition key.
        units: Write units it takes.
        kept: Bytes that stay, DynamoDB's overhead included; 0 where nothing new is kept.
    """

    place: str
    partition: str
    units: int
    kept: int


@dataclass(frozen=True)
class Tables:
    """The tables' keys and indexes, as the template declares them."""

    properties: Mapping[str, Any]

    @classmethod
    def of(cls, stack: Stack) -> Tables:
        """Return those of a stack, by the name that Ref gives."""
        found = stack.resources("AWS::DynamoDB::Table")
        return cls({str(stack.ref(logical)): one["Properties"] for logical, one in found.items()})

    def written(self, table: str, item: Item, *, transaction: bool) -> Iterator[Write]:
        """Yield the writes that putting one item makes: the table's, and each index's it is in."""
        declared = self.properties[table]
        size = size_of(item)
        (partition,) = keys_of(declared)[:1]
        twice = 2 if transaction else 1
        yield Write(table, text_of(item[partition]), twice * units(size), size + OVERHEAD)
        # An index follows after the transaction, by an ordinary write.
        for index in declared.get("GlobalSecondaryIndexes", []):
            keys = keys_of(index)
            if all(key in item for key in keys):
                if index["Projection"]["ProjectionType"] != "ALL":
                    raise NotImplementedError(f"{table}/{index['IndexName']} projects a part")
                place = f"{table}/{index['IndexName']}"
                yield Write(place, text_of(item[keys[0]]), units(size), size + OVERHEAD)


def keys_of(declared: Mapping[str, Any]) -> list[str]:
    """Return the names of a table's or an index's key attributes, the partition key first."""
    by_kind = {one["KeyType"]: one["AttributeName"] for one in declared["KeySchema"]}
    return [by_kind[kind] for kind in ("HASH", "RANGE") if kind in by_kind]


def text_of(value: Mapping[str, Any]) -> str:
    """Return a key's value."""
    return str(next(iter(value.values())))


def units(size: int) -> int:
    """Return the write units of an item of `size` bytes."""
    return max(1, math.ceil(size / UNIT))


def size_of(item: Item) -> int:
    """Return an item's bytes: each attribute's name and value."""
    return sum(len(name.encode()) + size_of_value(value) for name, value in item.items())


def size_of_value(value: Mapping[str, Any]) -> int:
    """Return one value's bytes; a number's are about half its digits."""
    ((kind, held),) = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            return math.ceil(len(held.strip("-0.") or "0") / 2) + 1
        case "B":
            return len(held) * 3 // 4
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + size_of_value(one) for one in held)
        case "M":
            return 3 + sum(1 + len(n.encode()) + size_of_value(v) for n, v in held.items())
        case "SS" | "NS" | "BS":
            return sum(map(len, held))
    raise NotImplementedError(f"the size of a DynamoDB {kind}")


def writes_of(tables: Tables, operation: str, sent: Mapping[str, Any]) -> list[Write]:
    """Return what one DynamoDB operation writes.

    Raises:
        NotImplementedError: It is one whose units are not known here.
    """
    match operation:
        case "PutItem":
            return list(tables.written(sent["TableName"], sent["Item"], transaction=False))
        case "TransactWriteItems":
            return [
                write
                for one in sent["TransactItems"]
                for kind, part in one.items()
                for write in transacted(tables, kind, part)
            ]
        case "UpdateItem" | "DeleteItem":
            return [changed(tables, sent, twice=1)]
        case "GetItem" | "Query" | "BatchGetItem" | "TransactGetItems":
            return []
    raise NotImplementedError(f"the units of a DynamoDB {operation}")


def transacted(tables: Tables, kind: str, part: Mapping[str, Any]) -> list[Write]:
    """Return what one part of a transaction writes; a condition check costs what a write would."""
    if kind == "Put":
        return list(tables.written(part["TableName"], part["Item"], transaction=True))
    return [changed(tables, part, twice=2)]


def changed(tables: Tables, sent: Mapping[str, Any], *, twice: int) -> Write:
    """Return the write of an update, a delete or a condition check: of a small item."""
    table = sent["TableName"]
    size = size_of(sent["Key"]) + size_of(sent.get("ExpressionAttributeValues", {}))
    (partition,) = keys_of(tables.properties[table])[:1]
    return Write(table, text_of(sent["Key"][partition]), twice * units(size), 0)

"""Opens what records have sealed, for tests that look into a stack's ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vending.sealing import PersonKey, opened

if TYPE_CHECKING:
    from collections.abc import Mapping

Item = dict[str, Any]


def keys_in(dynamodb: Any, table: str) -> dict[str, PersonKey]:
    """Return all keys of people by their ids."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    items = [item for page in pages for item in page["Items"]]
    return {
        item["key_id"]["S"]: PersonKey(item["key_id"]["S"], item["secret"]["B"]) for item in items
    }


def unsealed(item: Item, keys: Mapping[str, PersonKey]) -> dict[str, Any]:
    """Return what an item in wire form has sealed; nothing where it has no box."""
    if "sealed" not in item:
        return {}
    name = f"{item['pk']['S']}|{item['sk']['S']}"
    return opened(item["sealed"]["B"], keys[item["sealed_under"]["S"]], record=name)


def session_of(item: Item, keys: Mapping[str, PersonKey]) -> str:
    """Return the name of the session that a record is of, or the empty text."""
    return str(unsealed(item, keys).get("caller", {}).get("session", ""))

"""Revocations, and what registries deny, as items of their table. Pure.

`item_of` and `item_of_standing` return values of Python, which the table's adapter encodes;
`revocation_of` and `standing_of` read DynamoDB's wire form.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from vending.records import SCHEMA, timestamp
from vending.revocations import Kind, Revocation, Standing, moment

ALL, STANDING = "revocations", "standing"
MOMENTS = ("at", "blocked_at", "lifted_at", "cleared_at")


def milliseconds(moment: datetime) -> int:
    """Return milliseconds since 1970, as vend ids count."""
    return int(moment.timestamp() * 1000)


def item_of(revocation: Revocation) -> dict[str, Any]:
    """Return the item of a revocation."""
    found = {one.name: getattr(revocation, one.name) for one in fields(revocation)}
    found |= {name: found[name] and timestamp(found[name].astimezone(UTC)) for name in MOMENTS}
    return {"pk": ALL, "sk": revocation.id, "schema": SCHEMA, **found}


def revocation_of(item: dict[str, Any]) -> Revocation:
    """Return the revocation that an item is."""
    found: dict[str, Any] = {
        one.name: item[one.name]["S"] for one in fields(Revocation) if one.name in item
    }
    found |= {name: moment(found[name]) for name in MOMENTS if name in found}
    return Revocation(**found | {"kind": Kind(found["kind"])})


def item_of_standing(registry: str, standing: Standing) -> dict[str, Any]:
    """Return the item of what a registry, by host, denies."""
    return {
        "pk": STANDING,
        "sk": registry,
        "entries": sorted(standing.entries),
        "document": standing.document,
        "versions": dict(standing.versions),
        "failure": standing.failure,
    }


def standing_of(item: dict[str, Any]) -> Standing:
    """Return what a registry denies, of its item."""
    versions = item.get("versions", {"M": {}})["M"]
    return Standing(
        frozenset(entry["S"] for entry in item["entries"]["L"]),
        item.get("document", {"S": ""})["S"],
        tuple(sorted((arn, version["S"]) for arn, version in versions.items())),
        item.get("failure", {"S": ""})["S"],
    )

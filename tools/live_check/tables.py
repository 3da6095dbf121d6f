"""Checks of the tables' own policies: nobody but the functions writes."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tools.live_check.answers import DENIALS, code_of
from tools.live_check.check import CannotTell, Seen, check, seen

if TYPE_CHECKING:
    from tools.live_check.world import World


@check(
    "table-changes",
    "The ledger's resource policy denies updates and deletes to an administrator",
    rests="docs/auditing.md, What protects them",
)
def the_table_denies_changes(world: World) -> Seen:
    key = {"pk": {"S": f"live-check#{secrets.token_hex(8)}"}, "sk": {"S": "none"}}
    # Where nothing denies it, the condition still keeps it from changing anything.
    never = {"ConditionExpression": "attribute_exists(pk)", "Key": key}
    return denied_by_the_table(world, ledger(world), {"update_item": never, "delete_item": never})


@check(
    "table-puts",
    "The ledger's resource policy denies puts to everyone but the function",
    rests="docs/auditing.md, What protects them",
)
def the_table_denies_puts(world: World) -> Seen:
    item = {"pk": {"S": f"live-check#{secrets.token_hex(8)}"}, "sk": {"S": "none"}}
    never = {"ConditionExpression": "attribute_exists(pk)", "Item": item}
    return denied_by_the_table(world, ledger(world), {"put_item": never})


@check(
    "block-table",
    "The resource policy of the table of blocks denies an administrator every write",
    rests="docs/revoking.md, What it rests on",
)
def the_table_of_blocks_denies_writes(world: World) -> Seen:
    key = {"pk": {"S": f"live-check#{secrets.token_hex(8)}"}, "sk": {"S": "none"}}
    never = {"ConditionExpression": "attribute_exists(pk)"}
    tries = {
        "put_item": {**never, "Item": key},
        "update_item": {**never, "Key": key},
        "delete_item": {**never, "Key": key},
    }
    return denied_by_the_table(world, world.physical("BlockTable"), tries)


def ledger(world: World) -> str:
    """Return the name of the ledger's table."""
    return world.outputs()["LedgerTableName"]


def denied_by_the_table(world: World, table: str, tries: dict[str, dict[str, Any]]) -> Seen:
    """Try writes that can change nothing, and see who stops them."""
    dynamodb = world.client("dynamodb")
    saw = []
    for operation, parameters in tries.items():
        try:
            getattr(dynamodb, operation)(TableName=table, **parameters)
            saw.append(f"{operation}: done")
        except ClientError as error:
            words = error.response["Error"]["Message"]
            by = " by a resource-based policy" if "resource-based policy" in words else ""
            saw.append(f"{operation}: {code_of(error)}{by}")
    if any(word.endswith(tuple(DENIALS)) for word in saw):
        raise CannotTell(f"{'; '.join(saw)}: whoever checks may not write to tables at all")
    holds = all(word.endswith("by a resource-based policy") for word in saw)
    return seen(holds, "tried writes whose condition no item meets", "; ".join(saw))

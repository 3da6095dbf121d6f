"""What must be left of a deleted stack, and what must not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.story import Unexpected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.signer import Signer


def roles_are_gone(administrator: Signer, roles: Sequence[str]) -> None:
    """Look for the vended roles.

    Raises:
        Unexpected: One is there.
    """
    iam = administrator.client("iam")
    for role in roles:
        try:
            iam.get_role(RoleName=role)
        except iam.exceptions.NoSuchEntityException:
            continue
        raise Unexpected("deleted it", f"no role {role}", "the role")


def ledger_is_whole(administrator: Signer, table: str, vends: Sequence[str]) -> tuple[str, str]:
    """Look for the record of every vend's issue, and return the promise and what shows it.

    Raises:
        Unexpected: One is missing.
    """
    promise = "the ledger is kept"
    pages = administrator.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    issued = {
        item["vend_id"]["S"]
        for page in pages
        for item in page["Items"]
        if item.get("outcome", {}).get("S") == "issued"
    }
    if lost := set(vends) - issued:
        raise Unexpected(promise, "every vend", f"no {', '.join(sorted(lost))}")
    return promise, f"{table} has all {len(vends)} vends"


def keys_and_logs_are_there(
    administrator: Signer, keys: Sequence[str], groups: Sequence[str]
) -> tuple[str, str]:
    """Look for the keys, enabled, and the log groups; return the promise and what shows it.

    Raises:
        Unexpected: One is missing, or a key is no longer enabled.
    """
    promise = "the keys and the logs are kept"
    kms, logs = administrator.client("kms"), administrator.client("logs")
    states = [kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] for key in keys]
    pages = logs.get_paginator("describe_log_groups").paginate()
    there = {group["logGroupName"] for page in pages for group in page["logGroups"]}
    if not keys or set(states) != {"Enabled"} or not groups or set(groups) - there:
        raise Unexpected(promise, f"{keys} and {groups}", f"{states} and {sorted(there)}")
    return promise, f"{len(keys)} keys enabled, {len(groups)} log groups"

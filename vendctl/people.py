"""`vendctl people`: whose personal strings the records have sealed, and erasing a person."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from vendctl.stack import items_under, output

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    import boto3

SHOWN = ("caller_key", "since", "key_id")
"""What is read of a key: never the secret."""


def arguments_of_list(parser: ArgumentParser) -> None:
    """Add the arguments of `list`."""
    parser.add_argument("name", help="the session name, or the IAM user's, as it is in the records")
    parser.add_argument("--stack", default="ecr-vend", help="the stack's name (default: ecr-vend)")
    parser.add_argument("--json", action="store_true", help="for scripts")


def arguments_of_erase(parser: ArgumentParser) -> None:
    """Add the arguments of `erase`."""
    arguments_of_list(parser)
    parser.add_argument("--caller-key", help="only the key for this caller, as `list` shows it")
    parser.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal")


def list_keys(asked: Namespace, session: boto3.Session) -> int:
    """Show which keys a person has, and since when: one for each role or user that had the name."""
    found = keys_of(session, asked)
    if asked.json:
        print(json.dumps(found, indent=2))
    elif found:
        print("\n".join(f"{one['caller_key']:<60}  since {one['since']}" for one in found))
    return 0 if found else nobody(asked)


def erase(asked: Namespace, session: boto3.Session) -> int:
    """Destroy a person's keys for ever, so that nobody can read who the person's records are of."""
    found = [
        one for one in keys_of(session, asked) if asked.caller_key in (None, one["caller_key"])
    ]
    if not found:
        return nobody(asked)
    if not asked.yes and not confirmed(asked.name, found):
        print("vendctl: nothing was destroyed", file=sys.stderr)
        return 1
    dynamodb, table = session.client("dynamodb"), output(session, asked.stack, "PersonKeyTableName")
    for one in found:
        key = {"name": {"S": asked.name}, "caller_key": {"S": one["caller_key"]}}
        dynamodb.delete_item(TableName=table, Key=key)
    if asked.json:
        print(json.dumps({"destroyed": found}, indent=2))
    else:
        print("\n".join(f"destroyed the key of {one['caller_key']}" for one in found))
    return 0


def keys_of(session: boto3.Session, asked: Namespace) -> list[dict[str, str]]:
    """Return the keys of a name, without what they open."""
    table = output(session, asked.stack, "PersonKeyTableName")
    items = items_under(
        session.client("dynamodb"), table, "name", asked.name, only=", ".join(SHOWN)
    )
    return [{name: item[name]["S"] for name in SHOWN} for item in items]


def confirmed(name: str, found: list[dict[str, str]]) -> bool:
    """Ask whoever sits at the terminal to write the name once more."""
    if not sys.stdin.isatty():
        print("vendctl: give --yes, since there is no terminal to ask at", file=sys.stderr)
        return False
    for one in found:
        print(f"{one['caller_key']}  since {one['since']}", file=sys.stderr)
    print(f"Destroy {len(found)} for ever? No backup has them. Write {name}: ", file=sys.stderr)
    return input() == name


def nobody(asked: Namespace) -> int:
    """Say that there is no such key."""
    print(f"vendctl: there is no key of {asked.name}: nothing is sealed for it", file=sys.stderr)
    return 1

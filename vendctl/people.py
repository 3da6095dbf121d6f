"""`vendctl people`: whose personal strings the records have sealed, and erasing a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vendctl.command_line import action, subject
from vendctl.stack import add_stack, items_under, output, with_aws

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

    import boto3

    from vendctl.console import Console

SHOWN = ("caller_key", "since", "key_id")
"""What is read of a key: never the secret."""


def add(commands: _SubParsersAction[Any]) -> None:
    """Describe the subject and its actions."""
    actions = subject(commands, "people", "whose personal strings are sealed, and erasing a person")
    listing = action(
        actions, "list", with_aws(list_keys), examples=["vendctl people list ana@example.com"]
    )
    erasing = action(
        actions,
        "erase",
        with_aws(erase),
        examples=[
            "vendctl people erase ana@example.com",
            "vendctl people erase ana@example.com --caller-key KEY --yes --json",
        ],
    )
    for one in (listing, erasing):
        add_name(one)
    erasing.add_argument("--caller-key", help="only the key for this caller, as `list` shows it")
    erasing.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal")


def add_name(parser: ArgumentParser) -> None:
    """Describe whose keys are meant, and how they are shown."""
    parser.add_argument("name", help="the session name, or the IAM user's, as it is in the records")
    add_stack(parser)
    parser.add_argument("--json", action="store_true", help="for scripts")


def list_keys(asked: Namespace, console: Console, session: boto3.Session) -> int:
    """Show which keys a person has, and since when: one for each role or user that had the name."""
    found = keys_of(session, asked)
    if asked.json:
        console.json(found)
    elif found:
        console.line("\n".join(f"{one['caller_key']:<60}  since {one['since']}" for one in found))
    return 0 if found else nobody(asked, console)


def erase(asked: Namespace, console: Console, session: boto3.Session) -> int:
    """Destroy a person's keys for ever, so that nobody can read who the person's records are of."""
    found = [
        one for one in keys_of(session, asked) if asked.caller_key in (None, one["caller_key"])
    ]
    if not found:
        return nobody(asked, console)
    if not asked.yes and not confirmed(asked.name, found, console):
        console.note("vendctl: nothing was destroyed")
        return 1
    dynamodb, table = session.client("dynamodb"), output(session, asked.stack, "PersonKeyTableName")
    for one in found:
        key = {"name": {"S": asked.name}, "caller_key": {"S": one["caller_key"]}}
        dynamodb.delete_item(TableName=table, Key=key)
    if asked.json:
        console.json({"destroyed": found})
    else:
        console.line("\n".join(f"destroyed the key of {one['caller_key']}" for one in found))
    return 0


def keys_of(session: boto3.Session, asked: Namespace) -> list[dict[str, str]]:
    """Return the keys of a name, without what they open."""
    table = output(session, asked.stack, "PersonKeyTableName")
    items = items_under(
        session.client("dynamodb"), table, "name", asked.name, only=", ".join(SHOWN)
    )
    return [{name: item[name]["S"] for name in SHOWN} for item in items]


def confirmed(name: str, found: list[dict[str, str]], console: Console) -> bool:
    """Ask whoever sits at the terminal to write the name once more."""
    if not console.stdin.isatty():
        console.note("vendctl: give --yes, since there is no terminal to ask at")
        return False
    for one in found:
        console.note(f"{one['caller_key']}  since {one['since']}")
    console.note(f"Destroy {len(found)} for ever? No backup has them. Write {name}: ")
    return console.stdin.readline().rstrip("\n") == name


def nobody(asked: Namespace, console: Console) -> int:
    """Say that there is no such key."""
    console.note(f"vendctl: there is no key of {asked.name}: nothing is sealed for it")
    return 1

"""`vendctl records`: the ledger's records under one key, with what is sealed in them."""

from __future__ import annotations

import base64
import json
import sys
from typing import TYPE_CHECKING, Any

from auditing.person_keys import DynamoKnownPeople
from auditing.record import personal_of
from auditing.table import plain
from vendctl.stack import items_under, output

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    import boto3


def arguments_of_show(parser: ArgumentParser) -> None:
    """Add the arguments of `show`."""
    parser.add_argument("key", help="the partition key, such as vend#v-…, revocation#… or flood#…")
    parser.add_argument("--stack", default="ecr-vend", help="the stack's name (default: ecr-vend)")


def show(asked: Namespace, session: boto3.Session) -> int:
    """Print each record under a key as a line of JSON, opened where its key was not destroyed."""
    dynamodb: Any = session.client("dynamodb")
    items = items_under(dynamodb, output(session, asked.stack, "LedgerTableName"), "pk", asked.key)
    people = DynamoKnownPeople(dynamodb, table=output(session, asked.stack, "PersonKeyTableName"))
    for item in items:
        record = {name: plain(value) for name, value in item.items()}
        known = people.known([record["sealed_under"]] if "sealed_under" in record else [])
        opened = {**record, **personal_of(record, known)}
        opened.pop("sealed", None)
        print(json.dumps(opened, ensure_ascii=False, default=text_of))
    if not items:
        print(f"vendctl: there is no record under {asked.key}", file=sys.stderr)
    return 0 if items else 1


def text_of(value: bytes) -> str:
    """Return a binary attribute as text."""
    return base64.b64encode(value).decode()

"""`vendctl records`: the ledger's records under one key, with what is sealed in them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from auditing.auditing import RecordsUnavailable
from auditing.record import personal_of
from vendctl.command_line import Failure, action, subject
from vendctl.stack import add_stack, items_under, output, with_aws
from vending.sealing import Unreadable

if TYPE_CHECKING:
    from argparse import Namespace, _SubParsersAction

    import boto3

    from vendctl.console import Console


def add(commands: _SubParsersAction[Any]) -> None:
    """Describe the subject and its action."""
    actions = subject(commands, "records", "the ledger's records")
    parser = action(
        actions,
        "show",
        with_aws(show),
        examples=["vendctl records show 'vend#v-…' --stack ecr-vend"],
    )
    parser.add_argument("key", help="the partition key, such as vend#v-…, revocation#… or flood#…")
    add_stack(parser)


def show(asked: Namespace, console: Console, session: boto3.Session) -> int:
    """Print each record under a key as a line of JSON, opened where its key was not destroyed."""
    from auditing.person_keys import DynamoKnownPeople  # noqa: PLC0415  botocore, as `with_aws`
    from auditing.table import plain  # noqa: PLC0415

    dynamodb: Any = session.client("dynamodb")
    items = items_under(dynamodb, output(session, asked.stack, "LedgerTableName"), "pk", asked.key)
    people = DynamoKnownPeople(dynamodb, table=output(session, asked.stack, "PersonKeyTableName"))
    for item in items:
        record = {name: plain(value) for name, value in item.items()}
        try:
            known = people.known([record["sealed_under"]] if "sealed_under" in record else [])
            opened = {**record, **personal_of(record, known)}
        except (RecordsUnavailable, Unreadable) as problem:
            raise Failure(str(problem)) from None
        opened.pop("sealed", None)
        console.line(json.dumps(opened, ensure_ascii=False, default=text_of))
    if not items:
        console.note(f"vendctl: there is no record under {asked.key}")
    return 0 if items else 1


def text_of(value: bytes) -> str:
    """Return a binary attribute as text."""
    return base64.b64encode(value).decode()

"""The journal of a stack under load: what AWS saw of the functions' calls, and never a token."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WRITES = ("PutItem", "TransactWriteItems")
OPERATIONS = (
    *WRITES,
    "GetItem",
    "UpdateItem",
    "GenerateMac",
    "AssumeRole",
    "GetAuthorizationToken",
    "StartConfigurationSession",
    "GetLatestConfiguration",
)
"""Every AWS call of a vend."""


@dataclass(frozen=True, slots=True)
class Written:
    """One item that a call put.

    Attributes:
        pk: Partition key.
        sk: Sort key.
        attempt: Which run of the function wrote it; empty for what all of them write.
        content: SHA-256 of the whole item.
    """

    pk: str
    sk: str
    attempt: str
    content: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call of AWS.

    Attributes:
        operation: AWS's name of it.
        fault: What became of it, or empty.
        began: When it reached AWS, as a number: of two events the later has the larger.
        ended: When AWS had done with it, likewise.
        status: HTTP status of AWS's answer, which its caller may not have got; 0 where it was
            kept from AWS.
        access_key: Who signed.
        vend_id: The session that AssumeRole names; else empty.
        minted_key: The access key that AssumeRole gave; else empty.
        digest: SHA-256 of the registry password that a GetAuthorizationToken gave, or that a
            GenerateMac was asked about; else empty.
        table: The table that a DynamoDB call names; else empty.
        items: What a DynamoDB call puts.
    """

    operation: str
    fault: str
    began: int
    ended: int
    status: int
    access_key: str
    vend_id: str = ""
    minted_key: str = ""
    digest: str = ""
    table: str = ""
    items: tuple[Written, ...] = ()

    @property
    def took_effect(self) -> bool:
        """Whether AWS did what was asked."""
        return self.status in (200, 201)

    def line(self) -> str:
        """Return it as a line of the journal."""
        return json.dumps(asdict(self)) + "\n"


def read_journal(file: Path) -> list[Call]:
    """Return the calls in a journal, in the order in which they ended."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = [json.loads(line) for line in lines]
    return [
        Call(**{**call, "items": tuple(Written(**item) for item in call["items"])})
        for call in found
    ]


def operation_of(headers: Mapping[str, str], path: str, body: bytes) -> str:
    """Return AWS's name of what a request asks for; empty where it is none that a vend calls."""
    if target := headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if path == "/configurationsessions":
        return "StartConfigurationSession"
    if path == "/configuration":
        return "GetLatestConfiguration"
    asked = parse_qs(body.decode(errors="replace"))
    # Callers assume their own roles too; a vend's session is named after it.
    if asked.get("Action") == ["AssumeRole"] and asked["RoleSessionName"][0].startswith("v-"):
        return "AssumeRole"
    return ""


def is_worth_noting(operation: str, headers: Mapping[str, str]) -> bool:
    """Return whether a call belongs into the journal: a vend's, or any that touches a table."""
    return operation in OPERATIONS or headers.get("x-amz-target", "").startswith("DynamoDB_")


def details(operation: str, body: bytes, answer: bytes) -> dict[str, Any]:
    """Return what the journal keeps of a request and its answer, by the fields of `Call`.

    Args:
        operation: Its name.
        body: As it was sent.
        answer: AWS's, if there is one.
    """
    match operation:
        case "AssumeRole":
            minted = re.search(rb"<AccessKeyId>(\w+)<", answer)
            name = parse_qs(body.decode())["RoleSessionName"][0]
            return {"vend_id": name, "minted_key": minted[1].decode() if minted else ""}
        case "GetAuthorizationToken":
            found = json.loads(answer or b"{}").get("authorizationData")
            if not found:
                return {}
            password = base64.b64decode(found[0]["authorizationToken"]).partition(b":")[2]
            return {"digest": hashlib.sha256(password).hexdigest()}
        case "GenerateMac":
            return {"digest": base64.b64decode(json.loads(body)["Message"]).hex()}
        case "PutItem":
            put = json.loads(body)
            return {"table": put["TableName"], "items": (written(put["Item"]),)}
        case "TransactWriteItems":
            puts = [one["Put"] for one in json.loads(body)["TransactItems"] if "Put" in one]
            items = tuple(written(put["Item"]) for put in puts)
            return {"table": puts[0]["TableName"] if puts else "", "items": items}
        case "StartConfigurationSession" | "GetLatestConfiguration":
            return {}
    return {"table": str(json.loads(body or b"{}").get("TableName", ""))}


def written(item: Mapping[str, Any]) -> Written:
    """Return what is kept of an item.

    Args:
        item: In DynamoDB's wire form; binary values as bytes or base64.
    """

    def plain(value: bytes) -> str:
        return base64.b64encode(value).decode()

    text = json.dumps(item, sort_keys=True, default=plain)
    attempt = item.get("attempt", {}).get("S", "")
    content = hashlib.sha256(text.encode()).hexdigest()
    return Written(item["pk"]["S"], item["sk"]["S"], attempt, content)

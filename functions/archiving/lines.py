"""Records and events as lines of canonical JSON. Pure. See docs/archive.md, Lines."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WHOLE = re.compile(r"-?[0-9]+")

Record = dict[str, Any]


def canonical(value: object) -> str:
    """Return a value as canonical JSON: one text for one value, in ASCII, on one line."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def parsed(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: It is none, or has a number that is not whole.
    """
    return json.loads(text, parse_float=no_number, parse_constant=no_number)


def no_number(text: str) -> None:
    """Refuse what is not whole: it has more than one text.

    Raises:
        ValueError: Always.
    """
    raise ValueError(f"{text} is no whole number")


def plain(attribute: Mapping[str, Any]) -> Any:
    """Return the value of an attribute that is in DynamoDB's wire form.

    Lambda passes bytes on from the stream in base64; botocore gives them as they are.

    Raises:
        ValueError: It is of a type that DynamoDB did not have.
    """
    match attribute:
        case {"S": str(text)}:
            return text
        case {"N": str(number)}:
            return int(number) if WHOLE.fullmatch(number) else {"number": number}
        case {"B": str(encoded)}:
            return {"base64": encoded}
        case {"B": bytes(content)}:
            return {"base64": base64.b64encode(content).decode()}
        case {"BOOL": bool(truth)}:
            return truth
        case {"NULL": _}:
            return None
        case {"M": dict(members)}:
            return {name: plain(member) for name, member in members.items()}
        case {"L": list(members)}:
            return [plain(member) for member in members]
        case {"SS": list(members)}:
            return _sorted(members)
        case {"NS": list(members)}:
            return _sorted(plain({"N": member}) for member in members)
        case {"BS": list(members)}:
            return _sorted({"base64": member} for member in members)
    raise ValueError(f"DynamoDB has a type that is not known here: {sorted(attribute)}")


def _sorted(members: Iterable[Any]) -> list[Any]:
    return sorted(members, key=canonical)


@dataclass(frozen=True, slots=True)
class Event:
    """What the ledger's stream said of one record.

    Attributes:
        event: `INSERT`, `MODIFY` or `REMOVE`.
        sequence: Its number in the stream, decimal.
        expired: Whether DynamoDB itself removed the record.
        record: The record after it, plain; of a `REMOVE` its key.
    """

    event: str
    sequence: str
    expired: bool
    record: Record

    @property
    def changes(self) -> bool:
        """Whether it says that a record is not as it was written."""
        return self.event != "INSERT"

    @property
    def vend_id(self) -> str:
        """The vend that the record is of, or the empty string."""
        vend_id = self.record.get("vend_id")
        return vend_id if isinstance(vend_id, str) else ""

    def sealed(self) -> str:
        """Return its line in the archive: the record as it was written, or what became of it."""
        return self.line() if self.changes else canonical(self.record)

    def line(self) -> str:
        """Return its line, without when it arrived."""
        return canonical(
            {
                "event": self.event,
                "expired": self.expired,
                "record": self.record,
                "sequence": self.sequence,
            }
        )

    def line_of_batch(self, arrived: str) -> str:
        """Return its line in a batch."""
        return f'{{"arrived":{canonical(arrived)},{self.line()[1:]}'


def event_of(text: str) -> Event:
    """Return the event of a batch's line.

    Raises:
        ValueError: It is no such line.
    """
    match parsed(text):
        case {
            "event": "INSERT" | "MODIFY" | "REMOVE" as event,
            "sequence": str(sequence),
            "expired": bool(expired),
            "record": {"pk": str(), "sk": str()} as record,
        } if sequence.isascii() and sequence.isdigit():
            return Event(event, sequence, expired, record)
    raise ValueError("this is no event of the ledger's stream")

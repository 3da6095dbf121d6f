"""A batch: what one call of the archiving function received, as one object. Pure."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archiving.findings import of_change
from archiving.lines import Event, event_of, plain
from archiving.names import batch_key, hour_in, start_of_hour
from vending.records import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from archiving.findings import Finding

BY_DYNAMODB = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
"""Who removed a record whose time to live was over. Source: "DynamoDB Streams and Time to Live"."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One object of the archive.

    Attributes:
        key: Where.
        body: JSON Lines, gzip.
        findings: What the stream said of records that are not as they were written.
        records: How many events.
    """

    key: str
    body: bytes
    findings: tuple[Finding, ...]
    records: int


def batch_of(events: Sequence[Event], arrived: datetime) -> Batch:
    """Return the batch of some events, in the stream's order.

    Its key is of the hour and of what is in it, so that the same events are the same key; only the
    time of arrival may differ, and then the first one counts.

    Args:
        events: At least one.
        arrived: When the function was called.
    """
    moment = timestamp(arrived)
    lines = "".join(event.line_of_batch(moment) + "\n" for event in events)
    return Batch(
        batch_key(start_of_hour(arrived), events[0].sequence, contents_of(events)),
        gzip.compress(lines.encode(), mtime=0),
        tuple(of_change(event) for event in events if event.changes),
        len(events),
    )


def contents_of(events: Sequence[Event]) -> str:
    """Return the SHA-256 of a batch's lines without the time of arrival, hex."""
    digest = hashlib.sha256()
    for event in events:
        digest.update(event.line().encode() + b"\n")
    return digest.hexdigest()


def streamed(record: Mapping[str, Any]) -> Event:
    """Return the event of a record of the stream, as Lambda passes it on.

    Raises:
        ValueError: DynamoDB has a type that is not known here.
    """
    told = record["dynamodb"]
    by = record.get("userIdentity") or {}
    # Of a removal there is no image, and the key is all that is known.
    image = told.get("NewImage") or told["Keys"]
    return Event(
        record["eventName"],
        told["SequenceNumber"],
        record["eventName"] == "REMOVE" and BY_DYNAMODB.items() <= lowered(by).items(),
        {name: plain(attribute) for name, attribute in image.items()},
    )


def lowered(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return an identity with keys that begin in lower case: AWS's pages write them either way."""
    return {name[:1].lower() + name[1:]: value for name, value in identity.items()}


class Unreadable(Exception):
    """A batch, or the rest of it, cannot be read, or is not what its name says."""


def events_in(key: str, body: bytes) -> Iterator[Event]:
    """Yield the events of a batch, line by line: a batch may be large.

    Raises:
        Unreadable: At the end, where it is not all there, or not what `key` says. What was yielded
            until then can be read.
    """
    hour, damaged, first = hour_in(key), False, ""
    digest = hashlib.sha256()
    try:
        for line in gzip.GzipFile(fileobj=io.BytesIO(body)):
            try:
                event = event_of(line.decode("ascii"))
            except ValueError:
                damaged = True
                continue
            first = first or event.sequence
            digest.update(event.line().encode() + b"\n")
            yield event
    except (OSError, EOFError, zlib.error):
        damaged = True
    if damaged or hour is None or key != batch_key(hour, first, digest.hexdigest()):
        raise Unreadable(key)

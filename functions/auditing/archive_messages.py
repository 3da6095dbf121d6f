"""The shapes of the archive's and the raw records' part of the auditors' API."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from auditing.messages import query_of, wrong
from vending.messages import Message, read

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_KEYS = 100
"""Records that one request may name."""

KINDS = ("manifests", "records", "late", "changes", "batches")

OBJECT = re.compile(rf"({'|'.join(KINDS)})/\d{{4}}/\d\d/\d\d/\d\d[/.][0-9A-Za-z.-]+")
"""Keys of the archive: nothing else in the bucket is shown."""

VERSION = re.compile(r"[A-Za-z0-9._/@-]{1,1024}")

LARGEST = 1 << 32
"""Offsets beyond make no sense."""

Text = Annotated[str, Field(max_length=1024)]


class ArchiveQuery(Message):
    """The query string of `GET /v1/archive`, all text.

    Attributes:
        day: Of UTC, `2026-11-27`.
        kind: `manifests`, with their signatures; `records`, `late`, `changes` or `batches`.
        after: `next` of the listing before.
    """

    day: Text = ""
    kind: Text = KINDS[0]
    after: Text = ""


class VersionShown(Message):
    """A version of an object; the newest of a key comes first.

    Attributes:
        key: Where.
        version_id: S3's.
        size: In bytes.
        marker: Whether it is a delete marker, which hides what was there.
    """

    key: str
    version_id: str
    size: int
    marker: bool


class ArchiveResponse(Message):
    """The answer to `GET /v1/archive`; `next` is null where these are the last."""

    objects: list[VersionShown]
    next: str | None


class ObjectQuery(Message):
    """The query string of `GET /v1/archive/object`, all text.

    Attributes:
        key: Where.
        version_id: Which version.
        offset: From which byte on.
    """

    key: Text = ""
    version_id: Text = ""
    offset: Text = "0"


class ObjectResponse(Message):
    """The answer to `GET /v1/archive/object`: bytes in base64, at most 600,000 of them.

    There are more where it has so many.
    """

    content: str


class RecordKey(Message):
    """The key of a record."""

    pk: Annotated[str, Field(min_length=1, max_length=2048)]
    sk: Annotated[str, Field(min_length=1, max_length=1024)]


class RecordsRequest(Message):
    """The body of `POST /v1/records`."""

    keys: Annotated[list[RecordKey], Field(min_length=1, max_length=MOST_KEYS)]


class RecordsResponse(Message):
    """The answer to `POST /v1/records`.

    Attributes:
        records: Those that there are, each as a line of the archive has it, what is sealed sealed.
        asked: How many of the keys these are the answer to: an answer ends at 900 kB.
    """

    records: list[str]
    asked: int


def beginning_of(given: Mapping[str, str] | None) -> tuple[str, str]:
    """Return how the keys begin that a query string asks for, and after what.

    Raises:
        Refused: It makes no sense; the sentence names the parameter.
    """
    query = query_of(ArchiveQuery, given)
    if query.kind not in KINDS:
        raise wrong(f"kind: give one of {', '.join(KINDS)}")
    try:
        day = datetime.strptime(query.day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise wrong("day: give a day like 2026-11-27") from None
    beginning = f"{query.kind}/{day:%Y/%m/%d/}"
    key, _, version = query.after.partition(" ")
    if query.after and not (key.startswith(beginning) and VERSION.fullmatch(version)):
        raise wrong("after: give `next` of the listing before")
    return beginning, query.after


def part_of(given: Mapping[str, str] | None) -> tuple[str, str, int]:
    """Return which object a query string asks for: its key, its version, and from which byte on.

    Raises:
        Refused: It makes no sense; the sentence names the parameter.
    """
    query = query_of(ObjectQuery, given)
    if not OBJECT.fullmatch(query.key):
        raise wrong("key: give one that `GET /v1/archive` or a manifest names")
    if not VERSION.fullmatch(query.version_id):
        raise wrong("version_id: give the one that stands beside the key")
    if not re.fullmatch(r"[0-9]{1,10}", query.offset) or int(query.offset) >= LARGEST:
        raise wrong("offset: give a number of bytes")
    return query.key, query.version_id, int(query.offset)


def keys_of(body: bytes) -> list[tuple[str, str]]:
    """Return the keys of the records that a body asks for, each once.

    Raises:
        Refused: It makes no sense.
    """
    return list(dict.fromkeys((one.pk, one.sk) for one in read(RecordsRequest, body).keys))

"""What is in the archive, read: manifests and lines. Everything in it may be made by an enemy."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = timedelta(hours=1)
FORM = "%Y-%m-%dT%H"
FOLDER = "%Y/%m/%d/%H"

KEY = re.compile(r"(batches|records|late|changes)/\d{4}/\d\d/\d\d/\d\d/[0-9A-Za-z-]+\.jsonl\.gz")
"""A key that a manifest may name. In a copy on disk it is a path: it leads nowhere else."""

LONGEST_LINE = 8 << 20
"""Bytes: DynamoDB's largest item, however its strings are escaped."""

Place = tuple[str, str, str]
"""vend id (or the empty string), pk, sk: what lines are sorted by."""


class Malformed(Exception):
    """It is not what it should be; the message says in which way."""


@dataclass(frozen=True, slots=True)
class Object:
    """An object that a manifest names.

    Attributes:
        kind: `records`, `late` or `changes`.
        key: Where.
        version_id: S3's.
        sha256: Of its bytes, hex.
        size: In bytes.
        lines: How many.
        first: The place of its first line.
        last: And of its last.
    """

    kind: str
    key: str
    version_id: str
    sha256: str
    size: int
    lines: int
    first: Place
    last: Place


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an hour's manifest says.

    Attributes:
        body: Its bytes.
        hour: That it seals.
        ledger: ARN of the table.
        previous: SHA-256 of the manifest before it; empty for the first of all.
        objects: Of the hour.
        batches: Key → SHA-256 of what they were made from.
        findings: What the service found that should not be.
        findings_total: How many those are.
        sealed_at: When.
    """

    body: bytes
    hour: datetime
    ledger: str
    previous: str
    objects: tuple[Object, ...]
    batches: dict[str, str]
    findings: tuple[dict[str, Any], ...]
    findings_total: int
    sealed_at: str

    @property
    def sha256(self) -> str:
        """SHA-256 of its bytes, hex."""
        return hashlib.sha256(self.body).hexdigest()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Read a manifest whose signature is good.

        Raises:
            Malformed: It is none that is known here.
        """
        try:
            said = parsed(body)
            if said["schema"] != 1:
                raise Malformed(f"its schema is {said['schema']}: this version knows schema 1")
            previous = said["previous"]
            return cls(
                body,
                datetime.strptime(said["hour"], FORM).replace(tzinfo=UTC),
                text(said["ledger"]),
                text(previous["sha256"]) if previous else "",
                tuple(map(object_of, said["objects"])),
                {key_in(one): text(one["sha256"]) for one in said["batches"]},
                tuple(dict(one) for one in said["findings"]),
                int(said["findings_total"]),
                text(said["sealed_at"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise Malformed("it is no manifest") from None


def object_of(said: dict[str, Any]) -> Object:
    """Return an object as a manifest names it.

    Raises:
        Malformed: It names something else.
    """
    key = key_in(said)
    if not key.startswith(f"{said['kind']}/"):
        raise Malformed(f"it calls {key} {said['kind']}")
    return Object(
        text(said["kind"]),
        key,
        text(said["version_id"]),
        text(said["sha256"]),
        int(said["bytes"]),
        int(said["lines"]),
        place(said["first"]),
        place(said["last"]),
    )


def key_in(said: dict[str, Any]) -> str:
    """Return the key of something that a manifest names.

    Raises:
        Malformed: It is none of the archive's.
    """
    key = text(said["key"])
    if not KEY.fullmatch(key):
        raise Malformed(f"{key!r} is no key of an archive")
    return key


def text(value: object) -> str:
    """Return a value that must be a string.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(value, str):
        raise TypeError
    return value


def place(said: list[str]) -> Place:
    """Return a place as manifests write it."""
    vend_id, pk, sk = said
    return text(vend_id), text(pk), text(sk)


def place_of(record: dict[str, Any]) -> Place:
    """Return where a record stands among the lines.

    Raises:
        Malformed: It is no record.
    """
    vend_id, pk, sk = record.get("vend_id", ""), record.get("pk"), record.get("sk")
    if not isinstance(pk, str) or not isinstance(sk, str):
        raise Malformed("a line is no record")
    return (vend_id if isinstance(vend_id, str) else "", pk, sk)


def parsed(content: bytes | str) -> Any:
    """Return the value of a JSON text without fractions.

    Raises:
        ValueError: It is none.
    """

    def refuse(number: str) -> None:
        raise ValueError(number)

    try:
        return json.loads(content, parse_float=refuse, parse_constant=refuse)
    except RecursionError:
        raise ValueError from None


def canonical(value: object) -> str:
    """Return the one text that a value has in the archive."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def lines_of(content: bytes) -> Iterator[str]:
    """Yield the lines of an object.

    Raises:
        Malformed: It is not gzip, or a line has no end.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as opened:
            while line := opened.readline(LONGEST_LINE):
                if not line.endswith(b"\n"):
                    raise Malformed("a line has no end")
                yield line[:-1].decode("ascii")
    except (EOFError, OSError, zlib.error):
        raise Malformed("it is not gzip") from None
    except UnicodeDecodeError:
        raise Malformed("a line is not ASCII") from None


def record_of(line: str) -> dict[str, Any]:
    """Return the record of a line.

    Raises:
        Malformed: It is no line of the archive.
    """
    try:
        record = parsed(line)
    except ValueError:
        raise Malformed("a line is no JSON") from None
    if not isinstance(record, dict):
        raise Malformed("a line is no record")
    if canonical(record) != line:
        raise Malformed("a line is not as the archive writes it")
    return record


def hour_named(text: str) -> datetime:
    """Return an hour as a person writes it: `2026-11-27T16`, or the day for its first hour.

    Raises:
        ValueError: It is none.
    """
    form = FORM if "T" in text else "%Y-%m-%d"
    return datetime.strptime(text, form).replace(tzinfo=UTC)

"""The archive as auditors are given it: what is in it, and its objects in parts. Pure.

Whoever may audit needs no right to the bucket. The answers prove nothing by themselves: the
signatures in them do, to whoever has the public key (docs/archive.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

PART = 600_000
"""Bytes of an object in one answer: in base64 within the MiB that our client reads."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A version of an object.

    Attributes:
        key: Where.
        version_id: S3's.
        size: In bytes; 0 of a delete marker.
        marker: Whether it is a delete marker.
    """

    key: str
    version_id: str
    size: int
    marker: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """Some versions, and where to go on; empty where these are the last."""

    entries: list[Entry]
    after: str


class Archive(Protocol):
    """The archive. Each method raises `RecordsUnavailable` when it cannot be read."""

    def versions(self, beginning: str, after: str) -> Listing:
        """Return versions of the keys that begin so, from `after` of the listing before."""

    def part(self, key: str, version_id: str, offset: int) -> bytes | None:
        """Return the bytes from `offset` on, as many as fit; None where there are none."""

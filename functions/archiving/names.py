"""Where things are in the archive: keys, and the hours in them. Pure. See docs/archive.md."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum

HOUR = timedelta(hours=1)

FORM = "%Y-%m-%dT%H"
"""How an hour is written in manifests."""

FOLDER = "%Y/%m/%d/%H"
"""How it is written in keys."""

BATCHES, MANIFESTS = "batches/", "manifests/"

IN_A_KEY = re.compile(r"[a-z]+/(\d{4}/\d{2}/\d{2}/\d{2})(?=[/.])")
A_MANIFEST = re.compile(r"manifests/\d{4}/\d{2}/\d{2}/\d{2}\.json")


class Kind(StrEnum):
    """What a sealed object holds; also the first part of its key. In the manifest's order."""

    RECORDS = "records"
    LATE = "late"
    CHANGES = "changes"


SEALED = (MANIFESTS, *(f"{kind}/" for kind in Kind))
"""Beginnings of the keys that are kept for as long as the archive is."""


def digest_of(body: bytes) -> str:
    """Return the SHA-256 of an object, hex."""
    return hashlib.sha256(body).hexdigest()


def start_of_hour(moment: datetime) -> datetime:
    """Return when the hour of a moment began."""
    return moment.replace(minute=0, second=0, microsecond=0)


def batch_key(hour: datetime, sequence: str, digest: str) -> str:
    """Return the key of a batch.

    Args:
        hour: Of its arrival.
        sequence: Number of its first event.
        digest: SHA-256 of its lines without the time of arrival.
    """
    return f"{BATCHES}{hour:{FOLDER}}/{sequence}-{digest[:16]}.jsonl.gz"


def object_key(kind: Kind, hour: datetime, number: int, digest: str) -> str:
    """Return the key of a sealed object with the SHA-256 `digest`."""
    return f"{kind}/{hour:{FOLDER}}/{number:03}-{digest[:16]}.jsonl.gz"


def manifest_key(hour: datetime) -> str:
    """Return the key of an hour's manifest."""
    return f"{MANIFESTS}{hour:{FOLDER}}.json"


def signature_key(hour: datetime, digest: str) -> str:
    """Return the key of the signature of the manifest with the SHA-256 `digest`."""
    return f"{MANIFESTS}{hour:{FOLDER}}.{digest}.sig"


def day_of(beginning: str, hour: datetime) -> str:
    """Return how the keys of an hour's day begin."""
    return f"{beginning}{hour:%Y/%m/%d/}"


def hour_in(key: str) -> datetime | None:
    """Return the hour in a key, or None where there is none."""
    found = IN_A_KEY.match(key)
    try:
        return datetime.strptime(found[1], FOLDER).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def is_manifest(key: str) -> bool:
    """Return whether a key is a manifest's."""
    return A_MANIFEST.fullmatch(key) is not None and hour_in(key) is not None

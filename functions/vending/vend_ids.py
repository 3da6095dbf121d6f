"""Vend ids: in order of time, unguessable, and valid as the name of an STS session."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, lower case: no letter is taken for a digit."""

VEND_ID = re.compile(rf"v-[0-7][{ALPHABET}]{{25}}")


def new_vend_id(now: datetime) -> str:
    """Return `v-` and a ULID: 48 bits of milliseconds, then 80 of randomness."""
    return written(now, secrets.randbits(80))


def first_vend_id(moment: datetime) -> str:
    """Return the least id of `moment`'s millisecond: in their order it parts what was before."""
    return written(moment, 0)


def written(moment: datetime, rest: int) -> str:
    """Return the id of a moment and of the 80 bits after it."""
    number = (int(moment.timestamp() * 1000) << 80) | rest
    return "v-" + "".join(ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def asked_at(vend_id: str) -> datetime:
    """Return when the vend was asked for, to the millisecond.

    Raises:
        ValueError: It is no vend id, or one of a time that no calendar has.
    """
    if not VEND_ID.fullmatch(vend_id):
        raise ValueError(f"{vend_id!r} is no vend id")
    milliseconds = 0
    for letter in vend_id[2:12]:
        milliseconds = milliseconds * 32 + ALPHABET.index(letter)
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise ValueError(f"{vend_id!r} is of no time that is known") from None

"""Vend ids: in order of time, unguessable, and valid as the name of an STS session."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, lower case: no letter is taken for a digit."""


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

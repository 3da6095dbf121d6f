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
    number = (int(now.timestamp() * 1000) << 80) | secrets.randbits(80)
    return "v-" + "".join(ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))

"""Which clients are served. What a caller says of its program decides nothing else."""

from __future__ import annotations

import re

from vending.errors import Code, Refused

OLDEST = (0, 1, 0)
"""The oldest version of our client that is served."""

NAMED = re.compile(r"ecr-vend/([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})(?![0-9])", re.ASCII)


def oldest() -> str:
    """Return the oldest version as clients write it."""
    return ".".join(map(str, OLDEST))


def check(user_agent: str) -> None:
    """Let everything pass but a client of ours that is too old.

    Raises:
        Refused: It is; the sentence says what to install.
    """
    if (named := NAMED.match(user_agent)) and tuple(map(int, named.groups())) < OLDEST:
        detail = f"This service serves ecr-vend {oldest()} and newer: upgrade the client."
        raise Refused(Code.CLIENT_TOO_OLD, detail)

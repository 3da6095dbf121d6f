"""How long each AWS call may take, and what of a vend still fits before the function's end. Pure.

A phase is the patience of each of its calls. A phase is begun only where it fits whatever its calls
take, and with it all that must follow: above all nothing is minted that could not be recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from vending.errors import Code, Refusal

QUICK = 0.2
"""Seconds: an attempt that fails within these is made again, once and at once."""

ANSWER = 0.5
"""Seconds for the function's own work."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one AWS call may take.

    Attributes:
        connect: Seconds until a connection stands.
        read: Seconds until the answer comes.
        again: Seconds from its first attempt in which a transaction that met another one is begun
            again.
    """

    connect: float
    read: float
    again: float = 0

    @property
    def longest(self) -> float:
        """Seconds until the call has ended: an attempt that failed quickly, and another."""
        return self.again + QUICK + self.connect + self.read


POLICY = Patience(0.4, 1.0)
COUNTERS = Patience(0.4, 0.4)
BLOCKS = Patience(0.4, 0.6)
LEDGER = Patience(0.4, 1.0)
PERSON_KEYS = Patience(0.4, 0.6)
CHECKED = Patience(LEDGER.connect, LEDGER.read, again=0.4)
TOKEN_KEY = Patience(0.4, 1.0)
MINTING = Patience(0.4, 2.0)

Phase = tuple[Patience, ...]

READ_POLICY: Phase = (POLICY,) * 2
"""A session with AppConfig, and the policy."""

LOOK: Phase = (BLOCKS,)
"""Whether the caller is blocked."""

COUNT: Phase = (COUNTERS,) * 3
"""The budgets of the session, the caller and the account."""

INTEND: Phase = (LEDGER, LEDGER, PERSON_KEYS, LEDGER)
"""Once an hour the policy's text and that it serves; the caller's key, the intent."""

MINT: Phase = (MINTING,) * 2
"""AssumeRole and GetAuthorizationToken."""

END: Phase = (TOKEN_KEY, LEDGER, LEDGER, CHECKED)
"""The token's MAC; the outcome and its pointers: of two lists of 100 repositories and all that may
be granted of them, three transactions, the last of which looks for blocks as well.

Where it finds one, another outcome is to be written. Should the function be ended before that is
done, no token is out, and the reconciler finds the intent.
"""

OUT_OF_TIME = Refusal(
    Code.OUT_OF_TIME,
    "Nothing was issued, because AWS answered the service too slowly for a token to be recorded in "
    "time. Try again; if it lasts, tell the platform team.",
)

Left = Callable[[], float]
"""Returns the seconds until the function is ended."""


def longest(*phases: Phase) -> float:
    """Return the seconds that phases take, one after the other, when every call takes its longest.

    A read ends when *nothing* comes for so long, a connection is tried at each of a name's
    addresses, and looking up a name has no limit from here: that is why each phase asks again what
    is left, and why an answer that drips may still outlast it.
    """
    return sum(call.longest for phase in phases for call in phase)


def unhurried() -> float:
    """Return what is left where nothing ends the function."""
    return math.inf


def fits(left: Left, *phases: Phase) -> bool:
    """Return whether phases end before the function does, whatever their calls take."""
    return left() >= longest(*phases) + ANSWER

"""How much work a comparison may take, so that a hostile document ends it aloud and not never."""

from __future__ import annotations

from dataclasses import dataclass

MOST = 10_000_000
"""About a minute, and some hundred megabytes."""

LETTER = 1
"""To look one letter further in a word."""

PREFIX = 10
"""To keep the beginning of a word."""

QUESTION = 40
"""To ask both documents once."""


@dataclass(slots=True)
class Effort:
    """What is left of the work that may be done.

    Attributes:
        left: In units of about a few microseconds.
    """

    left: int = MOST

    def spend(self, units: int) -> bool:
        """Take some of it, and say whether it was there to be taken."""
        self.left -= units
        return self.left >= 0

    @property
    def is_exhausted(self) -> bool:
        """Whether something was left undone."""
        return self.left < 0

"""The end of a call's patience."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadline:
    """A moment by a clock that never goes back."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Return the seconds left, negative when it has passed."""
        return self._end - self._clock()

    def sooner(self, seconds: float) -> Deadline:
        """Return this deadline, or the one in some seconds where that is earlier."""
        return Deadline(min(self.left(), seconds), self._clock)

"""The end of a call's patience."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

GRACE = 0.5
"""Seconds a fetch has beyond its deadline to say in its own words what took so long."""


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


def bounded(fetch: Callable[[Deadline], T], deadline: Deadline) -> T:
    """Fetch, and be done by the deadline whatever hangs.

    Name resolution, a credential program, a metadata service: none of them can be told a time
    limit from here, so they run beside the call, which leaves them behind when its time is over.

    Raises:
        Problem: As the fetch does, or `timeout`.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(fetch(deadline))
        except BaseException as error:  # noqa: BLE001 handed to the caller, in its own thread
            failed.append(error)

    seconds = deadline.left()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(seconds, 0.0) + GRACE)
    if failed:
        raise failed[0]
    if not done:
        raise Problem("timeout", seconds=seconds, detail="credentials, name or service hang")
    return done[0]

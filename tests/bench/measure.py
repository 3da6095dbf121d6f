"""How times are taken and shown: pairs in turn within one run, and medians of their ratios.

The machine drifts by a third within minutes, so a time alone says little and a ratio of two that
were taken side by side says much.
"""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        target: The most that `ratio` should be, as a text.
        ours: Our figure, with its unit.
        peer: The peer and its figure, or why there is none.
        ratio: Ours to the peer's, or None where there is no peer.
    """

    what: str
    target: str
    ours: str
    peer: str
    ratio: float | None = None


def compared(
    ours: Callable[[], float], peer: Callable[[], float] | None, *, rounds: int
) -> tuple[float, float | None, float | None]:
    """Return the medians of ours and of the peer's, and the median ratio of the rounds' pairs.

    Each round runs both, in turn first, after one round that is not counted.
    """
    mine: list[float] = []
    theirs: list[float] = []
    for number in range(rounds + 1):
        pair = [(mine, ours), *([(theirs, peer)] if peer else [])]
        for times, measure in pair if number % 2 else reversed(pair):
            seconds = measure()
            if number:
                times.append(seconds)
    if not theirs:
        return statistics.median(mine), None, None
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    return statistics.median(mine), statistics.median(theirs), statistics.median(ratios)


def seconds_of(
    words: Sequence[str],
    environ: Mapping[str, str],
    stdin: Path,
    *,
    at_once: int = 1,
    code: int = 0,
) -> float:
    """Return the seconds that `at_once` processes take together, from first start to last end.

    Spawned without a fork of this process, whose size would count.

    Raises:
        ChildProcessError: One of them ended with another code: it did not do what is measured.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, str(stdin), os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    ]
    begun = time.perf_counter()
    running = [
        os.posix_spawn(words[0], list(words), dict(environ), file_actions=actions)
        for _ in range(at_once)
    ]
    codes = [os.waitpid(process, 0)[1] for process in running]
    seconds = time.perf_counter() - begun
    if any(os.waitstatus_to_exitcode(each) != code for each in codes):
        raise ChildProcessError(f"{words[0]} failed")
    return seconds


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text."""
    heads = ("", "ours", "peer", "ratio", "target")
    shown = ["–" if row.ratio is None else f"{row.ratio:.2f}" for row in rows]
    lines = [
        heads,
        *(
            (row.what, row.ours, row.peer, ratio, row.target)
            for row, ratio in zip(rows, shown, strict=True)
        ),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )

"""What a load prints: who waited how long for what, which faults there were, and the books."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from local.journal import Call
    from tests.load.callers import Note

PERCENTS = (50, 90, 99, 100)


def percentile(lengths: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile of some lengths, sorted or not."""
    ranked = sorted(lengths)
    return ranked[max(math.ceil(percent / 100 * len(ranked)), 1) - 1]


def ending(note: Note) -> str:
    """Return how a request ended, in a word."""
    return note.broken or note.code or ("200" if note.status == 200 else f"gateway {note.status}")


def summary(
    notes: Sequence[Note], calls: Sequence[Call], broken: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return all that is printed, as JSON has it. Lengths are in seconds."""
    ended = sorted({(note.kind, ending(note)) for note in notes})
    return {
        "requests": [
            {
                "kind": kind,
                "ended": end,
                "count": len(waits),
                **{f"p{percent}": round(percentile(waits, percent), 3) for percent in PERCENTS},
            }
            for kind, end in ended
            for waits in [[n.seconds for n in notes if (n.kind, ending(n)) == (kind, end)]]
        ],
        "faults": {
            operation: dict(Counter(c.fault or "none" for c in calls if c.operation == operation))
            for operation in sorted({call.operation for call in calls})
        },
        "books": {rule: list(found) for rule, found in broken.items()},
        "balanced": not any(broken.values()),
    }


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield a summary as lines for people."""
    yield f"{'request':<18}{'ended':<22}{'count':>7}" + "".join(f"{f'p{p}':>9}" for p in PERCENTS)
    for row in found["requests"]:
        waits = "".join(f"{row[f'p{percent}']:>8.2f}s" for percent in PERCENTS)
        yield f"{row['kind']:<18}{row['ended']:<22}{row['count']:>7}{waits}"
    faults = sorted({fault for counts in found["faults"].values() for fault in counts})
    yield ""
    yield f"{'call of AWS':<28}" + "".join(f"{fault:>9}" for fault in faults)
    for operation, counts in found["faults"].items():
        yield f"{operation:<28}" + "".join(f"{counts.get(fault, 0):>9}" for fault in faults)
    yield ""
    for rule, broken in found["books"].items():
        yield f"{'✗' if broken else '✓'} {rule}"
        yield from (f"    {one}" for one in broken[:10])

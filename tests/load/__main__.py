"""`make load`: hundreds of callers, AWS failing under them, and books that must balance."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from typing import TYPE_CHECKING

from local.faults import KINDS, Plan
from tests.e2e.running import running
from tests.load.books import imbalances
from tests.load.report import lines, summary
from tests.load.run import STARTED_WITH, loaded
from tools.arguments import between

if TYPE_CHECKING:
    from tests.load.callers import Crowd


def parse() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--callers", type=between(int, 1, 10_000), default=200)
    parser.add_argument("--seconds", type=between(float, 1, 86_400), default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--share", type=between(float, 0, 1), default=0.1, help="of the calls that meet a fault"
    )
    parser.add_argument("--faults", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument(
        "--environments", type=between(int, 1, 1000), default=12, help="of the function, at once"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def watched(crowd: Crowd) -> None:
    """Show on a terminal how far a crowd is."""
    if not sys.stderr.isatty():
        return
    began = time.monotonic()

    def show() -> None:
        while True:
            tokens = sum(bool(note.digest) for note in list(crowd.notes))
            line = f"{time.monotonic() - began:4.0f} s  {len(crowd.notes)} answers, {tokens} tokens"
            print(f"\r{line}", end="", file=sys.stderr, flush=True)
            time.sleep(0.5)

    threading.Thread(target=show, daemon=True).start()


def main() -> int:
    """Run the command line."""
    asked = parse()
    plan = Plan(asked.seed, asked.share, tuple(asked.faults), environments=asked.environments)
    began = time.monotonic()
    try:
        with running(*STARTED_WITH) as stack:
            books = loaded(
                stack, plan, callers=asked.callers, seconds=asked.seconds, crowded=watched
            )
    except AssertionError as problem:
        # Why the stack did not start, it has said itself.
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    found = summary(books.notes, books.calls, imbalances(books))
    if asked.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print("\n" if sys.stderr.isatty() else "", end="")
        print("\n".join(lines(found)))
        took = (
            f"{asked.callers} callers, seed {asked.seed}, {time.monotonic() - began:.0f} s in all"
        )
        print(f"\n{took}: the books {'balance' if found['balanced'] else 'DO NOT BALANCE'}")
    return 0 if found["balanced"] else 1


if __name__ == "__main__":
    sys.exit(main())

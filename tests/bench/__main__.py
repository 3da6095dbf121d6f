"""Measure what the project promises about speed, and print it beside its peers.

python -m tests.bench [--rounds N]. It never fails on a time: the machine decides those.
What a policy's size and what auditing cost comes last; `--policies` and `--auditing` print each
alone, `--page` writes the last into its page.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

from tests.bench import auditing, client, function, policies, policy_diffs, verifying
from tests.bench.measure import table
from tools.estimates.tables import put_into_page


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="pairs of each; 15 by default")
    parser.add_argument("--policies", action="store_true", help="what a policy's size costs, alone")
    parser.add_argument("--auditing", action="store_true", help="what auditing costs, alone")
    parser.add_argument("--page", action="store_true", help="write that into cost-and-scale.md")
    asked = parser.parse_args()
    if asked.page:
        put_into_page("make bench", list(auditing.lines()))
        return
    if not (asked.auditing or asked.policies):
        measured(asked.rounds)
    if not asked.auditing:
        for one in (policies, policy_diffs):
            print("\n".join(one.lines()) + "\n")
    if asked.policies:
        return
    print("\n".join(auditing.lines()))
    with tempfile.TemporaryDirectory() as folder:
        for line in verifying.lines(Path(folder)):
            print(line)


def measured(rounds: int) -> None:
    """Print what was measured beside the peers."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            *client.rows(Path(folder), rounds=rounds),
            *function.rows(Path(folder), rounds=rounds),
        ]
    print(table(rows))
    print(
        f"\nMedians of {rounds} rounds ({rounds * 10} of a single get), taken in turn, on "
        f"{platform.machine()} {platform.system()} with {os.cpu_count()} cores. Compare ratios: "
        "times drift with the machine.\n"
    )


if __name__ == "__main__":
    main()

"""Measure what the project promises about speed, and print it beside its peers.

python -m tests.bench [--rounds N]. It never fails on a time: the machine decides those.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

from tests.bench import client, function
from tests.bench.measure import table


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="pairs of each; 15 by default")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            *client.rows(Path(folder), rounds=rounds),
            *function.rows(Path(folder), rounds=rounds),
        ]
    print(table(rows))
    print(
        f"\nMedians of {rounds} rounds ({rounds * 10} of a single get), taken in turn, on "
        f"{platform.machine()} {platform.system()} with {os.cpu_count()} cores. Compare ratios: "
        "times drift with the machine."
    )


if __name__ == "__main__":
    main()

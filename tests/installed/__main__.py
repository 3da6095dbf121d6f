"""Try an installed client: what consumers rely on, a vend, and many calls at once.

    python -m tests.installed TASK.json [--json]

It needs the standard library of Python 3.11 or newer, on any system, this folder and
`tests/vectors`; what is tried, and with which service, stands in the task (`task.py`). It prints a
line for each promise and ends with 0 when all are kept. `make matrix` writes the tasks.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from tests.installed import conformance, vending  # noqa: F401  they register what they promise
from tests.installed.task import NOTHING, Task
from tests.installed.trying import Trying, checks


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.installed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", type=Path)
    parser.add_argument("--json", action="store_true", help="print the checks as one JSON list")
    arguments = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a Windows console has neither ✓ nor ✗
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        task = Task.read(arguments.task)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        print(f"{arguments.task}: no task: {problem}", file=sys.stderr)
        return 2
    scratch = nullcontext() if task.way == NOTHING else tempfile.TemporaryDirectory()
    found = []
    with scratch as folder:
        for done in checks(Trying(task, Path(folder) if folder else None)):
            found.append(done)
            if not arguments.json:
                print(done, flush=True)
    if arguments.json:
        print(json.dumps([asdict(done) for done in found]))
    return 1 if any(done.broken for done in found) else 0


if __name__ == "__main__":
    sys.exit(main())

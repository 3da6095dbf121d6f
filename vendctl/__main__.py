"""The platform team's command: write policies and change them safely, look into records, erase.

It runs from a checkout, on the code that serves: `bin/vendctl`.

Exit code 0 when all is well, 1 when what was asked about is not (a policy, a test, a registry) or
nothing was found, 2 when the command itself is wrong or AWS refuses it, 130 when interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys

from vendctl import doctor, people, policy, records
from vendctl.command_line import Failure
from vendctl.console import Console, printable
from vending.policy_text import PolicyError

SUBJECTS = (policy, doctor, people, records)
"""Each has `add(commands)`, in the order of `--help`."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    whole = argparse.ArgumentParser(
        prog="vendctl", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = whole.add_subparsers(required=True, metavar="SUBJECT")
    for one in SUBJECTS:
        one.add(commands)
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    console = Console(os.environ)
    try:
        asked = parser().parse_args(arguments)
        code: int = asked.run(asked, console)
        console.stdout.flush()
    except PolicyError as problems:
        console.note(printable(str(problems)))
        return 1
    except Failure as problem:
        console.note(printable(f"vendctl: {problem}"))
        return 2
    except BrokenPipeError:
        # Whoever read the answer has read enough, as `head` does. Nothing is left to be flushed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())

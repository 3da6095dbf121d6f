"""`ecr-vend`: the command line that people and scripts use."""

from __future__ import annotations

import argparse
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from ecr_vend import __version__, program
from ecr_vend.console import Console

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "ecr-vend"


@cache
def parser() -> argparse.ArgumentParser:
    """Return the parser of every command, made once."""
    from ecr_vend import commands

    top = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Short-lived, scoped Amazon ECR tokens from your ecr-vend service.",
        epilog="`ecr-vend COMMAND --help` shows each command with examples.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    subparsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in commands.NAMES:
        commands.load(name).add(subparsers)
    return top


def described(
    commands: argparse._SubParsersAction[Any], name: str, summary: str, *, examples: Sequence[str]
) -> argparse.ArgumentParser:
    """Add a command and return its parser.

    Args:
        commands: Where to add it.
        name: What the person types.
        summary: One sentence without a full stop, for the list of commands and the help.
        examples: Whole command lines, shown below the help.
    """
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog="\n".join(["examples:", *(f"  {example}" for example in examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return made


def run(words: Sequence[str], console: Console) -> int:
    """Carry out one call.

    Returns:
        The exit code: 0, 1 after a failure that was told on stderr, 2 for a wrong command line,
        130 after Ctrl-C, or what the command says.
    """
    from ecr_vend import commands

    def act() -> int:
        try:
            arguments = parser().parse_args(words)
            return commands.load(arguments.command).run(arguments, console)
        except SystemExit as ended:  # argparse has said what was wrong
            return ended.code if isinstance(ended.code, int) else 2

    return program.guarded(act, console.stderr)


def main() -> None:
    """Run the program and end the process."""
    program.finish(
        lambda stdin, stdout, stderr: run(sys.argv[1:], Console(stdin, stdout, stderr, os.environ)),
        sys.stdin,
    )


if __name__ == "__main__":
    main()

"""`ecr-vend`: the command line that people and scripts use."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from ecr_vend import __version__
from ecr_vend.console import Console
from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "ecr-vend"
INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the signal's number, as shells have it."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
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

    try:
        arguments = parser().parse_args(words)
        return commands.load(arguments.command).run(arguments, console)
    except SystemExit as ended:  # argparse has said what was wrong
        return ended.code if isinstance(ended.code, int) else 2
    except Problem as problem:
        console.note(str(problem))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    except Exception as error:  # noqa: BLE001 the outermost frame: a traceback could show a token
        console.note(str(Problem("internal", detail=type(error).__name__)))
        return 1


def main() -> None:
    """Run the program and end the process at once: a fetch left behind must not hold it up."""
    code = run(sys.argv[1:], Console(sys.stdin, sys.stdout, sys.stderr, os.environ))
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = code or 1
    os._exit(code)


if __name__ == "__main__":
    main()

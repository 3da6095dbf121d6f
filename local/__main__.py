"""`python -m local run` tells the story and ends; `python -m local serve` keeps it running."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from local.deploy import Failed
from local.printing import Printer
from local.process import NotStarted
from local.proof import Unproven
from local.stack import POLICY, TEMPLATE, Stack, shell_lines
from local.story import Story, Unexpected
from tools.artefacts.bundle import build
from tools.environments import Missing

if TYPE_CHECKING:
    from types import FrameType


class Ended(BaseException):
    """A signal asked for the end, or whoever started this is gone."""


def end_on_signals() -> None:
    """Turn every way to be ended, but SIGKILL, into `Ended`; and the death of the parent too."""

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        raise Ended

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    parent = os.getppid()

    def watch() -> None:
        # A parent that is killed sends nothing; its child is given to another.
        while os.getppid() == parent:
            threading.Event().wait(0.2)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def leave_running(stack: Stack, arguments: argparse.Namespace) -> None:
    """Print how to use the stack, and wait for the end."""
    if arguments.env_file:
        stack.write_exports(arguments.env_file)
    if arguments.json:
        print(json.dumps({"ready": stack.described()}), flush=True)
    else:
        print("\n".join(shell_lines(stack.exports())))
        where = f", or source {arguments.env_file}" if arguments.env_file else ""
        registry = stack.emulator.registry
        print(
            f"\n# Paste the lines above{where}, then for example:\n"
            f"#   echo {registry} | docker-credential-ecr-vend get\n"
            "#   ecr-vend whoami\n"
            f"#   skopeo list-tags --tls-verify=false docker://{registry}/payments/api\n"
            f"# AWS_PROFILE chooses who you are: {', '.join(stack.identities)}, administrator.\n"
            "# Ctrl-C ends it and leaves nothing behind.",
            flush=True,
        )
    while stack.emulator.alive():
        threading.Event().wait(0.2)
    raise NotStarted(f"the emulator ended by itself:\n{stack.emulator.log.read_text()[-2000:]}")


def parameter(text: str) -> tuple[str, str]:
    """Return the name and value of a parameter.

    Raises:
        ArgumentTypeError: It is not written as NAME=VALUE.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def parse() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=("run", "serve"))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--port", type=int, default=0, help="serve on this port, not any free one")
    parser.add_argument(
        "--env-file", type=Path, help="also write the exports here; removed at the end"
    )
    parser.add_argument(
        "--faults", action="store_true", help="let a plan in the stack's folder make AWS calls fail"
    )
    parser.add_argument("--template", type=Path, default=TEMPLATE)
    parser.add_argument("--policy", type=Path, default=POLICY)
    parser.add_argument(
        "--bundle", type=Path, help="deploy this bundle, not one of the functions as they are here"
    )
    parser.add_argument(
        "--parameter",
        type=parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="one of the template's, instead of its default; may be given several times",
    )
    return parser.parse_args()


def main() -> int:
    """Run the command line."""
    arguments = parse()
    end_on_signals()
    printer = Printer(machine=arguments.json)
    try:
        with Stack.start(
            arguments.bundle or build("host"),
            port=arguments.port,
            template=arguments.template,
            policy=arguments.policy,
            parameters=dict(arguments.parameter),
            faults=arguments.faults,
            say=printer.progress,
        ) as stack:
            if arguments.command == "serve":
                leave_running(stack, arguments)
            Story(stack, printer).tell()
            printer.plain(
                "\nAll of it was refereed by an AWS emulator: docs/local.md says what that proves."
            )
    except Unexpected as problem:
        printer.broken(problem.promise, problem.expected, problem.got)
        return 1
    except (Failed, Missing, NotStarted, Unproven) as problem:
        print(problem, file=sys.stderr)
        return 1
    except Ended:
        return 0 if arguments.command == "serve" else 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

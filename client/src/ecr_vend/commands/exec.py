"""`ecr-vend exec`: run a command with tokens that end with it.

The command takes this process's place, so signals, stopping, exit code and the terminal are its
own, with nothing between. A keeper beside it removes its folder when it has ended; see `keeper`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from argparse import REMAINDER
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from ecr_vend.command_line import described
from ecr_vend.errors import Problem

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from ecr_vend.console import Console

CODES = {"command_not_found": 127, "command_not_run": 126}
"""Failures whose exit codes are those of shells."""


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "exec",
        "run a command with tokens in a private configuration of docker and podman, removed at "
        "its end",
        examples=[
            "ecr-vend exec -- docker compose pull",
            "ecr-vend exec --registry 111122223333.dkr.ecr.eu-west-1.amazonaws.com -- make images",
        ],
    )
    parser.add_argument(
        "--registry",
        action="append",
        metavar="HOST",
        help="a registry to have a token for, may be repeated (default: those that the settings "
        "or docker's configuration name)",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="say on stderr until when each works"
    )
    parser.add_argument("words", nargs=REMAINDER, metavar="-- CMD [ARGS…]", help="what to run")
    parser.set_defaults(wrong=parser.error)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out; it does not return where the command takes this process's place."""
    from ecr_vend import registries
    from ecr_vend.config_folder import ConfigFolder
    from ecr_vend.settings import load
    from ecr_vend.tokens import obtain

    words: list[str] = arguments.words[arguments.words[:1] == ["--"] :]
    if not words:
        arguments.wrong("there is no command: write it after --")
    environ = console.environ
    try:
        program = found(words[0], environ)
        asked = registries.chosen(arguments.registry, load(environ), environ)
        tokens = {registry.name: obtain(registry, environ) for registry in asked}
        if arguments.verbose:
            for name, token in tokens.items():
                ends = datetime.fromtimestamp(token.expires, UTC)
                console.note(f"ecr-vend: the token for {name} works until {ends:%H:%M:%S} UTC")
        folder = ConfigFolder(environ)
        try:
            if os.name != "nt":
                folder.keep(environ)
            folder.fill({name: token.password for name, token in tokens.items()}, environ)
            console.stdout.flush()
            console.stderr.flush()
            start = wait_for if os.name == "nt" else replace
            return start(program, words, folder.variables(tokens, environ))
        finally:
            folder.remove()
    except Problem as problem:
        if problem.code not in CODES:
            raise
        console.note(str(problem))
        return CODES[problem.code]


def found(command: str, environ: Mapping[str, str]) -> str:
    """Return the path of a program.

    Raises:
        Problem: `command_not_found` or `command_not_run`.
    """
    path = environ.get("PATH", os.defpath)
    if program := shutil.which(command, path=path):
        return program
    # "./x" is a path, "x" is not, as to a shell.
    is_path = os.path.dirname(command)  # noqa: PTH120
    if shutil.which(command, mode=os.F_OK, path=path) or (is_path and os.path.lexists(command)):
        raise Problem("command_not_run", command=command, detail="it is not an executable file")
    raise Problem("command_not_found", command=command)


def replace(program: str, words: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Put the command in this process's place.

    Raises:
        Problem: `command_not_run`.
    """
    # Python ignores these two, and the command would go on ignoring them: `yes | head` would hang.
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execve(program, list(words), dict(environ))  # noqa: S606 what the person asked for
    except OSError as error:
        detail = error.strerror or str(error)
        raise Problem("command_not_run", command=words[0], detail=detail) from None


def wait_for(program: str, words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command beside this process and return its exit code, on Windows.

    Ctrl-C reaches every process of the console, so the command decides what it means.
    """
    with subprocess.Popen([program, *words[1:]], env=dict(environ)) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue

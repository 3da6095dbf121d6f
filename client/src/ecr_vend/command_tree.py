"""What the command line understands, as completion and the manual need it."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = frozenset({"FILE", "PATH", "DIR"})
"""Metavars of arguments that name files."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An option or a positional argument.

    Attributes:
        flags: As it is typed; none for a positional one.
        summary: What it is for, on one line.
        takes: Whether a value follows.
        metavar: What stands for the value.
        help: All that is said of it.
        choices: The values there are; none when any will do.
        files: Whether the value is a file.
    """

    flags: tuple[str, ...]
    summary: str
    takes: bool
    metavar: str
    help: str
    choices: tuple[str, ...]
    files: bool


@dataclass(frozen=True, slots=True)
class Command:
    """A command and what may follow it.

    Attributes:
        words: What is typed for it, the program's name left out.
        summary: One line.
        epilog: What the help ends with, the examples.
        arguments: Its own options and arguments.
        commands: The commands below it.
    """

    words: tuple[str, ...]
    summary: str
    epilog: str
    arguments: tuple[Argument, ...]
    commands: tuple[Command, ...]

    def every(self) -> Iterator[Command]:
        """Yield this command and all below it."""
        yield self
        for command in self.commands:
            yield from command.every()

    @property
    def options(self) -> list[Argument]:
        """Return the arguments that begin with a dash."""
        return [one for one in self.arguments if one.flags]

    @property
    def values(self) -> list[Argument]:
        """Return the others."""
        return [one for one in self.arguments if not one.flags]


def tree(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = (), summary: str = ""
) -> Command:
    """Return what a parser understands."""
    arguments: list[Argument] = []
    below: list[Command] = []
    for action in parser._actions:  # noqa: SLF001 argparse has no other way to be asked
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            told = {one.dest: one.help or "" for one in action._choices_actions}  # noqa: SLF001
            below = [
                tree(inner, (*words, name), told.get(name, ""))
                for name, inner in action.choices.items()
            ]
        elif action.help != argparse.SUPPRESS:
            arguments.append(
                Argument(
                    flags=tuple(action.option_strings),
                    summary=re.split(r"[.:;] | \(", action.help or "")[0],
                    takes=action.nargs != 0,
                    metavar=_metavar(action),
                    help=action.help or "",
                    choices=tuple(map(str, action.choices or ())),
                    files=action.metavar in FILES or action.nargs == argparse.REMAINDER,
                )
            )
    return Command(words, summary, parser.epilog or "", tuple(arguments), tuple(below))


def _metavar(action: argparse.Action) -> str:
    """Return what the help shows for a value."""
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()

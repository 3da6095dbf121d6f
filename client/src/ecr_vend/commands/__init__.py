"""The commands of `ecr-vend`, a module each.

A module answers two calls: `add` describes the command's arguments, and `run` carries it out. Both
are cheap to import; what a command needs beyond the standard library it imports when it runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import argparse

    from ecr_vend.console import Console

NAMES = (
    "configure",
    "login",
    "get",
    "whoami",
    "explain",
    "doctor",
    "cache",
    "config",
    "exec",
    "materialize",
    "revoke",
    "audit",
    "completion",
    "version",
)
"""The commands in the order in which `--help` lists them."""


class Command(Protocol):
    """What a module of this package offers."""

    def add(self, commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
        """Describe the command's arguments."""

    def run(self, arguments: argparse.Namespace, console: Console) -> int:
        """Carry the command out and return the exit code.

        Raises:
            Problem: It failed; the text says what to do.
        """


def load(name: str) -> Command:
    """Return the module of a command."""
    return cast("Command", import_module(f"ecr_vend.commands.{name.replace('-', '_')}"))

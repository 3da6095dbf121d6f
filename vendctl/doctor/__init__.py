"""`vendctl doctor`: what in a live account would defeat the scoping of vended tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vendctl.command_line import subject
from vendctl.doctor import registry

if TYPE_CHECKING:
    import argparse

ACTIONS = (registry,)
"""Each has `add(actions)`, in the order of `--help`."""


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Describe the subject and its actions."""
    actions = subject(commands, "doctor", "what in an account would defeat the scoping of tokens")
    for one in ACTIONS:
        one.add(actions)

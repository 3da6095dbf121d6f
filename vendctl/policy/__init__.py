"""`vendctl policy`: write a policy, test it, see what it does, change it safely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vendctl.command_line import subject
from vendctl.policy import (
    check,
    diff,
    explain,
    fmt,
    history,
    publish,
    rollback,
    schema,
    status,
    test,
    who,
)

if TYPE_CHECKING:
    import argparse

ACTIONS = (check, test, fmt, schema, explain, who, diff, publish, status, history, rollback)
"""Each has `add(actions)`, in the order of `--help`."""


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Describe the subject and its actions."""
    actions = subject(commands, "policy", "write a policy, test it, see what it does, change it")
    for one in ACTIONS:
        one.add(actions)

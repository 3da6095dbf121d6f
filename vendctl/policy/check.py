"""`vendctl policy check`: every problem in a policy, each with its place and cure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vendctl.command_line import action
from vendctl.policy.document import add_file, policy_of

if TYPE_CHECKING:
    import argparse

    from vendctl.console import Console


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    add_file(action(actions, "check", run, examples=["vendctl policy check policy/policy.yaml"]))


def run(asked: argparse.Namespace, console: Console) -> int:
    """Say every problem in a policy, each with its line and cure, or what it holds."""
    policy = policy_of(asked.file)
    console.line(
        f"{asked.file}: {len(policy.grants)} grants, {len(policy.denies)} denies, well formed"
    )
    return 0

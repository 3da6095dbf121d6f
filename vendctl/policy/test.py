"""`vendctl policy test`: what a policy's authors expect of it, decided as the service decides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vendctl.command_line import action
from vendctl.policy.document import add_file, policy_of
from vending.policy_tests import failures

if TYPE_CHECKING:
    import argparse

    from vendctl.console import Console


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    add_file(action(actions, "test", run, examples=["vendctl policy test policy/policy.yaml"]))


def run(asked: argparse.Namespace, console: Console) -> int:
    """Run the tests inside a policy, as its deployment does."""
    policy = policy_of(asked.file)
    failed = failures(policy, now=datetime.now(UTC))
    for failure in failed:
        console.note(f"{asked.file}: {failure}")
    console.line(
        f"{asked.file}: {len(policy.tests) - len(failed)} of {len(policy.tests)} tests pass"
    )
    if not policy.tests:
        console.note(f"{asked.file}: there are no tests: add some under `tests:`")
    return 1 if failed else 0

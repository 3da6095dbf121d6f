"""`ecr-vend whoami`: who the service takes you for, and what you may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_vend.command_line import described
from ecr_vend.deadline import Deadline
from ecr_vend.errors import clean
from ecr_vend.settings import load

if TYPE_CHECKING:
    import argparse

    from ecr_vend.console import Console

SECONDS = 25.0


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "whoami",
        "say who the service takes you for, and which of its grants are yours",
        examples=["ecr-vend whoami", "ecr-vend whoami --json | jq -r .caller.arn"],
    )
    parser.add_argument("--json", action="store_true", help="print the service's answer as it is")
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out."""
    from ecr_vend.service import connect

    answer: dict[str, Any] = connect(load(console.environ), console.environ).whoami(
        Deadline(SECONDS)
    )
    if arguments.json:
        console.json(answer)
        return 0
    caller = answer["caller"]
    console.line(f"You are {clean(str(caller['arn']))}")
    for grant in answer["grants"]:
        repositories = ", ".join(grant["repositories"])
        console.line(clean(f"{grant['name']}: {grant['access']} {repositories}"))
    if not answer["grants"]:
        console.line("No grant is yours: ask the platform team that runs the service")
    return 0

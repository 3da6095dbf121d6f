"""`ecr-vend doctor`: look at everything a pull depends on, and say what to do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ecr_vend.command_line import described
from ecr_vend.deadline import Deadline

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ecr_vend.console import Console
    from ecr_vend.diagnosis import Check, Finding

SECONDS = 28.0
"""For everything."""

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "doctor",
        "look at everything a pull depends on, and say what to do",
        examples=[
            "ecr-vend doctor",
            "ecr-vend doctor --registry 111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "ecr-vend doctor --json | jq '.[] | select(.status == \"fail\")'",
        ],
    )
    parser.add_argument(
        "--registry",
        action="append",
        metavar="HOST",
        help="a registry to look at, may be repeated (default: those that the settings or "
        "docker's configuration name)",
    )
    parser.add_argument("--json", action="store_true", help="print a list for a script")
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out: 0 where nothing failed, 1 else."""
    from ecr_vend.diagnosis import FAIL, Case, examine

    case, whole = Case(console.environ), Deadline(SECONDS)
    found: list[Finding] = []
    for check in checks(arguments.registry):
        for finding in examine(check, case, whole):
            found.append(finding)
            if not arguments.json:
                show(finding, console)
    if arguments.json:
        console.json([finding.document() for finding in found])
    return int(any(finding.status == FAIL for finding in found))


def checks(registries: Sequence[str] | None) -> list[Check]:
    """Return the checks, each after those whose findings it needs."""
    from ecr_vend.diagnosis import caller, configs, kept, network, program

    return [
        ("versions", program.versions, 2.0),
        ("helper", program.helper, 6.0),
        ("log", program.log, 2.0),
        ("settings", configs.settings, 2.0),
        ("registries", partial(configs.chosen, given=registries), 2.0),
        ("docker", configs.docker, 2.0),
        ("containers", configs.containers, 2.0),
        ("cache", kept.cache, 3.0),
        ("credentials", caller.credentials, 8.0),
        ("proxy", network.way, 5.0),
        ("service", network.service, 6.0),
        ("identity", caller.identity, 7.0),
        ("policy", caller.policy, 7.0),
    ]


def show(finding: Finding, console: Console) -> None:
    """Print a finding at once: the next one may take its time."""
    status = console.coloured(f"{finding.status:<5}", COLOURS[finding.status])
    console.line(f"{status} {finding.check}: {finding.detail}")
    if finding.cure:
        console.line(f"      → {finding.cure}")
    console.stdout.flush()

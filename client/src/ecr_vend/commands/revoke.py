"""`ecr-vend revoke`: end tokens before their time, block a caller, and see what was revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_vend import registries, revocations
from ecr_vend.command_line import described
from ecr_vend.deadline import Deadline
from ecr_vend.errors import Problem
from ecr_vend.settings import load

if TYPE_CHECKING:
    import argparse

    from ecr_vend.console import Console

SECONDS = 70.0
"""The service writes to every registry before it answers, and may have to be asked again."""

NEEDS = {
    "vend": "the id of a vend",
    "caller": "the key of a caller, as `ecr-vend whoami --json` and the records have it",
    "before": "a time like 2026-11-23T20:00:00Z, or now",
    "lift": "the id of a revocation, as `ecr-vend revoke list` has it",
}
"""Action → what has to be named."""

FIELDS = {"vend": "vend_id", "caller": "caller", "before": "before"}
"""Action → the field of the request."""


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "revoke",
        "end tokens before their time, for those whom the policy lets",
        examples=[
            'ecr-vend revoke vend v-01jd8w0123456789abcdefghjk --reason "in a build log"',
            'ecr-vend revoke caller aws:111122223333:AROAEXAMPLE12 --reason "laptop stolen"',
            'ecr-vend revoke before now --reason "runner image compromised"',
            "ecr-vend revoke list",
            "ecr-vend revoke lift r-mc52fac47vuemakqxlpd2avj63",
        ],
    )
    parser.add_argument(
        "action",
        choices=("vend", "caller", "before", "list", "lift"),
        help="what to revoke, or what to do with what was revoked",
    )
    parser.add_argument(
        "what", metavar="WHAT", nargs="?", help="vend id, caller key, time, or revocation id"
    )
    parser.add_argument("--reason", metavar="TEXT", help="why: kept in the audit record")
    parser.add_argument("--yes", action="store_true", help="with before: do not ask")
    parser.add_argument(
        "--registry", metavar="HOST", help="as whom, and of which service, this registry is asked"
    )
    parser.add_argument("--json", action="store_true", help="print the service's answer as it is")
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out."""
    from ecr_vend.service import connect

    action = arguments.action
    check(arguments)
    settings = load(console.environ)
    if arguments.registry:
        settings = registries.named(arguments.registry, settings).settings
    service = connect(settings, console.environ)
    if action == "before" and not arguments.yes:
        confirm(arguments.what, console)
    deadline = Deadline(SECONDS)
    if action == "list":
        answer = service.revocations(deadline)
        lines = revocations.listed(answer, service.endpoint)
    else:
        if action == "lift":
            answer = service.lift(arguments.what, deadline)
        else:
            request = {FIELDS[action]: arguments.what, "reason": arguments.reason}
            answer = service.revoke(request, deadline)
        lines = revocations.read(answer, service.endpoint).lines()
    if arguments.json:
        console.json(answer)
        return 0
    for line in lines or ["Nothing is revoked"]:
        console.line(line)
    return 0


def check(arguments: argparse.Namespace) -> None:
    """Let a command line pass that says all its action needs.

    Raises:
        Problem: `not_said`.
    """
    action = arguments.action
    if action in NEEDS and not arguments.what:
        raise Problem("not_said", action=action, what=NEEDS[action])
    if action in FIELDS and not arguments.reason:
        raise Problem("not_said", action=action, what="--reason, which the audit record keeps")


def confirm(before: str, console: Console) -> None:
    """Ask a person whether all tokens shall end.

    Raises:
        Problem: `not_confirmed`; also where there is nobody to ask.
    """
    if console.stdin.isatty():
        console.note(f"Every token issued before {before} stops working, whoever has it.")
        console.note("Type yes to revoke them: ")
        if console.stdin.readline().strip() == "yes":
            return
    raise Problem("not_confirmed", before=before)

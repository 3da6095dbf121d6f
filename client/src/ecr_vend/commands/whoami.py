"""`ecr-vend whoami`: who the service takes you for, and what you may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_vend.command_line import described
from ecr_vend.deadline import Deadline
from ecr_vend.errors import Problem, clean
from ecr_vend.moments import span
from ecr_vend.registries import named
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
    parser.add_argument(
        "--registry", metavar="HOST", help="as whom, and of which service, this registry is asked"
    )
    parser.add_argument("--json", action="store_true", help="print the service's answer as it is")
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out."""
    from ecr_vend.service import connect

    environ = console.environ
    settings = load(environ)
    if arguments.registry:
        settings = named(arguments.registry, settings).settings
    service = connect(settings, environ)
    answer = service.whoami(Deadline(SECONDS))
    if arguments.json:
        console.json(answer)
        return 0
    try:
        lines = [*caller(answer), *(line for grant in listed(answer) for line in shown(grant))]
        lines += [line for grant in planned(answer) for line in shown(grant, mark="planned: ")]
    except (KeyError, TypeError, ValueError, OverflowError):
        detail = "it does not say who you are"
        raise Problem("unexpected_answer", endpoint=service.endpoint, detail=detail) from None
    for line in lines:
        console.line(line)
    if not answer["grants"]:
        console.line("No grant is yours: ask the platform team that runs the service")
    return 0


def caller(answer: dict[str, Any]) -> list[str]:
    """Return the lines about the caller."""
    who = answer["caller"]
    facts = {
        "account": who["account"],
        "session": who["session"] or "(none)",
        "address": answer["source_ip"],
        "policy": f"revision {answer['policy_revision']}",
    }
    return [
        f"You are {clean(str(who['arn']))}",
        *(f"{name:<8} {clean(str(fact))}" for name, fact in facts.items()),
    ]


def listed(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the caller's grants."""
    return list(answer["grants"])


def planned(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the grants in monitor mode, which give nothing yet; an older service tells none."""
    return list(answer.get("monitored", ()))


def shown(grant: dict[str, Any], *, mark: str = "") -> list[str]:
    """Return the lines about one grant."""
    limits = [f"at {grant['registry']}", f"up to {span(grant['max_ttl_seconds'])}"]
    if grant["expires_on"]:
        limits.append(f"through {grant['expires_on']}")
    if grant["break_glass"]:
        limits.append("only where it is asked for by name")
    if grant["bind_source_ip"]:
        limits.append("only from the address it was asked from")
    return [
        clean(f"{mark}{grant['name']}: {grant['access']} {', '.join(grant['repositories'])}"),
        f"  {clean(', '.join(limits))}",
    ]

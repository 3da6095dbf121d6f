"""`vendctl policy explain`: what a policy gives a caller, and why it does not give more."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vendctl.command_line import Failure, action
from vendctl.explaining.as_json import document
from vendctl.explaining.callers import asked_of
from vendctl.explaining.explaining import explain
from vendctl.explaining.explanation import ANYWHERE, Question
from vendctl.explaining.page import page
from vendctl.policy.arguments import access, add_at, address, repository, ttl
from vendctl.policy.document import add_file, asked_policy
from vending.access import Access

if TYPE_CHECKING:
    import argparse

    from vendctl.console import Console
    from vending.policy import Policy

CALLER = "arn:aws:sts::111122223333:assumed-role/payments-ci/run-1"


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    parser = action(
        actions,
        "explain",
        run,
        examples=[
            f"vendctl policy explain policy/policy.yaml --caller {CALLER}",
            "vendctl policy explain policy/policy.yaml --repository payments/api --access push \\",
            '    --caller "$(aws sts get-caller-identity)"',
            "vendctl policy explain policy/policy.yaml --repository search/indexer --all \\",
            "    --caller arn:aws:iam::111122223333:role/payments-ci --session-policy",
        ],
    )
    add_file(parser)
    parser.add_argument(
        "--caller",
        metavar="ARN",
        required=True,
        help="who asks: what `aws sts get-caller-identity` prints, or the ARN of a role",
    )
    parser.add_argument(
        "--repository", metavar="NAME", type=repository, help="absent: all that the caller may have"
    )
    parser.add_argument(
        "--access",
        metavar="ACCESS",
        type=access,
        help=f"{', '.join(Access)} (default: pull, or without a repository the most there is)",
    )
    parser.add_argument(
        "--registry", metavar="NAME", help="as the policy calls it (default: the default one)"
    )
    parser.add_argument(
        "--grant", metavar="NAME", help="draw on this grant alone; a break-glass grant needs it"
    )
    parser.add_argument("--ttl", metavar="LENGTH", type=ttl, help="ask for at most this: 30m, 1h")
    parser.add_argument(
        "--source-ip",
        metavar="ADDRESS",
        type=address,
        default=ANYWHERE,
        help=f"for a grant that binds it (default: {ANYWHERE} stands for it)",
    )
    add_at(parser)
    parser.add_argument(
        "--session-policy", action="store_true", help="print what STS would be sent, whole"
    )
    parser.add_argument("--all", action="store_true", help="compare every grant, not the nearest")
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(asked: argparse.Namespace, console: Console) -> int:
    """Say what a policy gives a caller, by which grants, what takes it away and what is missing.

    Exit code 0 where it would be vended, 1 where not.
    """
    policy, places = asked_policy(asked.file)
    who = asked_of(asked.caller)
    found = explain(
        policy,
        Question(
            caller=who.caller,
            repository=asked.repository,
            access=asked.access,
            registry=asked.registry,
            grant=known(policy, asked.grant),
            ttl=asked.ttl,
            source_ip=asked.source_ip,
            every=asked.all,
        ),
        now=asked.at or datetime.now(UTC),
    )
    if asked.json:
        console.json(document(found, places, assumed=who.assumed))
    else:
        first, *others = page(found, places, assumed=who.assumed, whole=asked.session_policy)
        console.line(console.coloured(first, "bold", "green" if found.allowed else "red"))
        for line in others:
            console.line(line)
    return 0 if found.allowed else 1


def known(policy: Policy, name: str | None) -> str | None:
    """Return the name of a grant that there is.

    Raises:
        Failure: There is none of that name.
    """
    names = [grant.name for grant in policy.grants]
    if name is None or name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    cure = f"; did you mean {near[0]}?" if near else ""
    raise Failure(f"--grant: the policy has no grant {name!r}{cure}")

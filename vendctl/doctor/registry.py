"""`vendctl doctor registry`: what in a live account would defeat the scoping of vended tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vendctl.command_line import action
from vendctl.doctor.asking import Reader
from vendctl.doctor.examination import findings_of
from vendctl.doctor.findings import Report
from vendctl.doctor.printing import as_json, tell
from vendctl.doctor.reading import account_of
from vendctl.doctor.targets import target
from vendctl.policy.document import policy_of
from vendctl.stack import add_stack, with_aws

if TYPE_CHECKING:
    import argparse

    import boto3

    from vendctl.console import Console

EXAMPLES = (
    "vendctl doctor registry",
    "vendctl doctor registry --stack ecr-vend-images --region eu-central-1",
    "vendctl doctor registry --role-prefix ecr-vend.eu.eu-central-1 --vend-role arn:aws:iam::…",
    "vendctl doctor registry --repositories 'payments/*' --policy policy/policy.yaml --json",
)


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    parser = action(actions, "registry", with_aws(examine), examples=EXAMPLES)
    add_stack(parser)
    parser.add_argument("--region", help="of the registry (default: that of your AWS settings)")
    parser.add_argument(
        "--registry-id", metavar="ACCOUNT", help="stop unless the credentials are of this account"
    )
    parser.add_argument(
        "--role-prefix",
        metavar="BEGINNING",
        help="instead of a stack: how the names of its vended roles begin, before -pull, -push",
    )
    parser.add_argument(
        "--vend-role", metavar="ARN", help="with --role-prefix: the vending function's role"
    )
    parser.add_argument(
        "--prefixes",
        metavar="LIST",
        help="with --role-prefix: the stack's RepositoryPrefixes, with commas",
    )
    parser.add_argument(
        "--repositories", metavar="GLOB", default="*", help="only these (default: all)"
    )
    parser.add_argument(
        "--policy", metavar="FILE", help="also note the repositories that no grant of it reaches"
    )
    parser.add_argument("--strict", action="store_true", help="warnings count as errors do")
    parser.add_argument("--json", action="store_true", help="for scripts")


def examine(asked: argparse.Namespace, console: Console, session: boto3.Session) -> int:
    """List what in a live account would defeat the scoping of vended tokens, and the cures.

    It only reads. Exit code 0: nothing of severity error; 1: something, or something that could
    not be looked at; 2: nothing could be.
    """
    policy = policy_of(asked.policy) if asked.policy else None
    which, name = target(session, asked)
    reader = Reader(session, which.place.region, console)
    account = account_of(reader, which, asked.repositories)
    granted = None
    if policy is not None:
        granted = [
            pattern
            for grant in policy.grants
            if grant.registry == name and grant.mode == "enforce"
            for pattern in grant.repositories
        ]
    report = Report(
        findings_of(account, which, granted=granted),
        tuple(reader.unread),
        {
            "vended roles": sum(bool(role.role_id) for role in account.roles),
            "other roles": len(account.trusts),
            "repositories": len(account.repositories),
            "resource policies": len(account.policies),
        },
    )
    if asked.json:
        console.json(as_json(report, which))
    else:
        tell(report, which, console)
    return report.exit_code(strict=asked.strict)

"""`vendctl policy diff`: who gains and loses what when one policy takes the place of another."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vendctl.command_line import Failure, action
from vendctl.console import printable
from vendctl.difference.difference import difference
from vendctl.difference.effort import MOST, Effort
from vendctl.difference.markdown import markdown
from vendctl.difference.real_names import RealNames
from vendctl.difference.repository_names import live_names, names_in
from vendctl.difference.revision import committed
from vendctl.difference.written import document, lines
from vendctl.policy.arguments import add_at
from vendctl.policy.document import STDIN, text_of
from vendctl.stack import with_aws
from vending.policy_text import parse
from vending.registry import DEFAULT

if TYPE_CHECKING:
    import argparse

    import boto3

    from vendctl.console import Console
    from vending.policy import Policy


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    parser = action(
        actions,
        "diff",
        run,
        examples=[
            "vendctl policy diff main:policy/policy.yaml policy/policy.yaml",
            "vendctl policy diff old.yaml new.yaml --repositories names.txt --markdown",
            "vendctl policy diff HEAD~1:policy.yaml policy.yaml --live --fail-on-widening",
        ],
    )
    parser.description = inspect.cleandoc(run.__doc__ or "")
    of = "a file, - for stdin, or REVISION:PATH (git:REVISION:PATH) for a file as git has it"
    parser.add_argument("old", metavar="OLD", help=f"the policy that serves: {of}")
    parser.add_argument("new", metavar="NEW", help="the policy that would, named likewise")
    add_at(parser)
    known = parser.add_mutually_exclusive_group()
    known.add_argument(
        "--repositories",
        metavar="FILE",
        help="say which repositories of this list are concerned: one name a line, or the JSON of "
        "`aws ecr describe-repositories`",
    )
    known.add_argument(
        "--live",
        metavar="REGION",
        nargs="?",
        const="",
        help="... of those that ECR lists, in this region or the one that is configured",
    )
    parser.add_argument("--registry-id", metavar="ACCOUNT", help="of --live: another account's")
    parser.add_argument(
        "--registry",
        metavar="NAME",
        default=DEFAULT,
        help="what the policies call the registry of these repositories (default: default)",
    )
    parser.add_argument(
        "--effort",
        metavar="UNITS",
        type=int,
        default=MOST,
        help=f"give up, aloud, after so much work (default: {MOST}, a minute or so)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for scripts")
    form.add_argument("--markdown", action="store_true", help="for a comment on a pull request")
    parser.add_argument(
        "--exit-code", action="store_true", help="end with 1 where anything changes"
    )
    parser.add_argument(
        "--fail-on-widening", action="store_true", help="end with 1 where something widens"
    )


def run(asked: argparse.Namespace, console: Console) -> int:
    """Say who gains and loses what when one policy takes the place of another.

    Nothing is said exactly when no caller's decision changes. A change widens where somebody can
    get by it what no request gave before; the widest come first, marked with `!`.

    Ends with 0, or as --exit-code and --fail-on-widening say, and with 2 where not everything was
    looked at, since patterns overlap in too many ways.
    """
    if asked.live is not None:
        return with_aws(run_live)(asked, console)
    if asked.registry_id:
        raise Failure("--registry-id says whose repositories --live lists: give both")
    listed = names_in(asked.repositories) if asked.repositories else None
    return told(asked, console, listed)


def run_live(asked: argparse.Namespace, console: Console, session: boto3.Session) -> int:
    """Say it on the repositories that ECR lists."""
    listed = live_names(session, region=asked.live or None, registry_id=asked.registry_id)
    return told(asked, console, listed)


def told(asked: argparse.Namespace, console: Console, listed: list[str] | None) -> int:
    """Print the difference in the form that is asked for, and return the exit code."""
    names = None if listed is None else RealNames(listed, registry=asked.registry)
    if [asked.old, asked.new, asked.repositories].count(STDIN) > 1:
        raise Failure("only one of them can come from stdin")
    called = ["stdin" if one == STDIN else one for one in (asked.old, asked.new)]
    today = (asked.at or datetime.now(UTC)).date()
    found = difference(
        policy_at(asked.old),
        policy_at(asked.new),
        today=today,
        names=names,
        effort=Effort(asked.effort),
    )
    if asked.json:
        console.json(document(found, called, today=today, names=names))
    elif asked.markdown:
        console.stdout.write(markdown(found, called, today=today, names=names))
    else:
        console.line(printable(f"{called[0]} → {called[1]}, from {today} on"))
        console.line()
        for text, widens in lines(found, names=names):
            console.line(console.coloured(text, "yellow", "bold") if widens else text)
    if not found.is_exhaustive:
        console.note(
            "vendctl: not everything was looked at, since the patterns overlap in too many ways: "
            f"give more --effort than {asked.effort}"
        )
        return 2
    return int(bool(asked.exit_code and found) or (asked.fail_on_widening and found.widens))


def policy_at(place: str) -> Policy:
    """Return the policy in a file, on stdin, or as git has it.

    Raises:
        Failure: It cannot be read.
        PolicyError: It is no policy.
    """
    text = committed(place)
    return parse(text_of(place) if text is None else text, name=printable(place))

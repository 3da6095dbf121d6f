"""`vendctl policy who`: who may have a repository, by the code that answers auditors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from auditing.access import Period, Question, possible, words
from auditing.selection import Span
from vendctl.columns import aligned
from vendctl.command_line import action
from vendctl.policy.arguments import access, add_at, repository, stamp
from vendctl.policy.document import add_file, asked_policy
from vendctl.spreadsheet import as_csv
from vending.access import Access
from vending.messages import printable
from vending.registry import DEFAULT

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from auditing.access import Possible
    from vendctl.console import Console
    from vendctl.explaining.places import Places
    from vending.policy import Grant, Policy

COLUMNS = (
    "callers",
    "many",
    "grant",
    "owner",
    "access",
    "until",
    "break_glass",
    "bind_source_ip",
    "unless",
    "line",
    "callers_line",
)
"""Of each row, as scripts and spreadsheets read it."""


@dataclass(frozen=True, slots=True)
class Entitled:
    """Some callers who may have it.

    Attributes:
        possible: They, as auditors are told of them.
        grant: By which grant.
        number: Its place in the policy, from 0.
        callers: Their place in the grant, from 0.
    """

    possible: Possible
    grant: Grant
    number: int
    callers: int


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    parser = action(
        actions,
        "who",
        run,
        examples=[
            "vendctl policy who policy/policy.yaml --repository payments/api --access push",
            "vendctl policy who policy/policy.yaml --repository payments/api --csv > pullers.csv",
            "vendctl policy who policy/policy.yaml --repository base/python --at 2027-07-01 --json",
        ],
    )
    add_file(parser)
    parser.add_argument(
        "--repository", metavar="NAME", type=repository, required=True, help="a literal one"
    )
    parser.add_argument(
        "--access",
        metavar="ACCESS",
        type=access,
        default=Access.PULL,
        help=f"{', '.join(Access)} (default: pull, which the others include)",
    )
    parser.add_argument(
        "--registry",
        metavar="NAME",
        default=DEFAULT,
        help="as the policy calls it (default: the default one)",
    )
    add_at(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for scripts")
    form.add_argument("--csv", action="store_true", help="for a spreadsheet")


def run(asked: argparse.Namespace, console: Console) -> int:
    """Say who may have a repository: by which grant, whose it is, until when, less which denies.

    Exit code 0 where somebody may, 1 where nobody may.
    """
    policy, places = asked_policy(asked.file)
    now = asked.at or datetime.now(UTC)
    # A moment: an auditor asks about a time, and whoever reads a policy about one day.
    span = Span(now, now + timedelta(microseconds=1))
    question = Question(asked.repository, asked.access, asked.registry, span)
    found = list(entitled(policy, question))
    if asked.json:
        console.json(document(found, question, places))
    elif asked.csv:
        rows = (values(one, places) for one in found)
        cells = ([cell(row[name]) for name in COLUMNS] for row in rows)
        console.stdout.write(as_csv(COLUMNS, cells))
    else:
        first, *others = page(found, question, places)
        console.line(console.coloured(first, "bold"))
        for line in others:
            console.line(line)
    return 0 if found else 1


def entitled(policy: Policy, question: Question) -> Iterator[Entitled]:
    """Yield who may have what is asked about, in policy order."""
    grants = {grant.name: (number, grant) for number, grant in enumerate(policy.grants)}
    for one in possible(question, policy, Period(question.span, "", "")):
        number, grant = grants[one.grant]
        yield Entitled(one, grant, number, [*map(words, grant.callers)].index(one.callers))


def document(found: Sequence[Entitled], question: Question, places: Places) -> dict[str, Any]:
    """Return the answer as plain values: docs/policy.md describes it."""
    return {
        "file": places.file,
        "at": stamp(question.span.start),
        "registry": question.registry,
        "repository": question.repository,
        "access": question.access,
        "who": [values(one, places) for one in found],
    }


def values(one: Entitled, places: Places) -> dict[str, Any]:
    """Return some callers as plain values."""
    return {
        "callers": one.possible.callers,
        "many": one.possible.many,
        "grant": one.grant.name,
        "owner": one.possible.owner,
        "access": one.grant.access,
        "until": one.grant.expires_on.isoformat() if one.grant.expires_on else None,
        "break_glass": one.grant.break_glass,
        "bind_source_ip": one.grant.bind_source_ip,
        "unless": list(one.possible.unless),
        "line": places.line("grants", one.number),
        "callers_line": places.line("grants", one.number, "callers", one.callers),
    }


def cell(value: object) -> str:
    """Return a value as a spreadsheet has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value or "")


def page(found: Sequence[Entitled], question: Question, places: Places) -> Iterator[str]:
    """Yield the lines of the page."""
    what = f"{question.access} of {question.repository} in the registry {question.registry}"
    many = "nobody" if not found else "1 entry" if len(found) == 1 else f"{len(found)} entries"
    yield printable(f"{what} at {stamp(question.span.start)}: {many}")
    if found:
        yield ""
        heads = ("callers", "grant", "owner", "access", "until", "but", "")
        yield from aligned([heads, *(row(one, places) for one in found)])


def row(one: Entitled, places: Places) -> tuple[str, ...]:
    """Return some callers as a row of the page."""
    denies = ", ".join(one.possible.unless)
    but = (
        "must name the grant and give a reason" if one.grant.break_glass else "",
        "from one address" if one.grant.bind_source_ip else "",
        f"not whom the deny {denies} names" if denies else "",
    )
    return (
        one.possible.callers,
        one.grant.name,
        one.possible.owner,
        one.grant.access,
        one.grant.expires_on.isoformat() if one.grant.expires_on else "",
        "; ".join(filter(None, but)),
        places.at("grants", one.number, "callers", one.callers),
    )

"""`ecr-vend audit`: what was vended, to whom and why, and which vend a token came from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ecr_vend import access, registries, vends
from ecr_vend.command_line import described
from ecr_vend.commands import audit_export, audit_verify
from ecr_vend.commands.audit_arguments import add_access, add_list, add_report, asked_of
from ecr_vend.deadline import Deadline
from ecr_vend.errors import Problem, clean
from ecr_vend.settings import load
from ecr_vend.vend_pages import SECONDS, pages

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from ecr_vend.console import Console
    from ecr_vend.service import Service

SELECTORS = ("caller", "repository", "grant", "outcome", "break_glass")


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "audit",
        "read what was vended, for those whom the policy lets, and verify its archive",
        examples=[
            "ecr-vend audit list --repository payments/api --from 2026-10-01T00:00:00Z",
            "ecr-vend audit show v-01jd8w0123456789abcdefghjk",
            "ecr-vend audit whose < leaked-token",
            "ecr-vend audit access --repository payments/api --access push",
            "ecr-vend audit report --out report.html",
            "ecr-vend audit export --out copy --from 2026-11-27",
            "ecr-vend audit verify --archive copy --key public-key.pem",
        ],
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add_list(actions)
    show = described(
        actions,
        "show",
        "show one vend",
        examples=["ecr-vend audit show v-01jd8w0123456789abcdefghjk"],
    )
    show.add_argument("what", metavar="ID", help="its id, as `ecr-vend audit list` has it")
    whose = described(
        actions,
        "whose",
        "say which vend the token on stdin came from",
        examples=["ecr-vend audit whose < leaked-token"],
    )
    for one in (show, whose):
        one.add_argument("--json", action="store_true", help="print the service's record as it is")
        asked_of(one)
    add_access(actions)
    add_report(actions)
    asked_of(audit_export.add(actions))
    audit_verify.add(actions)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out."""
    from ecr_vend.service import connect

    if arguments.action == "verify" and not arguments.ledger:
        return audit_verify.run(arguments, None, console)
    token = the_token(console) if arguments.action == "whose" else None
    settings = load(console.environ)
    if arguments.registry:
        settings = registries.named(arguments.registry, settings).settings
    service = connect(settings, console.environ)
    if "caller" in arguments and arguments.caller:
        arguments.caller = key_of(arguments.caller, service)
    if arguments.action == "list":
        return listed(service, arguments, console)
    if arguments.action == "access":
        return could(service, arguments, console)
    if arguments.action == "verify":
        return audit_verify.run(arguments, service, console)
    if arguments.action == "export":
        return audit_export.run(arguments, service, console)
    if arguments.action == "report":
        from ecr_vend import reporting

        wish = reporting.Wish(selected(arguments), arguments.start, arguments.end, arguments.out)
        return reporting.run(service, wish, console)
    if token is not None:
        vend = service.lookup(token, Deadline(SECONDS))
    else:
        vend = service.shown(arguments.what, Deadline(SECONDS))
    if arguments.json:
        console.json(vend)
        return 0
    for line in vends.lines(vend, service.endpoint):
        console.line(line)
    return 0


def listed(service: Service, arguments: argparse.Namespace, console: Console) -> int:
    """Print a list; one that is cut short is printed so far, with how to go on.

    Raises:
        Problem: It was cut short.
    """
    could: dict[str, Any] = {}
    found: list[dict[str, Any]] = []
    stopped: BaseException | None = None
    try:
        for vend in read(service, arguments, console, could):
            found += [vend]
    except (Problem, KeyboardInterrupt) as reason:
        if not found:
            raise
        stopped = reason
    show_list(found, could, service.endpoint, arguments, console)
    if stopped is not None:
        place = vends.row(found[-1], service.endpoint)["vend_id"]
        console.note(f"These are {len(found)}, and not all: go on with --after {clean(place)}")
        raise stopped
    return 0


def show_list(
    found: Sequence[dict[str, Any]],
    could: Mapping[str, Any],
    endpoint: str,
    arguments: argparse.Namespace,
    console: Console,
) -> None:
    """Print vends as they are asked for."""
    if arguments.json:
        console.json(found)
        return
    rows = [vends.row(vend, endpoint, could) for vend in found]
    columns = vends.OF_REPOSITORY if arguments.repository else vends.COLUMNS
    if arguments.csv:
        # What goes on is added to what there is, which has a head.
        console.stdout.write(vends.as_csv(rows, columns, head=not arguments.after))
        return
    for line in vends.table(rows, columns) if rows else ["Nothing was vended or refused"]:
        console.line(line)


def could(service: Service, arguments: argparse.Namespace, console: Console) -> int:
    """Print who could have had access."""
    asked = {"repository": arguments.repository, "access": arguments.access}
    asked |= within(arguments) | span(arguments)
    answer = service.access(asked, Deadline(SECONDS))
    if arguments.json:
        console.json(answer)
        return 0
    rows = access.rows(answer, service.endpoint)
    if arguments.csv:
        console.stdout.write(vends.as_csv(rows, access.COLUMNS))
        return 0
    nobody = f"Nobody could have had {arguments.access} of {arguments.repository}"
    for line in vends.table(rows, access.COLUMNS) if rows else [nobody]:
        console.line(line)
    for line in access.notes(answer, asked, service.endpoint):
        console.note(line)
    return 0


def within(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the registry that is asked about, as the service takes it."""
    return {"registry": arguments.within} if arguments.within else {}


def span(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the time that is asked about, as the service takes it."""
    given = {"from": arguments.start, "to": arguments.end}
    return {name: moment for name, moment in given.items() if moment}


def read(
    service: Service, arguments: argparse.Namespace, console: Console, could: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the vends that are asked for, page by page, and show a person how far it is.

    Args:
        service: Who is asked.
        arguments: What for.
        console: Where a person sees how far it is.
        could: Takes what each token could do with the repository that is asked about.

    Raises:
        Problem: A page could not be had, or is none.
    """
    asked = {**selected(arguments), **within(arguments), **span(arguments)}
    asked["order"] = "oldest" if arguments.oldest_first else "newest"
    seen = 0
    for page in pages(service, asked, most=arguments.limit, after=arguments.after):
        could.update(page.could)
        yield from page.vends
        seen += len(page.vends)
        if page.after is not None and seen >= arguments.limit > 0:
            console.note(f"There are more: these are {seen}, --limit says how many.")
        elif page.after is not None:
            console.progress(f"{seen} vends")


def key_of(caller: str, service: Service) -> str:
    """Return the key of a caller, who may be named by the id of any of its vends.

    Raises:
        Problem: There is no such vend, or it is none.
    """
    if not caller.startswith("v-"):
        return caller
    key = service.shown(caller, Deadline(SECONDS)).get("caller_key")
    if not isinstance(key, str):
        detail = "it is no record of a vend"
        raise Problem("unexpected_answer", endpoint=service.endpoint, detail=detail)
    return key


def selected(arguments: argparse.Namespace) -> dict[str, str]:
    """Return by what vends are asked for, as the service takes it."""
    return {name: value for name in SELECTORS if (value := getattr(arguments, name))}


def the_token(console: Console) -> dict[str, str]:
    """Return what stdin holds, as the service takes it: a token, a docker login, a helper's answer.

    It is never an argument: those are in the process list and in the shell's history.

    Raises:
        Problem: `no_token`.
    """
    text = console.stdin.read(1 << 16).strip()
    if not text or not text.isascii():
        raise Problem("no_token")
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict):
        for name, field in (("Secret", "token"), ("password", "token"), ("auth", "auth")):
            if isinstance(document.get(name), str):
                return {field: document[name]}
        raise Problem("no_token")
    return {"auth" if text.startswith("QVdTO") else "token": text}

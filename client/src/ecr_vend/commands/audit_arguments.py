"""The arguments of `ecr-vend audit` that read what was vended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_vend.command_line import described

if TYPE_CHECKING:
    import argparse
    from datetime import datetime


def add_list(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments of `list`."""
    parser = described(
        actions,
        "list",
        "list what was vended and refused",
        examples=[
            "ecr-vend audit list --repository payments/api --from 2026-10-01T00:00:00Z",
            "ecr-vend audit list --outcome refused --csv > refused.csv",
            "ecr-vend audit list --caller v-01jd8w0123456789abcdefghjk",
        ],
    )
    chosen_by(parser)
    of_registry(parser, "every one")
    parser.add_argument("--oldest-first", action="store_true", help="in the order of time")
    parser.add_argument(
        "--limit", metavar="N", type=count, default=1000, help="vends at most (1000); 0: all"
    )
    parser.add_argument(
        "--after", metavar="ID", help="go on after this vend, where a list was cut short"
    )
    of_time(parser, "the last day")
    shown_as(parser, "the list")


def chosen_by(parser: argparse.ArgumentParser) -> None:
    """Describe which vends are asked for."""
    only = parser.add_mutually_exclusive_group()
    only.add_argument(
        "--caller",
        metavar="KEY|ID",
        help="what a caller asked: its key, `caller_key` of a vend, or the id of any of its vends",
    )
    only.add_argument("--repository", metavar="NAME", help="what was asked of a repository")
    only.add_argument("--grant", metavar="NAME", help="what a grant contributed to")
    only.add_argument("--outcome", choices=("issued", "refused", "failed"), help="how it ended")
    only.add_argument(
        "--break-glass", action="store_const", const="true", help="what a break-glass grant gave"
    )


def add_report(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments of `report`."""
    parser = described(
        actions,
        "report",
        "write what was vended and refused, and what differs from before, as one HTML page",
        examples=[
            "ecr-vend audit report --out report.html",
            "ecr-vend audit report --out november.html --from 2026-11-01T00:00:00Z",
        ],
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        required=True,
        help="the page, or - for stdout; an older report is replaced",
    )
    chosen_by(parser)
    of_time(parser, "the last 30 days")
    asked_of(parser)


def add_access(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments of `access`."""
    parser = described(
        actions,
        "access",
        "say who could have had access to a repository",
        examples=["ecr-vend audit access --repository payments/api --access push"],
    )
    parser.add_argument("--repository", metavar="NAME", required=True, help="which, literally")
    parser.add_argument(
        "--access",
        choices=("pull", "push", "pull-through"),
        default="pull",
        help="to do what (pull)",
    )
    of_registry(parser, "the default one")
    of_time(parser, "the last day")
    shown_as(parser, "the answer")


def of_registry(parser: argparse.ArgumentParser, otherwise: str) -> None:
    """Describe which registry's repositories are meant."""
    parser.add_argument(
        "--in",
        dest="within",
        metavar="NAME",
        help=f"of the registry that the policy calls so; {otherwise} if not given",
    )


def of_time(parser: argparse.ArgumentParser, otherwise: str) -> None:
    """Describe the time that is asked about."""
    parser.add_argument(
        "--from", dest="start", metavar="TIME", help=f"since then; {otherwise} if not given"
    )
    parser.add_argument("--to", dest="end", metavar="TIME", help="until just before then")


def shown_as(parser: argparse.ArgumentParser, what: str) -> None:
    """Describe how the answer is shown, and which service is asked."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the service's records as they are")
    form.add_argument("--csv", action="store_true", help=f"print {what} for a spreadsheet")
    asked_of(parser)


def asked_of(parser: argparse.ArgumentParser) -> None:
    """Describe which service is asked."""
    parser.add_argument(
        "--registry", metavar="HOST", help="as whom, and of which service, this registry is asked"
    )


def hour(text: str) -> datetime:
    """Return an hour of the archive: `2026-11-27T16`, or a day for its first.

    Raises:
        ValueError: It is none.
    """
    from ecr_vend.archive.documents import hour_named

    return hour_named(text)


def count(text: str) -> int:
    """Return a number of vends.

    Raises:
        ValueError: It is none.
    """
    number = int(text)
    if number < 0:
        raise ValueError
    return number

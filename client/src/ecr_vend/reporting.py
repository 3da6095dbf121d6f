"""`ecr-vend audit report`: reads what the service says of two periods, and writes the page."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_vend import __version__, access, moments, private_files
from ecr_vend.deadline import Deadline
from ecr_vend.errors import Problem
from ecr_vend.kept_pages import KeptPages
from ecr_vend.report.anomalies import anomalies
from ecr_vend.report.facts import Period, Repository, facts_of
from ecr_vend.report.page import GENERATOR, page
from ecr_vend.report.report import Could, Report
from ecr_vend.report.tally import Tally
from ecr_vend.vend_pages import SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_vend.console import Console
    from ecr_vend.service import Service

LATELY = timedelta(days=30)
"""The period where nobody says from when."""

SECOND = timedelta(seconds=1)

MOST_REPOSITORIES = 20
"""Repositories of which it is asked who could have had access: each is two questions that may read
years of policies."""

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    Attributes:
        only: The one thing that the report is about: `caller`, `repository`, `grant` or `outcome`;
            empty for all.
        start: From then on, as it was typed; None for LATELY.
        end: Until just before then, as it was typed; None for now.
        out: The file, or STDOUT.
    """

    only: Mapping[str, str]
    start: str | None
    end: str | None
    out: str


def run(service: Service, wish: Wish, console: Console) -> int:
    """Write the report.

    Raises:
        Problem: It could not be read, or not be written.
    """
    now = datetime.now(UTC)
    period_of(wish, now)
    path = None if wish.out == STDOUT else writable(wish.out)
    asked = {"endpoint": service.endpoint, "only": dict(wish.only), "typed": [wish.start, wish.end]}
    kept = KeptPages.of(path, asked, now)
    try:
        report = made(service, wish, kept, console)
        text = page(report)
        if path is None:
            console.stdout.write(text)
            return 0
        written(path, text)
    except (Problem, KeyboardInterrupt):
        console.progress("")
        if path is not None:
            console.note("What was read is kept: the same command goes on from there for a day.")
        raise
    finally:
        kept.close()
    kept.remove()
    counted = f"vends: {report.now.of('all').total:,}, differences: {len(report.anomalies):,}"
    console.line(f"Wrote {wish.out}; {counted}")
    return 0


def made(service: Service, wish: Wish, kept: KeptPages, console: Console) -> Report:
    """Return the report, of what is read.

    Raises:
        Problem: It could not be read.
    """
    period = period_of(wish, kept.until)
    counted, before = read(service, wish.only, period, kept, console)
    candidates = asked_about(counted, wish.only)
    could = []
    for number, one in enumerate(candidates[:MOST_REPOSITORIES]):
        console.progress(f"{number} of {min(len(candidates), MOST_REPOSITORIES)} repositories")
        could.append(whoever_could(service, one, period))
    console.progress("")
    return Report(
        endpoint=service.endpoint,
        only=wish.only,
        now=counted,
        before=before,
        could=could,
        repositories=len(candidates),
        anomalies=anomalies(counted, before),
        made_at=kept.until,
        version=__version__,
    )


def written(path: Path, text: str) -> None:
    """Put the page in place, whole or not at all, for this user's eyes only.

    Raises:
        Problem: `not_written`.
    """
    try:
        private_files.write(path, text.encode())
    except OSError as error:
        detail = error.strerror or str(error)
        raise Problem("not_written", where=str(path), detail=detail) from None


def period_of(wish: Wish, now: datetime) -> Period:
    """Return the period that is reported.

    Raises:
        Problem: `no_time`.
    """
    # Up to the end of this second: what was vended just now is asked for as well.
    end = moment("--to", wish.end) if wish.end else now.replace(microsecond=0) + SECOND
    start = moment("--from", wish.start) if wish.start else end - LATELY
    if start >= end:
        raise Problem("no_time", option="--from", text=str(wish.start))
    return Period(start, end)


def moment(option: str, text: str) -> datetime:
    """Return the moment that an option names.

    Raises:
        Problem: `no_time`.
    """
    try:
        return moments.parsed(text)
    except ValueError:
        raise Problem("no_time", option=option, text=text) from None


def writable(out: str) -> Path:
    """Return the file to write, told before hours of reading when it cannot be.

    An older report is replaced. Nothing else is: a slip of the pen may not cost a file.

    Raises:
        Problem: `not_written`, or `not_a_report`.
    """
    path = Path(os.path.realpath(out))
    try:
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise Problem("not_written", where=out, detail="its folder is not there, or not yours")
        if path.exists() and not (path.is_file() and is_report(path)):
            raise Problem("not_a_report", where=out)
    except OSError as error:
        raise Problem("not_written", where=out, detail=error.strerror or str(error)) from None
    return path


def is_report(path: Path) -> bool:
    """Return whether a file is a page of ours."""
    with path.open("rb") as file:
        return GENERATOR.encode() in file.read(1000)


def read(
    service: Service, only: Mapping[str, str], period: Period, kept: KeptPages, console: Console
) -> tuple[Tally, Tally]:
    """Return what was vended in the period and in the one before, the newest read first.

    Raises:
        Problem: A page could not be had, or is none.
    """
    counted, before = Tally(period), Tally(period.before(), keeps=False)
    query = {**only, **span(Period(before.period.start, period.end)), "order": "newest"}
    seen = 0
    for one in kept.read(service, query):
        for vend in one.vends:
            name = only.get("repository", "")
            facts = facts_of(vend, service.endpoint, repository=name, could=one.could)
            (counted if facts.at >= period.start else before).add(facts)
            seen += 1
        if one.vends:
            back, first = f"{facts.at:%Y-%m-%d %H:%M}", f"{before.period.start:%Y-%m-%d}"
            console.progress(f"{seen:,} vends, back to {back} of {first}")
    return counted, before


def asked_about(counted: Tally, only: Mapping[str, str]) -> list[Repository]:
    """Return the repositories that can be asked about, those with most vends with push first."""
    found = [counted.repositories[group.name[0]] for group in counted.all_of("repository")]
    literal = [one for one in found if not one.is_pattern]
    if not literal and "repository" in only:
        return [Repository("default", only["repository"])]
    pushes: Counter[str] = Counter()
    for group, count in counted.all_of("push").items():
        pushes[group.name[1]] += count.total
    # Sorting keeps the order of those that are alike: the most vends first.
    return sorted(literal, key=lambda one: -pushes[one.label])


def whoever_could(service: Service, repository: Repository, period: Period) -> Could:
    """Return who could have had access to a repository.

    Raises:
        Problem: The service did not answer, or the caller may not see it.
    """
    asked = {"repository": repository.name, **span(period)}
    if repository.registry != "default":
        asked["registry"] = repository.registry
    try:
        # Whoever has any other access can pull as well.
        push, pull = (
            service.access({**asked, "access": wanted}, Deadline(SECONDS))
            for wanted in ("push", "pull")
        )
    except Problem as problem:
        if problem.code != "bad_request":
            raise
        return Could(repository, untold=problem.text)
    return Could(
        repository,
        access.rows(push, service.endpoint),
        access.rows(pull, service.endpoint),
        list(access.notes(push, asked, service.endpoint)),
    )


def span(period: Period) -> dict[str, str]:
    """Return a period as the service takes it."""
    return {"from": stamp(period.start), "to": stamp(period.end)}


def stamp(moment: datetime) -> str:
    """Return a moment as RFC 3339 has it."""
    return moment.isoformat().replace("+00:00", "Z")

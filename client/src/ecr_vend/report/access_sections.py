"""The sections on who could do what: push, break-glass, and grants that nobody uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_vend.report.markup import Html, code, element, joined, told
from ecr_vend.report.sections import ROWS
from ecr_vend.report.tables import bounded, number, paragraph, section, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_vend.report.report import Could, Places, Report


def push(report: Report, places: Places) -> Html:
    """Return who got push, and who could have had it."""
    found = report.now.all_of("push")
    shown = list(found.items())[: 2 * ROWS]
    rows = [
        (
            told(report.caller(group.name[0])),
            told(group.name[1]),
            places.figure(group, count.total),
            number(report.before.of("push", *group.name).total),
            count.kept[0].when,
        )
        for group, count in shown
    ]
    got = (
        table(
            "Whose tokens could push, and to what",
            ("caller", "repository", "vends", "before", "last asked at (UTC)"),
            rows,
        )
        if rows
        else paragraph("No token of this period could push.")
    )
    return section(
        "push",
        "Push access",
        element("h3", "Who got it"),
        got,
        bounded(len(shown), len(found), "pairs of a caller and a repository"),
        element("h3", "Who could have had it"),
        paragraph(
            "Decided by the service over the policies that served in this period. "
            f"Asked of {len(report.could):,} of {report.repositories:,} repositories that the "
            "vends name: those with most vends with push, then most vends. A pattern cannot be "
            "asked about. Of any one it is told by ",
            code("ecr-vend audit access --repository NAME --access push"),
            ".",
        ),
        *(one_repository(one, places) for one in report.could),
    )


def one_repository(could: Could, places: Places) -> Html:
    """Return who could have pushed to one repository."""
    name = joined([told(could.repository.label)])
    heading = element("h4", name)
    if could.untold:
        return joined([heading, paragraph("It could not be told: ", told(could.untold, 600))])
    if not could.push:
        return joined([heading, paragraph("Nobody could have had push.")])
    rows = [
        (
            told(one["callers"]),
            told(time_of(one["from"])),
            told(time_of(one["to"])),
            told(one["grant"]),
            places.count("grant", one["grant"]),
            told(one["owner"]),
            told(one["but"]),
        )
        for one in could.push[: 2 * ROWS]
    ]
    return joined(
        [
            heading,
            table(
                f"Who could have had push to {could.repository.label}",
                ("callers", "from (UTC)", "to (UTC)", "grant", "vends", "owner", "but"),
                rows,
            ),
            bounded(len(rows), len(could.push), "entries"),
            *(paragraph(told(note, 600), soft=True) for note in could.notes),
        ]
    )


def time_of(text: str) -> str:
    """Return a time that the service wrote as the rest of the page has it."""
    return text[:19].replace("T", " ")


def break_glass(report: Report, places: Places) -> Html:
    """Return each vend to which a break-glass grant contributed, with its reason."""
    count = report.now.of("break-glass")
    rows = [
        (
            one.when,
            told(one.caller_name),
            told(one.cells["session"]),
            told(one.cells["access"]),
            one.outcome,
            told(one.reason or "none given"),
            places.vend(one),
        )
        for one in count.kept
    ]
    heads = ("asked at (UTC)", "caller", "session", "access", "outcome", "reason", "vend")
    return section(
        "break-glass",
        "Break-glass",
        paragraph(
            f"{count.total:,} vends in this period, "
            f"{report.before.of('break-glass').total:,} in the one before."
        ),
        table("Vends by break-glass, the newest first", heads, rows) if rows else None,
        bounded(len(rows), count.total, "vends"),
    )


def grants(report: Report, places: Places) -> Html:
    """Return which grants nobody used."""
    words = paragraph(
        "The service does not list all grants. Known here are those that contributed to a vend of "
        "either period, and those that could have given access to a repository that was asked "
        "about under “Push access”. A grant for other repositories that nobody used is not here."
    )
    if set(report.only) - {"repository"}:
        (name,) = report.only
        return section(
            "grants",
            "Grants that nobody used",
            paragraph(f"Not told: this report is about one {name}, and others may use a grant."),
        )
    found = sorted(states(report), key=lambda one: (one[0], one[1]))
    shown = found[: 2 * ROWS]
    rows = [
        (
            told(grant),
            ("never used", "stale", "used")[state],
            places.count("grant", grant),
            number(report.before.of("grant", grant).total),
            told(owner),
            told(note),
        )
        for state, grant, owner, note in shown
    ]
    return section(
        "grants",
        "Stale and never-used grants",
        words,
        paragraph(
            "Never used: it contributed to no vend of either period. Stale: to none of this "
            "period, and to some of the one before."
            + (" Only vends of this one repository count." if report.only else "")
        ),
        table(
            "Grants that are known, those that nobody used first",
            ("grant", "state", "vends", "before", "owner", "but"),
            rows,
        )
        if rows
        else paragraph("No grant is known."),
        bounded(len(shown), len(found), "grants"),
    )


def states(report: Report) -> Iterator[tuple[int, str, str, str]]:
    """Yield what is known of each grant.

    Yields:
        0 never used, 1 stale, 2 used; its name; its owner; its conditions.
    """
    known = {
        group.name[0]: ("", "")
        for tally in (report.now, report.before)
        for group in tally.all_of("grant")
    }
    for could in report.could:
        for one in (*could.pull, *could.push):
            known[one["grant"]] = (one["owner"], one["but"])
    for grant, (owner, note) in known.items():
        now, before = report.now.of("grant", grant).total, report.before.of("grant", grant).total
        yield (2 if now else 1 if before else 0), grant, owner, note

"""The vends themselves: those behind each figure, and each of them in full."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ecr_vend import vends
from ecr_vend.report.markup import LONGEST, Html, code, element, joined, told
from ecr_vend.report.tables import paragraph, section, table

if TYPE_CHECKING:
    from ecr_vend.report.facts import Facts
    from ecr_vend.report.report import Places, Report
    from ecr_vend.report.tally import Group

FIELDS = 100
"""Of one vend: of what was dropped, one request may have 300 entries of three each."""

HEADS = ("asked at (UTC)", "outcome", "caller", "session", "access", "why", "vend")


def behind_figures(report: Report, places: Places) -> Html:
    """Return for each figure that is a link its newest vends, and the command that lists all."""
    groups = [one_group(report, places, group, place) for group, place in places.groups.items()]
    return section(
        "vends",
        "The vends behind each figure",
        paragraph(
            "Of each figure the newest vends are shown, and beside them how many there are. The "
            "command lists all of them."
        ),
        *groups,
    )


def one_group(report: Report, places: Places, group: Group, place: str) -> Html:
    """Return the newest vends of a group."""
    count = report.now.of(group.kind, *group.name)
    title = report.title(group)
    command, among_others = report.command(group)
    rows = [
        (
            one.when,
            one.outcome,
            told(one.caller_name),
            told(one.cells["session"]),
            told(one.cells["access"]),
            told(one.cells["why"]),
            places.vend(one),
        )
        for one in count.kept
    ]
    what = "lists them among others" if among_others else "lists all of them"
    return element(
        "section",
        element("h3", told(title), id=place, tabindex=-1),
        paragraph(f"{len(rows):,} of {count.total:,} are shown. ", code(command), f" {what}."),
        table(f"Newest of: {title}", HEADS, rows),
    )


def in_full(places: Places) -> Html:
    """Return all that is known of each vend that the page shows."""
    return section(
        "records",
        "Every vend shown, in full",
        paragraph(f"{len(places.vends):,} vends. Fields that say nothing are left out."),
        *(one_vend(facts, place) for facts, place in places.vends.values()),
    )


def one_vend(facts: Facts, place: str) -> Html:
    """Return one vend, and the command that shows it."""
    command = shlex.join(["ecr-vend", "audit", "show", facts.vend_id])
    found = list(vends.fields(facts.record))
    fields = [
        joined([element("dt", told(name)), element("dd", told(value, LONGEST))])
        for name, value in found[:FIELDS]
    ]
    left_out = f" {len(found) - FIELDS:,} more fields are there." if len(found) > FIELDS else None
    # The summary and not what it hides is the target: every browser then scrolls to it.
    said = joined([told(facts.vend_id), f", {facts.outcome}, {facts.when} UTC"])
    return element(
        "details",
        element("summary", said, id=place),
        paragraph(code(command), " shows it as it is on record now.", left_out),
        element("dl", *fields),
    )

"""The page: one HTML file that loads nothing and runs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_vend.moments import iso
from ecr_vend.report import access_sections, charts, sections, style, vend_sections
from ecr_vend.report.markup import Html, code, element, joined, link, told
from ecr_vend.report.report import Places
from ecr_vend.report.tables import bounded, paragraph, section, table
from ecr_vend.report.tally import MOST_GROUPS

if TYPE_CHECKING:
    from ecr_vend.report.report import Report
    from ecr_vend.report.tally import Tally

GENERATOR = '<meta name="generator" content="ecr-vend audit report">'
"""By this a file is known to be one of ours, which the next may replace."""

CONTENTS = {
    "glance": "At a glance",
    "differences": "What differs",
    "time": "Over time",
    "caller": "By caller",
    "repository": "By repository",
    "push": "Push access",
    "break-glass": "Break-glass",
    "refusals": "Refusals",
    "grants": "Grants",
    "vends": "Vends behind each figure",
    "records": "Vends in full",
    "made": "How it was made",
}
"""Name of a section → what the list of contents calls it."""


def page(report: Report) -> str:
    """Return the whole page."""
    places = Places(report.now)
    body = joined(
        [
            sections.glance(report, places),
            sections.differences(report, places),
            sections.over_time(report, places),
            sections.by_caller(report, places),
            sections.by_repository(report, places),
            access_sections.push(report, places),
            access_sections.break_glass(report, places),
            sections.refusals(report, places),
            access_sections.grants(report, places),
            # After all others, since these have what those link to.
            vend_sections.behind_figures(report, places),
            vend_sections.in_full(places),
            made(report),
        ]
    )
    title = f"Audit report, {days(report.now)}"
    head = joined(
        [
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=style.policy()),
            Html(GENERATOR),
            element("meta", name_="viewport", content="width=device-width"),
            element("meta", name_="referrer", content="no-referrer"),
            element("title", title),
            element("style", Html(style.CSS)),
        ]
    )
    contents = element(
        "nav",
        element("ul", *(element("li", link(name, said)) for name, said in CONTENTS.items())),
        aria_label="Contents",
    )
    whole = element(
        "html",
        element("head", head),
        element(
            "body",
            charts.patterns(),
            element("header", element("h1", "Audit report"), *about(report)),
            contents,
            element("main", body),
        ),
        lang="en",
    )
    return f"<!doctype html>\n{whole}\n"


def about(report: Report) -> tuple[Html, ...]:
    """Return of what and of when the page is."""
    only = [
        joined([" Only vends of the ", f"{name} ", told(value), "."])
        for name, value in report.only.items()
    ]
    return (
        paragraph(
            f"What {days(report.now)} was vended and refused by ", told(report.endpoint), ".", *only
        ),
        paragraph(
            "It names callers, sessions and addresses: keep it as you keep the records.", soft=True
        ),
        element(
            "p",
            "In print the vends behind each figure and the vends in full are left out; they are in "
            "the file.",
            class_="printed",
        ),
    )


def days(tally: Tally) -> str:
    """Return a period in words."""
    start, end = tally.period.start, tally.period.end
    return f"from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"


def made(report: Report) -> Html:
    """Return how the page was made, and what it cannot say."""
    left_out = [
        f"{count:,} mentions of others than the first {MOST_GROUPS:,} by {kind}"
        for tally in (report.now, report.before)
        for kind, count in sorted(tally.left_out.items())
    ]
    revisions = report.now.revisions.most_common(sections.ROWS)
    rows = [(told(revision), f"{count:,}") for revision, count in revisions]
    return section(
        "made",
        "How it was made",
        paragraph(
            f"By ecr-vend {report.version} at {iso(report.made_at.timestamp())}, from what the "
            f"service answered to an auditor. It was compared with the time {days(report.before)}."
        ),
        paragraph(
            "The service's indexes lag by moments: a vend of the last seconds may be missing. The "
            "page shows what the service says; ",
            code("ecr-vend audit show ID"),
            " asks it again for one vend.",
        ),
        paragraph(f"Not counted: {'; '.join(left_out)}.") if left_out else None,
        table("Policies that decided", ("revision", "vends"), rows) if rows else None,
        bounded(len(rows), len(report.now.revisions), "revisions"),
    )

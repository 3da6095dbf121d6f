"""The sections of the page that count: each figure leads to its vends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_vend.report import charts
from ecr_vend.report.anomalies import FACTOR, LEVEL, RULES
from ecr_vend.report.facts import OUTCOMES
from ecr_vend.report.markup import Html, element, joined, told
from ecr_vend.report.tables import bounded, number, paragraph, section, table
from ecr_vend.report.tally import bins, width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_vend.report.report import Places, Report
    from ecr_vend.report.tally import Count

ROWS = 50
"""Of a table by caller, repository, pair, code or rule; the page says how many there are."""

BARS = 12
"""Of a chart by name."""


def glance(report: Report, places: Places) -> Html:
    """Return how much there was, beside the period before."""
    now, before = report.now, report.before
    rows = [
        ("Asked for", places.count("all"), number(before.of("all").total)),
        *(
            (
                one.capitalize(),
                places.count("outcome", one),
                number(before.of("outcome", one).total),
            )
            for one in OUTCOMES
        ),
        ("By break-glass", places.count("break-glass"), number(before.of("break-glass").total)),
        ("Different callers", number(len(now.callers)), number(len(before.callers))),
        (
            "Different repositories, and patterns of some",
            number(len(now.all_of("repository"))),
            number(len(before.all_of("repository"))),
        ),
    ]
    probes = (
        f"{now.probes:,} vends of the stack's own prober are left out here and everywhere below."
        if now.probes
        else None
    )
    return section(
        "glance",
        "At a glance",
        table("What was asked for, and what came of it", ("what", "vends", "before"), rows),
        paragraph(probes, soft=True) if probes else None,
    )


def differences(report: Report, places: Places) -> Html:
    """Return what differs from the period before, and by which rules."""
    rules = [joined([element("dt", name), element("dd", text)]) for name, text in RULES.items()]
    found = report.anomalies[: 2 * ROWS]
    if not report.before.of("all").total:
        said = paragraph(
            "Nothing is on record of the period before, so there is nothing to compare with."
        )
    elif not found:
        said = paragraph("Nothing differs by these rules.")
    else:
        rows = [
            (
                one.rule,
                told(report.title(one.group)),
                places.figure(one.group, one.now),
                number(one.before),
                "" if one.chance is None else f"{max(one.chance, 1e-99):.1g}",
            )
            for one in found
        ]
        said = table(
            "What differs from the period before",
            ("rule", "of", "vends", "before", "chance"),
            rows,
        )
    return section(
        "differences",
        "What differs from the period before",
        paragraph(
            "That something differs does not say that it is wrong. “Vends” is how many there were "
            "in this period, “before” in the one before, which was as long."
        ),
        said,
        bounded(len(found), len(report.anomalies), "differences"),
        element(
            "details",
            element("summary", "The rules"),
            element("dl", *rules),
            paragraph(
                "Chance: if nothing had changed, each of the vends of both periods would be as "
                "likely to be in either. That gives the chance of so many now, or more. A rule of "
                f"“more” asks that it be below {LEVEL:g} over all comparisons of the report "
                f"together, and that there be {FACTOR:g} times as many as before."
            ),
        ),
    )


def over_time(report: Report, places: Places) -> Html:
    """Return vends and refusals over time."""
    now = report.now
    hourly = width(now.period).days == 0
    form = "%d %b %H:%M" if hourly else "%d %b"
    columns = [
        (at.strftime(form), now.of("time", at.isoformat()).outcomes) for at in bins(now.period)
    ]
    head = {"Hour": "hour (UTC)", "Day": "day (UTC)"}.get(report.bar(), "week from (UTC)")
    rows = [
        (
            at.strftime("%Y-%m-%d %H:%M" if hourly else "%Y-%m-%d"),
            places.count("time", at.isoformat()),
            *split(now.of("time", at.isoformat())),
        )
        for at in bins(now.period)
    ]
    busiest = max(columns, key=lambda one: sum(one[1].values()))
    title = "Vends over time"
    return section(
        "time",
        "Over time",
        element(
            "figure",
            charts.over_time(
                columns,
                title,
                f"{len(columns)} bars. The highest is {busiest[0]} with "
                f"{sum(busiest[1].values()):,} vends. The table below has each figure.",
            ),
            element(
                "details",
                element("summary", "The figures of this chart"),
                table(title, (head, "vends", *OUTCOMES), rows),
            ),
        ),
    )


def by_caller(report: Report, places: Places) -> Html:
    """Return vends by caller."""
    return section("caller", "By caller", *by_name(report, places, "caller", "callers"))


def by_repository(report: Report, places: Places) -> Html:
    """Return vends by repository."""
    note = (
        "A vend counts for each repository that it asked for, got or lost. What was granted by a "
        "pattern counts for the pattern."
    )
    found = by_name(report, places, "repository", "repositories")
    return section("repository", "By repository", paragraph(note, soft=True), *found)


def by_name(report: Report, places: Places, kind: str, several: str) -> Iterator[Html | None]:
    """Yield a chart and a table of the groups of one kind."""
    found = [
        (group, report.caller(*group.name) if kind == "caller" else group.name[0], count)
        for group, count in report.now.all_of(kind).items()
    ]
    if not found:
        yield paragraph("There was none.")
        return
    title = f"Vends by {kind}"
    bars = [(name, count.outcomes) for _, name, count in found[:BARS]]
    words = f"The {len(bars)} largest of {len(found):,}. The table below has each figure."
    yield element("figure", charts.by_name(bars, title, words))
    rows = [
        (
            told(name),
            places.figure(group, count.total),
            *split(count),
            number(report.before.of(group.kind, *group.name).total),
        )
        for group, name, count in found[:ROWS]
    ]
    yield table(title, (kind, "vends", *OUTCOMES, "before"), rows)
    yield bounded(len(rows), len(found), several)


def refusals(report: Report, places: Places) -> Html:
    """Return refusals and failures by code, and what each rule of the policy took."""
    codes = report.now.all_of("refusal")
    rules = report.now.all_of("rule")
    of_codes = [
        (
            told(group.name[1]),
            group.name[0],
            places.figure(group, count.total),
            number(report.before.of("refusal", *group.name).total),
            told(", ".join(callers_of(report, count))),
        )
        for group, count in list(codes.items())[:ROWS]
    ]
    of_rules = [
        (
            told(group.name[0]),
            places.figure(group, count.total),
            number(count.issued),
            number(report.before.of("rule", *group.name).total),
            told(", ".join(callers_of(report, count))),
        )
        for group, count in list(rules.items())[:ROWS]
    ]
    return section(
        "refusals",
        "Refusals and failures",
        table(
            "Refused and failed, by code",
            ("code", "outcome", "vends", "before", "latest callers"),
            of_codes,
        )
        if of_codes
        else paragraph("Nothing was refused and nothing failed."),
        bounded(len(of_codes), len(codes), "codes"),
        element("h3", "By rule of the policy"),
        paragraph(
            "Each vend from which a rule took something that was asked for: all of it, or a part, "
            "so that a token was issued without it."
        ),
        table(
            "What was taken, by rule",
            ("rule", "vends", "issued", "before", "latest callers"),
            of_rules,
        )
        if of_rules
        else paragraph("No rule took anything."),
        bounded(len(of_rules), len(rules), "rules"),
    )


def split(count: Count) -> tuple[str, ...]:
    """Return how many ended how."""
    return tuple(number(count.outcomes[one]) for one in OUTCOMES)


def callers_of(report: Report, count: Count) -> list[str]:
    """Return who is in the vends of a group that are kept, a few of them."""
    names = list(dict.fromkeys(report.caller(one.caller) for one in count.kept))
    return [*names[:4], "and others"] if len(names) > 4 else names

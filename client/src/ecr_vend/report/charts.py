"""Charts as inline SVG. Each says in words what it shows, and a table beside it has its figures.

What ended how is told by pattern as well as by colour: issued is full, refused is hatched, failed
is dotted, unfinished is crossed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_vend.report.facts import OUTCOMES
from ecr_vend.report.markup import Html, element, joined, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WIDTH, HEIGHT = 960, 240
LEFT, BOTTOM, TOP = 52, 200, 34
LABEL, BAR = 300, 22

Column = tuple[str, "Mapping[str, int]"]
"""What a bar is called, and how many vends ended how."""


def over_time(columns: Sequence[Column], title: str, description: str) -> Html:
    """Return a bar for each stretch of time, in its order."""
    highest = scale(max((sum(counts.values()) for _, counts in columns), default=0))
    step = (WIDTH - LEFT) / max(len(columns), 1)
    parts = list(lines(highest))
    every = -(-len(columns) // 12) or 1
    for place, (name, counts) in enumerate(columns):
        x, y = LEFT + place * step + step * 0.1, float(BOTTOM)
        for outcome in OUTCOMES:
            if count := counts.get(outcome, 0):
                height = (BOTTOM - TOP) * count / highest
                y -= height
                parts.append(bar(outcome, x, y, step * 0.8, height))
        if place % every == 0:
            words = element("text", name, class_="axis", x=x, y=BOTTOM + 16)
            parts.append(words)
    return drawing([*parts, *legend(columns, LEFT, HEIGHT - 10)], HEIGHT, title, description)


def by_name(columns: Sequence[Column], title: str, description: str) -> Html:
    """Return a bar for each name, in the order given."""
    most = max((sum(counts.values()) for _, counts in columns), default=0) or 1
    parts = []
    for place, (name, counts) in enumerate(columns):
        top, x = 6 + place * BAR, float(LABEL)
        label = shortened(name, 44)
        parts.append(element("text", label, x=LABEL - 10, y=top + 14, text_anchor="end"))
        for outcome in OUTCOMES:
            if count := counts.get(outcome, 0):
                long = (WIDTH - LABEL - 70) * count / most
                parts.append(bar(outcome, x, top, long, BAR - 6))
                x += long
        total = f"{sum(counts.values()):,}"
        parts.append(element("text", total, class_="axis", x=x + 6, y=top + 14))
    height = 6 + len(columns) * BAR + 30
    return drawing([*parts, *legend(columns, LABEL, height - 8)], height, title, description)


def drawing(parts: Sequence[Html], height: int, title: str, description: str) -> Html:
    """Return an image that says what it is."""
    name = f"chart-{title.lower().replace(' ', '-')}"
    return element(
        "svg",
        element("title", title, id=name),
        element("desc", description, id=f"{name}-text"),
        *parts,
        viewBox=f"0 0 {WIDTH} {height}",
        width=WIDTH,
        height=height,
        role="img",
        aria_labelledby=name,
        aria_describedby=f"{name}-text",
    )


def patterns() -> Html:
    """Return what the bars of every chart are filled with; it stands once in a page."""
    marks = {
        "refused": element("path", class_="refused", d="M-1 7 L7 -1"),
        "failed": element("circle", class_="failed", cx=3, cy=3, r=1.8),
        "unfinished": element("path", class_="unfinished", d="M0 0 L6 6 M6 0 L0 6"),
    }
    made = [
        element(
            "pattern",
            element("rect", class_="ground", width=6, height=6),
            mark,
            id=f"fill-{outcome}",
            width=6,
            height=6,
            patternUnits="userSpaceOnUse",
        )
        for outcome, mark in marks.items()
    ]
    return element("svg", element("defs", *made), width=0, height=0, aria_hidden="true")


def bar(outcome: str, x: float, y: float, width: float, height: float) -> Html:
    """Return the part of a bar that one outcome has."""
    place = {"x": x, "y": y, "width": max(width, 1.0), "height": max(height, 1.0)}
    if outcome == "issued":
        return element("rect", class_="issued", **place)
    filled = element("rect", fill=f"url(#fill-{outcome})", **place)
    return joined([filled, element("rect", class_=f"{outcome}-edge", **place)])


def lines(highest: int) -> Iterator[Html]:
    """Yield the lines that heights are read by."""
    for share in (0, 1, 2):
        y = BOTTOM - (BOTTOM - TOP) * share / 2
        yield element("line", class_="grid", x1=LEFT, x2=WIDTH, y1=y, y2=y)
        words = f"{highest * share / 2:,g}"
        yield element("text", words, class_="axis", x=LEFT - 8, y=y + 4, text_anchor="end")


def legend(columns: Sequence[Column], x: float, y: float) -> Iterator[Html]:
    """Yield what the patterns mean, of those that are drawn."""
    for outcome in OUTCOMES:
        if any(counts.get(outcome) for _, counts in columns):
            yield bar(outcome, x, y - 11, 14, 12)
            yield element("text", outcome, x=x + 20, y=y)
            x += 105


def scale(most: int) -> int:
    """Return the even number that an axis ends with: one digit, or 1, 2 or 4 of the next."""
    power = 1
    while power * 10 < most:
        power *= 10
    return next((power * step for step in (2, 4, 6, 8, 10) if power * step >= most), 2)

"""A dashboard's body as one SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from tools.dashboard import figures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SVG = "http://www.w3.org/2000/svg"
COLUMN, ROW, GAP = 52, 38, 6
COLORS = ("#1f77b4", "#d6612d", "#2a9d3f", "#8f5fbf", "#b8860b", "#17a2b8")
INK, FAINT, GRID, RED, GREEN = "#16191f", "#687078", "#e3e6e8", "#c7261c", "#1d8102"
LEGEND, AXIS = 44, 34

Line = tuple[str, list[float], bool]
"""Label, values, and whether it is measured on the right."""


def picture(body: dict[str, Any]) -> str:
    """Return the SVG of a dashboard."""
    widgets: list[dict[str, Any]] = body["widgets"]
    width = 24 * COLUMN + GAP
    font = "Helvetica, Arial, sans-serif"
    height = max(one["y"] + one["height"] for one in widgets) * ROW + GAP
    return "\n".join(
        [
            f'<svg xmlns="{SVG}" viewBox="0 0 {width} {height}" font-family="{font}">',
            f'<rect width="{width}" height="{height}" fill="#f2f3f3"/>',
            *(part for widget in widgets for part in drawn(widget)),
            "</svg>\n",
        ]
    )


def drawn(widget: dict[str, Any]) -> Iterator[str]:
    """Yield the parts of one widget, from its own corner."""
    x, y = widget["x"] * COLUMN + GAP, widget["y"] * ROW + GAP
    width, height = widget["width"] * COLUMN - GAP, widget["height"] * ROW - GAP
    properties = widget["properties"]
    yield f'<g transform="translate({x} {y})">'
    if widget["type"] == "text":
        yield text(4, 22, properties["markdown"].lstrip("# "), size=17, weight="bold")
        yield "</g>"
        return
    yield f'<rect width="{width}" height="{height}" rx="3" fill="#fff" stroke="#d5dbdb"/>'
    yield text(10, 19, properties["title"], size=13, weight="bold")
    match widget["type"]:
        case "alarm":
            yield from alarms(properties["alarms"], width)
        case "log":
            yield from table(*figures.table(properties["query"]), width)
        case _:
            yield from graph(properties, width, height)
    yield "</g>"


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 11,
    weight: str = "normal",
    fill: str = INK,
    anchor: str = "start",
) -> str:
    """Return words at a place."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )


def alarms(names: Sequence[str], width: int) -> Iterator[str]:
    """Yield a box for each alarm, red where it rings."""
    columns = 7
    across = (width - 14) / columns
    for position, name in enumerate(names):
        row, column = divmod(position, columns)
        x, y = 10 + column * across, 30 + row * 34
        color = RED if name in figures.RINGING else GREEN
        box = f'width="{across - 6:g}" height="28" rx="3"'
        yield f'<rect x="{x:g}" y="{y}" {box} fill="{color}" fill-opacity="0.1" stroke="{color}"/>'
        yield f'<rect x="{x:g}" y="{y}" width="5" height="28" fill="{color}"/>'
        said = "In alarm" if color == RED else "OK"
        yield text(x + 11, y + 12, name)
        yield text(x + 11, y + 24, said, size=9, fill=color, weight="bold")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Yield what a query of the logs gives."""
    longest = [
        max(len(cell) for cell in (column, *(row[place] for row in rows)))
        for place, column in enumerate(columns)
    ]
    per_letter = (width - 16) / (sum(longest) + 2 * len(longest))
    starts = [10 + per_letter * (sum(longest[:place]) + 2 * place) for place in range(len(longest))]
    size = min(11, int(per_letter * 1.68))
    for start, column in zip(starts, columns, strict=True):
        yield text(start, 42, column, size=size, weight="bold", fill=FAINT)
    for position, row in enumerate(rows):
        y = 66 + position * 26
        yield f'<path d="M10 {y - 17}H{width - 10}" stroke="{GRID}"/>'
        for start, cell in zip(starts, row, strict=True):
            yield text(start, y, cell, size=size)


def graph(properties: dict[str, Any], width: int, height: int) -> Iterator[str]:
    """Yield a graph with its axes, lines, marks and legend."""
    lines = list(lines_of(properties["metrics"]))
    stacked = properties.get("stacked", False)
    marks = properties.get("annotations", {}).get("horizontal", [])
    if stacked:
        lines = added_up(lines)
    top, bottom, left = 32, height - LEGEND - 18, 10 + AXIS
    right = width - (10 + AXIS if any(line[2] for line in lines) else 12)
    scales = {
        side: scale([values for _, values, at in lines if at is side], marks if not side else [])
        for side in (False, True)
    }
    for step in range(3):
        y = bottom - (bottom - top) * step / 2
        yield f'<path d="M{left} {y:g}H{right}" stroke="{GRID}"/>'
        yield text(left - 5, y + 4, short(scales[False] * step / 2), fill=FAINT, anchor="end")
        if any(line[2] for line in lines):
            yield text(right + 5, y + 4, short(scales[True] * step / 2), fill=FAINT)
    for hour in range(0, 13, 3):
        x = left + (right - left) * hour / 12
        anchor = {0: "start", 12: "end"}.get(hour, "middle")
        yield text(x, bottom + 15, f"{8 + hour:02}:00", size=10, fill=FAINT, anchor=anchor)
    order = reversed(list(enumerate(lines))) if stacked else enumerate(lines)
    for place, (_, values, at_right) in order:
        points = [
            f"{left + (right - left) * point / (figures.POINTS - 1):.1f} "
            f"{bottom - (bottom - top) * value / scales[at_right]:.1f}"
            for point, value in enumerate(values)
        ]
        color, path = COLORS[place % len(COLORS)], "M" + "L".join(points)
        if stacked:
            yield f'<path d="{path}V{bottom}H{left}Z" fill="{color}" stroke="#fff"/>'
        else:
            yield f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.6"/>'
    for mark in marks:
        y = bottom - (bottom - top) * mark["value"] / scales[False]
        yield f'<path d="M{left} {y:.1f}H{right}" stroke="{RED}" stroke-dasharray="5 4"/>'
        yield text(left + 4, y - 4, f"{mark['label']} {mark['value']:g}", size=10, fill=RED)
    yield from legend([label for label, _, _ in lines], width, height - LEGEND + 14)


def lines_of(rows: Sequence[Sequence[Any]]) -> Iterator[Line]:
    """Yield the lines of a graph; a search by code has one for each."""
    for row in rows:
        shown = row[-1]
        if "expression" in shown:
            yield from ((code, figures.line(code), False) for code in figures.CODES)
        else:
            label = shown.get("label", row[1])
            yield label, figures.line(label), shown.get("yAxis") == "right"


def added_up(lines: Sequence[Line]) -> list[Line]:
    """Return each line on top of those before it."""
    sums = [0.0] * figures.POINTS
    done = []
    for label, values, at_right in lines:
        sums = [low + value for low, value in zip(sums, values, strict=True)]
        done.append((label, sums, at_right))
    return done


def scale(lines: Sequence[Sequence[float]], marks: Sequence[dict[str, Any]]) -> float:
    """Return the end of an axis: a round number above all that is drawn."""
    most = max([value for values in lines for value in values], default=0.0)
    most = max([most, *(mark["value"] for mark in marks)]) * 1.08 or 1.0
    power = 1.0
    while power * 10 < most:
        power *= 10
    while power > most:
        power /= 10
    return next(power * step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if power * step >= most)


def short(value: float) -> str:
    """Return a figure of an axis."""
    return f"{value:.3g}"


def legend(labels: Sequence[str], width: int, y: int) -> Iterator[str]:
    """Yield what the colours are, in as many rows as it takes."""
    x = 12.0
    for place, label in enumerate(labels):
        color, long = COLORS[place % len(COLORS)], 26 + len(label) * 5.8
        if x + long > width:
            x, y = 12.0, y + 16
        yield f'<rect x="{x:g}" y="{y - 8}" width="9" height="9" fill="{color}"/>'
        yield text(x + 13, y, label, size=10)
        x += long

"""Markdown tables whose columns line up where they are printed, and the page that holds them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PAGE = Path(__file__).resolve().parents[2] / "docs/cost-and-scale.md"


def put_into_page(command: str, lines: Sequence[str]) -> None:
    """Replace what the page shows of a command's output, between its two marks.

    Raises:
        ValueError: The page has no such marks.
    """
    page = PAGE.read_text()
    marks = re.compile(rf"(<!-- {command} -->\n).*?(<!-- end -->\n)", re.DOTALL)
    if not marks.search(page):
        raise ValueError(f"{PAGE} has no place for {command}")
    text = "\n".join(lines) + "\n"
    PAGE.write_text(marks.sub(lambda found: found[1] + text + found[2], page))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; all columns but the first two are figures."""
    body = [list(row) for row in rows]
    widths = [max(len(row[at]) for row in (heads, *body)) for at in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        placed = [
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(placed)} |"

    yield line(heads)
    yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    yield from map(line, body)

"""Rows in aligned columns, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vending.messages import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield each row as a line; a column in which no row says anything is left out.

    What the cells hold cannot drive the terminal.

    Args:
        rows: Of the same length; the first are the heads.
    """
    said = [any(column[1:]) for column in zip(*rows, strict=True)]
    kept = [
        [printable(cell) for cell, shown in zip(row, said, strict=True) if shown] for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    for row in kept:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()

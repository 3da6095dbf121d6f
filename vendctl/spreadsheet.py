"""Rows for a spreadsheet, which runs no cell of them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from vending.messages import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes for the beginning of a formula, beside what is not printable. Source:
"CSV Injection", OWASP."""


def as_csv(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return the rows as CSV (RFC 4180) under their heads, each cell as text."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(heads)
    for row in rows:
        writer.writerow([harmless(printable(cell)) for cell in row])
    return written.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that is no formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell

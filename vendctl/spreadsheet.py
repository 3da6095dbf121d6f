"""Rows for a spreadsheet, which runs no cell of them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula. Source: "CSV Injection", OWASP."""


def as_csv(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return the rows as CSV (RFC 4180) under their heads, each cell as text."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(heads)
    for row in rows:
        writer.writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in row])
    return written.getvalue()

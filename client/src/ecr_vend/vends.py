"""Vends as the service shows them to auditors: for a terminal, and as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from ecr_vend.errors import Problem, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

COLUMNS = ("asked_at", "outcome", "caller", "session", "access", "grants", "why", "vend_id")
"""Of a list of vends, as a table and as CSV."""

OF_REPOSITORY = (*COLUMNS[:2], "could", *COLUMNS[2:])
"""Of a list by repository: with what the token could do with it."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would run. Source: OWASP, "CSV Injection"."""


def row(
    vend: Mapping[str, Any], endpoint: str, could: Mapping[str, Sequence[str]] | None = None
) -> dict[str, str]:
    """Return a vend's cells.

    Args:
        vend: Its record.
        endpoint: The service's URL, for the message.
        could: Of a list by repository: vend id → what its token could do with it.

    Raises:
        Problem: `unexpected_answer`.
    """
    try:
        caller, asked = vend["caller"], vend["asked"]
        scope: Mapping[str, Sequence[str]] = vend["scope"] or asked["repositories"]
        access = "; ".join(f"{access} {' '.join(names)}" for access, names in scope.items())
        marks = [mark for mark in ("break_glass", "probe") if vend[mark]]
        why = vend["code"] or vend["reason"]
        return {
            "asked_at": str(vend["asked_at"]),
            "outcome": str(vend["outcome"] or "unfinished"),
            "could": " ".join((could or {}).get(vend["vend_id"], ())) or "nothing",
            "caller": f"{caller['account']}/{caller['name'] or caller['kind']}",
            "session": "erased" if vend.get("erased") else str(caller["session"]),
            "access": access or f"{asked['access']}, all that is granted",
            "grants": " ".join(vend["grants"]),
            "why": " ".join([*marks, *([str(why)] if why else [])]),
            "vend_id": str(vend["vend_id"]),
        }
    except (AttributeError, KeyError, TypeError):
        detail = "it is no record of a vend"
        raise Problem("unexpected_answer", endpoint=endpoint, detail=detail) from None


def table(
    rows: Sequence[Mapping[str, str]], columns: Sequence[str], *, limit: int = 80
) -> Iterator[str]:
    """Yield the lines of a table; what callers wrote cannot drive the terminal."""
    cells = [[clean(one[name], limit=limit) for name in columns] for one in rows]
    heads = [name.replace("_", " ") for name in columns]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for line in (heads, *cells):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(padded).rstrip()


def as_csv(rows: Iterable[Mapping[str, str]], columns: Sequence[str], *, head: bool = True) -> str:
    """Return the rows as CSV (RFC 4180), each cell text that no spreadsheet runs.

    Args:
        rows: By the names of the columns.
        columns: Which, in order.
        head: Whether the first line names them.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    if head:
        writer.writerow(columns)
    for one in rows:
        writer.writerow([harmless(one[name]) for name in columns])
    return written.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that is no formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def lines(vend: Mapping[str, Any], endpoint: str) -> Iterator[str]:
    """Yield one vend for a person: what it came to, then every field that says something.

    Raises:
        Problem: `unexpected_answer`.
    """
    cells = row(vend, endpoint)
    yield clean(f"{cells['vend_id']}: {cells['outcome']} at {cells['asked_at']}")
    for name, value in fields(vend):
        yield f"  {name}: {clean(value, limit=4000)}"


def fields(document: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, str]]:
    """Yield each field that has something, those of objects too, with its name."""
    for name, value in document.items():
        if value is None or value is False or value in ("", [], {}):
            continue
        match value:
            case dict():
                yield from fields(value, f"{at}{name}.")
            case [dict(), *_]:
                for number, one in enumerate(value):
                    yield from fields(one, f"{at}{name}[{number}].")
            case list():
                yield at + name, " ".join(map(str, value))
            case _:
                yield at + name, str(value)

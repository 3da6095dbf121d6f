"""A difference as a comment on a pull request, that no string in a policy can forge."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vendctl.difference import wording
from vendctl.difference.written import few_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from vendctl.difference.changes import Change
    from vendctl.difference.difference import Difference
    from vendctl.difference.real_names import RealNames

UNSAFE = re.compile(r"[^A-Za-z0-9 !\"#$%&'()*+,\-./:;=?@\[\]^_{}~<>→]")
"""All but what stands for itself in a code span in a table: no backtick ends it, no pipe ends its
cell, no backslash before a pipe, nothing that ends the line or hides."""

LONGEST = 60_000
"""GitHub takes comments of at most 65,536 characters."""


def code(text: str) -> str:
    """Return text as a code span, in which nothing is a mention, a link, an image or HTML."""
    spelt = UNSAFE.sub(lambda one: f"\\x{ord(one[0]):02x}", text).strip()
    return f"`{spelt or ' '}`"


def markdown(
    found: Difference, called: Sequence[str], *, today: date, names: RealNames | None
) -> str:
    """Return a comment that says what changes, the most dangerous first.

    Args:
        found: What is not the same.
        called: What the old document is called, and the new one.
        today: The first day that counts.
        names: The repositories that there are, where that is known.
    """
    head = [
        "### What this change of the policy does",
        "",
        f"**{wording.summary(found)}** From {' to '.join(map(code, called))}, from {today} on.",
        "",
    ]
    if not found.is_exhaustive:
        head += [f"**{wording.NOT_EXHAUSTIVE}**", ""]
    rows = list(_rows(found, names))
    if rows:
        head += ["| | what | who | repositories | by |", "|---|---|---|---|---|"]
    written, left = "\n".join(head) + "\n", len(rows)
    for row in rows:
        if len(written) + len(row) > LONGEST:
            break
        written, left = f"{written}{row}\n", left - 1
    if left:
        written += f"\n**{left} more rows do not fit here: run the command for all of them.**\n"
    return written


def _rows(found: Difference, names: RealNames | None) -> Iterator[str]:
    for one in found.rights:
        yield _row(one.gains, wording.right_text(one, code), code(one.caller.arn), "", "")
    changes, left = wording.shown_first(found.changes)
    for change in changes:
        who = "<br>".join(wording.callers_text(meant, code) for meant in change.callers)
        by = ", ".join(wording.cause_text(one, code) for one in change.causes)
        said = wording.change_text(change, code)
        if warned := wording.warnings(change):
            said += f" ({', '.join(warned)})"
        yield _row(change.widens, said, who, _repositories(change, names), by)
    for causes, count in left.items():
        yield _row(False, wording.left_text(causes, count, code), "", "", "")  # noqa: FBT003
    for name in found.names:
        yield _row(False, wording.name_text(name, code), "", "", "")  # noqa: FBT003


def _row(widens: bool, *cells: str) -> str:  # noqa: FBT001  the first cell
    return "| " + " | ".join((":warning: widens" if widens else "", *cells)) + " |"


def _repositories(change: Change, names: RealNames | None) -> str:
    what = wording.repositories_text(change.repositories, code)
    if not what:
        return "all that is granted, where none is named"
    if change.registry != "default":
        what += f" in {code(change.registry)}"
    if names and names.registry == change.registry:
        exist = few_of(change.names, code) if change.names else "none of them, so far"
        what += f"<br>exist: {exist}"
    return what

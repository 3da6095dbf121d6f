"""Tables that say what they are, and how many of how many rows they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_vend.report.markup import Html, element, joined, shortened, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_vend.report.markup import Content

NUMBERS = frozenset({"vends", "issued", "refused", "failed", "unfinished", "before", "shown"})
WHOLE = frozenset({"rule", "vend", "chance", "outcome", "state", "code"})
"""Heads of columns whose words are short, and of times (`… (UTC)`), whose cells are one line."""


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Content]]) -> Html:
    """Return a table; the first cell of each row names the row."""
    kinds = [kind(head) for head in heads]
    head = element(
        "tr",
        *(element("th", one, scope="col", class_=of) for one, of in zip(heads, kinds, strict=True)),
    )
    body = [
        element(
            "tr",
            element("th", row[0], scope="row", class_=kinds[0]),
            *(element("td", cell, class_=of) for cell, of in zip(row[1:], kinds[1:], strict=True)),
        )
        for row in rows
    ]
    made = element(
        "table",
        element("caption", told(caption)),
        element("thead", head),
        element("tbody", *body),
    )
    # What is wider than the window scrolls; one who has no mouse must be able to reach it.
    return element(
        "div", made, class_="wide", role="region", aria_label=shortened(caption, 200), tabindex=0
    )


def kind(head: str) -> str:
    """Return the class of a column's cells."""
    if head in NUMBERS:
        return "number"
    if head == "callers":
        return "names"
    return "whole" if head in WHOLE or head.endswith("(UTC)") else "words"


def number(count: int) -> str:
    """Return a count as it is read."""
    return f"{count:,}"


def bounded(shown: int, of: int, what: str, rest: str = "") -> Html | None:
    """Return the sentence that says that a table does not have all; None where it has."""
    if shown >= of:
        return None
    words = f"{shown:,} of {of:,} {what} are shown, the largest first. {rest}".strip()
    return element("p", words, class_="soft")


def paragraph(*content: Content, soft: bool = False) -> Html:
    """Return a paragraph."""
    return element("p", *content, class_="soft" if soft else None)


def section(name: str, title: str, *content: Content) -> Html:
    """Return a section of the page, to which its list of contents leads."""
    heading = element("h2", title, id=f"{name}-title")
    return element("section", heading, joined(content), id=name, aria_labelledby=f"{name}-title")

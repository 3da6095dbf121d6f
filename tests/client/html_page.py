"""What stands in a page of HTML, and what somebody without eyes or mouse would miss in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VOID = frozenset({"meta", "br", "hr", "img", "input", "link", "col"})
ACTIVE = frozenset({"script", "iframe", "object", "embed", "link", "img", "base", "form", "input"})
"""Elements that run, load or send something."""


@dataclass
class Element:
    """An element, and all that is in it."""

    name: str
    attributes: dict[str, str]
    content: list[Element | str] = field(default_factory=list)

    def every(self, name: str = "") -> Iterator[Element]:
        """Yield it and all elements below it, of a name if one is given, in order."""
        if not name or self.name == name:
            yield self
        for one in self.content:
            if isinstance(one, Element):
                yield from one.every(name)

    @property
    def text(self) -> str:
        """Return its words."""
        return "".join(one if isinstance(one, str) else one.text for one in self.content)

    def by_id(self, name: str) -> Element:
        """Return the one element of an id."""
        (found,) = [one for one in self.every() if one.attributes.get("id") == name]
        return found


class Reader(HTMLParser):
    """Reads a page as a tree; an element that is not closed in its place is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs})
        assert len(made.attributes) == len(attrs), f"an attribute twice: {attrs}"
        self.open[-1].content.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag, f"{tag} is closed and was not open"

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)


def read(text: str) -> Element:
    """Return a page as the element that holds all."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert len(reader.open) == 1, [one.name for one in reader.open]
    return reader.open[0]


def faults(page: Element) -> Iterator[str]:
    """Yield what keeps somebody from reading the page."""
    (root,) = page.every("html")
    if not root.attributes.get("lang"):
        yield "no language"
    if not "".join(one.text for one in page.every("title")).strip():
        yield "no title"
    levels = [int(one.name[1]) for one in page.every() if re.fullmatch("h[1-6]", one.name)]
    if levels.count(1) != 1 or levels[0] != 1:
        yield "not one first heading"
    for above, below in pairwise(levels):
        if below > above + 1:
            yield f"a heading of level {below} below one of level {above}"
    ids = [one.attributes["id"] for one in page.every() if "id" in one.attributes]
    yield from (f"the id {one} twice" for one in set(ids) if ids.count(one) > 1)
    for one in page.every():
        yield from faults_of(one, set(ids))


def faults_of(one: Element, ids: set[str]) -> Iterator[str]:
    """Yield what is wrong with one element."""
    for named in ("aria-labelledby", "aria-describedby"):
        for name in one.attributes.get(named, "").split():
            if name not in ids:
                yield f"{one.name} is labelled by {name}, which is not there"
    match one.name:
        case "table":
            yield from faults_of_table(one)
        case "th" if one.attributes.get("scope") not in {"row", "col"}:
            yield f"a head of nothing: {one.text}"
        case "svg" if one.attributes.get("aria-hidden") != "true":
            if one.attributes.get("role") != "img" or not one.attributes.get("aria-labelledby"):
                yield "a picture without words"
        case "a" if not one.text.strip():
            yield "a link without words"
        case "section" if "aria-labelledby" not in one.attributes and "id" in one.attributes:
            yield "a section without a name"
        case _ if one.attributes.get("role") == "region" and not one.attributes.get("aria-label"):
            yield "a region without a name"


def faults_of_table(table: Element) -> Iterator[str]:
    """Yield what is wrong with a table."""
    captions = [inner.text.strip() for inner in table.every("caption")]
    if len(captions) != 1 or not captions[0]:
        yield "a table without a caption"
    for row in next(table.every("tbody")).every("tr"):
        if next(cell.name for cell in row.content if isinstance(cell, Element)) != "th":
            yield "a row without a head"


def acts(page: Element) -> Iterator[str]:
    """Yield whatever in the page would run, load or send something, or lead out of it."""
    for one in page.every():
        if one.name in ACTIVE:
            yield one.name
        for name, value in one.attributes.items():
            if name.startswith("on") or name in {"src", "srcset", "style", "action", "xlink:href"}:
                yield f"{one.name} {name}"
            if name == "href" and not value.startswith("#"):
                yield f"{one.name} to {value}"
            if (
                name != "aria-label"
                and "url(" in value
                and not re.fullmatch(r"url\(#[a-z-]+\)", value)
            ):
                yield f"{one.name} loads {value}"

"""A YAML document as it is written: its values with their anchors, comments and blank lines."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from vendctl.form.comments import LOADER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vendctl.form.comments import Comment

MERGE_TAG = "tag:yaml.org,2002:merge"
"""Of the key `<<`."""


@dataclass(slots=True)
class Scalar:
    """A single value.

    Attributes:
        value: As YAML 1.1 reads it.
        start: Where it begins, its anchor and tag among it.
        end: Behind it.
        anchor: Its name for aliases, or None.
    """

    value: Any
    start: int
    end: int
    anchor: str | None = None


@dataclass(slots=True)
class Alias:
    """A value that is written elsewhere, under an anchor of this name."""

    name: str
    start: int
    end: int


@dataclass(slots=True)
class Block:
    """A mapping or a list, in either style.

    Attributes:
        entries: In the order of the text.
        is_mapping: Else it is a list.
        is_flow: Whether it is written in brackets.
        start: Where it begins, its anchor and tag among it.
        end: Behind it.
        column: Where its entries begin, counted from 0; of no meaning in brackets.
        anchor: Its name for aliases, or None.
        below: The comments after its last entry.
    """

    entries: list[Entry]
    is_mapping: bool
    is_flow: bool
    start: int
    end: int = 0
    column: int = 0
    anchor: str | None = None
    below: list[Comment] = field(default_factory=list)


Node = Scalar | Alias | Block


@dataclass(slots=True)
class Entry:
    """A key with its value, or an item of a list.

    Attributes:
        key: None in a list.
        value: What it holds.
        start: Where the key begins, or the value.
        line: Of that, counted from 0.
        above: The comments before it.
        beside: The comment on its line.
    """

    key: Node | None
    value: Node
    start: int
    line: int
    above: list[Comment] = field(default_factory=list)
    beside: Comment | None = None


def layout_of(text: str) -> Block | None:
    """Return the document in a YAML text, without its comments; None where it is no collection.

    Raises:
        yaml.YAMLError: It is no YAML.
    """
    dashes = [
        token.start_mark.index
        for token in yaml.scan(text, Loader=LOADER)
        if isinstance(token, yaml.BlockEntryToken)
    ]
    events: Iterator[Any] = yaml.parse(text, Loader=LOADER)
    for event in events:
        if isinstance(event, yaml.NodeEvent):
            root = _Reader(text, dashes, events).node(event)
            return root if isinstance(root, Block) else None
    return None


class _Reader:
    """Reads one document from YAML's events."""

    def __init__(self, text: str, dashes: list[int], events: Iterator[Any]) -> None:
        self.text = text
        self.dashes = dashes
        self.events = events
        # What a scalar without quotes is, and what a tag makes of it, PyYAML knows.
        self.resolver: Any = yaml.SafeLoader("")

    def node(self, event: Any) -> Node:
        """Return the value that begins with `event`."""
        start, end = event.start_mark.index, self.end(event)
        if isinstance(event, yaml.AliasEvent):
            return Alias(str(event.anchor), start, end)
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(self.value(event), start, end, event.anchor)
        block = Block(
            [],
            isinstance(event, yaml.MappingStartEvent),
            bool(event.flow_style),
            start,
            anchor=event.anchor,
        )
        for following in self.events:
            if isinstance(following, yaml.CollectionEndEvent):
                block.end = self.end(following)
                break
            block.entries.append(self.entry(following, block))
        block.column = self.column(block)
        return block

    def entry(self, event: Any, block: Block) -> Entry:
        """Return the entry of `block` that begins with `event`."""
        first = self.node(event)
        start, line = event.start_mark.index, event.start_mark.line
        if not block.is_mapping:
            return Entry(None, first, start, line)
        return Entry(first, self.node(next(self.events)), start, line)

    @staticmethod
    def end(event: Any) -> int:
        """Return the place behind an event."""
        return int(event.end_mark.index)

    def value(self, event: Any) -> Any:
        """Return what a scalar is to YAML 1.1."""
        tag = event.tag
        if tag is None or tag == "!":
            tag = self.resolver.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == MERGE_TAG:
            return event.value
        return self.resolver.construct_object(yaml.ScalarNode(tag, event.value))

    def column(self, block: Block) -> int:
        """Return where the entries of a block begin."""
        if not block.entries or block.is_flow:
            return 0
        first = block.entries[0].start
        if not block.is_mapping:
            first = self.dashes[bisect_left(self.dashes, block.start)]
        return first - self.text.rfind("\n", 0, first) - 1

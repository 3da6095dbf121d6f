"""Which entry of a document each of its comments is about."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from vendctl.form.layout import Block, Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vendctl.form.comments import Comment

BEFORE_AN_ENTRY = (yaml.BlockEntryToken, yaml.KeyToken)
BEFORE_THE_DOCUMENT = (yaml.DocumentStartToken, yaml.DirectiveToken)


@dataclass(frozen=True, slots=True)
class Place:
    """An entry, and the blocks that it is in, from the innermost to the whole document."""

    entry: Entry
    blocks: tuple[Block, ...]


def places_in(block: Block, around: tuple[Block, ...] = ()) -> Iterator[Place]:
    """Yield every entry of a block and of the blocks in it, in the order of the text."""
    blocks = (block, *around)
    for entry in block.entries:
        yield Place(entry, blocks)
        if isinstance(entry.value, Block):
            yield from places_in(entry.value, blocks)


def place(root: Block, comments: list[Comment]) -> list[Comment]:
    """Put every comment to what it is about.

    One that shares a line is beside the entry that ends there, or has begun there. One that has
    its line to itself stands above the next entry, or, when it is indented deeper than that, below
    the last entry of a block that ends there.

    Returns:
        The first paragraph of those before the document's first entry, which is about the document.
    """
    places = list(places_in(root))
    header: list[Comment] = []
    for comment in comments:
        if comment.at > places[0].entry.start or (header and comment.line > header[-1].line + 1):
            break
        header.append(comment)
    placing = _Placing(root, places)
    for comment in comments[len(header) :]:
        placing.put(comment)
    for one in places:
        if isinstance(one.entry.value, Block) and not one.entry.value.entries:
            # Brackets with nothing in them stay on one line.
            one.entry.above += one.entry.value.below
            one.entry.value.below = []
    return header


class _Placing:
    """The entries of one document, among which its comments are put in their order."""

    def __init__(self, root: Block, places: list[Place]) -> None:
        self.root = root
        self.places = places
        self.starts = [one.entry.start for one in places]
        self.ends: dict[int, Entry] = {}
        for one in places:
            if not _is_indented(one.entry):
                self.ends.setdefault(one.entry.value.end, one.entry)
        self.gap: Place | None = None
        self.deepest = 0

    def put(self, comment: Comment) -> None:
        """Put one comment to where it belongs."""
        started = bisect_left(self.starts, comment.at)
        before = self.places[started - 1] if started else None
        after = self.places[started] if started < len(self.places) else None
        if isinstance(comment.behind, yaml.DocumentEndToken):
            self.root.below.append(comment)
        elif before is None:
            self.places[0].entry.above.append(comment)
        elif comment.behind is None or isinstance(comment.behind, BEFORE_THE_DOCUMENT):
            self.put_alone(comment, before, after)
        elif isinstance(comment.behind, BEFORE_AN_ENTRY) and after:
            after.entry.above.append(comment)
        else:
            entry = self.ended_or_begun(comment, comment.behind, before)
            if entry.beside:
                entry.above.append(comment)
            else:
                entry.beside = comment

    def ended_or_begun(self, comment: Comment, behind: yaml.Token, before: Place) -> Entry:
        """Return what a comment is beside: the entry that ends there, or the last one begun."""
        if isinstance(behind, yaml.FlowEntryToken) and (flow := brackets(comment.at, before)):
            return [one for one in flow.entries if one.start < comment.at][-1]
        return self.ends.get(behind.end_mark.index, before.entry)

    def put_alone(self, comment: Comment, before: Place, after: Place | None) -> None:
        """Put a comment that has its line to itself above or below something."""
        if flow := brackets(comment.at, before):
            inside = after is not None and after.entry.start < flow.end
            (after.entry.above if after and inside else flow.below).append(comment)
        elif not _is_indented(before.entry) and comment.at < before.entry.value.start:
            before.entry.above.append(comment)  # it is between a key and its value
        elif block := self.ending(comment, before, after):
            block.below.append(comment)
        else:
            (after.entry.above if after else self.root.below).append(comment)

    def ending(self, comment: Comment, before: Place, after: Place | None) -> Block | None:
        """Return the block that ends at a comment and that it belongs to, None for none."""
        if before is not self.gap:
            self.gap, self.deepest = before, len(before.blocks)
        column = after.blocks[0].column if after else -1
        found = 0
        for depth, one in enumerate(reversed(before.blocks), 1):
            ends = not one.is_flow and (after is None or after.entry.start >= one.end)
            # Those of one gap keep their order: none goes deeper in than the one before it.
            if ends and column < one.column <= comment.column and depth <= self.deepest:
                found, column = depth, one.column
        self.deepest = found
        return before.blocks[-found] if found else None


def brackets(at: int, before: Place) -> Block | None:
    """Return the innermost brackets that a place is in, whose last entry to begin is `before`."""
    inner = before.entry.value
    around = (inner, *before.blocks) if isinstance(inner, Block) else before.blocks
    return next((one for one in around if one.is_flow and one.start < at < one.end), None)


def _is_indented(entry: Entry) -> bool:
    return isinstance(entry.value, Block) and not entry.value.is_flow

"""The canonical form of a policy: every document that means the same, and says the same, alike."""

from __future__ import annotations

import codecs
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, get_args

from vendctl.form.comments import Lines, comments_of
from vendctl.form.layout import Alias, Block, Entry, Node, Scalar, layout_of
from vendctl.form.placing import place
from vendctl.form.scalars import Unwritable, duration, one_line, several_lines
from vending.policy import Policy
from vending.policy_text import PARTS, PolicyError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from vendctl.form.comments import Comment

WIDTH = 100
"""A list in brackets takes no more characters than fit in such a line; nor does a line of text."""

MODELS: dict[str, type[BaseModel]] = {"": Policy, **PARTS}
"""Which model has the keys below a key, in their order; of the document itself under ""."""

PARTED = ("grants", "denies")
"""Lists whose entries always have a blank line between them."""

ON_ONE_LINE = ("permission_set",)
"""Mappings that are written in braces, where they fit."""

MERGE = "<<"
"""The key under which YAML 1.1 takes over what stands in another mapping."""

ENCODINGS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Unformatted(Exception):
    """A policy that cannot be put into canonical form without a loss; the message says of what."""


def formatted(text: bytes, *, name: str) -> str:
    """Return a policy in canonical form.

    What comes out is read again: it is the same policy, and has the same comments.

    Args:
        text: As it is in its file.
        name: What to call it in errors.

    Raises:
        PolicyError: It is no policy.
        Unformatted: It would mean something else, or lose a comment.
    """
    policy = parse(text, name=name)
    before = decoded(text)
    root, lines = layout_of(before), Lines(before)
    if root is None:  # pragma: no cover  `parse` took it
        raise Unformatted("it is no mapping")
    comments = list(comments_of(before, lines))
    try:
        after = written(root, place(root, comments), lines)
    except Unwritable as problem:
        raise Unformatted(str(problem)) from None
    try:
        same = parse(after.encode(), name=name) == policy
    except PolicyError as problem:
        why = problem.problems[0].message
        cure = "; keep anchors before their aliases, or write out what `*` stands for"
        raise Unformatted(
            f"it would be no policy then: {why}{cure if 'alias' in why else ''}"
        ) from None
    if not same:
        raise Unformatted("with its keys in order it would mean something else")
    kept = comments_of(after, Lines(after))
    if sorted(one.text for one in kept) != sorted(one.text for one in comments):
        raise Unformatted("a comment would be lost")
    return after


def decoded(text: bytes) -> str:
    """Return what is written in a file, with `\\n` for every line's end and without its mark."""
    encoding = next((name for mark, name in ENCODINGS if text.startswith(mark)), "utf-8")
    return re.sub("\r\n|\r|\x85", "\n", text.decode(encoding).removeprefix("\N{BOM}"))


def written(root: Block, header: list[Comment], lines: Lines) -> str:
    """Return a document in canonical form.

    Args:
        root: With its comments.
        header: The comments about all of it.
        lines: Those that it had before.
    """
    writer = _Writer(lines)
    top = list(writer.comments(header, writer.first_line(root.entries[0]), ""))
    if top and top[-1] and ordered(root, "")[0] is not root.entries[0]:
        top.append("")  # it is about no single key, and stays where the first one goes away
    return "\n".join([*top, *writer.block(root, "", "")]) + "\n"


class _Writer:
    """Writes the parts of a document, each as lines. An `owner` is the key that a part is under."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    @staticmethod
    def first_line(entry: Entry) -> int:
        """Return the line in which an entry began, or the comments above it."""
        return min([one.line for one in entry.above] + [entry.line])

    def comments(self, comments: list[Comment], following: int | None, pad: str) -> Iterator[str]:
        """Yield comments, with a blank line where there was one, up to the line that follows."""
        after: list[int | None] = [*(one.line for one in comments[1:]), following]
        for one, line in zip(comments, after, strict=False):
            yield pad + one.text
            if line is not None and line - one.line > 1 and self.lines.is_blank(one.line + 1):
                yield ""

    def block(self, block: Block, pad: str, owner: str) -> Iterator[str]:
        """Yield a mapping or a list, an entry in a line or more."""
        for count, entry in enumerate(ordered(block, owner)):
            if count and self.is_parted(block, entry, owner):
                yield ""
            yield from self.comments(entry.above, entry.line, pad)
            yield from (
                self.item(entry, pad, owner)
                if entry.key is None
                else self.pair(entry, name_of(entry.key), pad, owner)
            )
        if block.below and self.lines.is_blank(block.below[0].line - 1):
            yield ""
        yield from self.comments(block.below, None, pad)

    def is_parted(self, block: Block, entry: Entry, owner: str) -> bool:
        """Return whether a blank line is before an entry that is not the first."""
        if block.is_mapping:
            return owner == ""
        return owner in PARTED or self.lines.is_blank(self.first_line(entry) - 1)

    def pair(self, entry: Entry, key: str, pad: str, owner: str) -> Iterator[str]:
        """Yield a key with its value."""
        value, below, head = entry.value, f"{pad}  ", f"{pad}{key}:"
        inner = owner if key == MERGE else key
        kind = kind_of(owner, key)
        if isinstance(value, Scalar) and isinstance(value.value, str) and kind is str:
            room = WIDTH - len(head) - 1 - len(anchor_of(value))
            if several := several_lines(value.value, room, WIDTH - len(below)):
                yield ended(f"{head} {anchor_of(value)}{several[0]}", entry)
                yield from (below + line if line else "" for line in several[1])
                return
        text = self.on_one_line(value, inner, kind, WIDTH - len(head) - 1)
        if text is not None:
            yield ended(f"{head} {text}", entry)
        elif isinstance(value, Block):
            yield ended(f"{head} {anchor_of(value)}".rstrip(), entry)
            yield from self.block(value, below, inner)

    def item(self, entry: Entry, pad: str, owner: str) -> Iterator[str]:
        """Yield an item of a list."""
        value, below = entry.value, f"{pad}  "
        text = self.on_one_line(value, owner, str, WIDTH - len(below))
        if text is not None:
            yield ended(f"{pad}- {text}", entry)
        elif isinstance(value, Block) and value.anchor:
            yield ended(f"{pad}- {anchor_of(value)}".rstrip(), entry)
            yield from self.block(value, below, owner)
        elif isinstance(value, Block):
            rest = self.block(value, below, owner)
            for line in rest:
                if line and not line.startswith(f"{below}#"):
                    if entry.beside:
                        yield pad + entry.beside.text
                    yield f"{pad}- {line.removeprefix(below)}"
                    break
                # What was above the first key is above the item.
                yield pad + line.removeprefix(below) if line else ""
            yield from rest

    def on_one_line(self, value: Node, owner: str, kind: type, room: int) -> str | None:
        """Return a value that fits into so many characters of a line, None if it does not."""
        match value:
            case Alias():
                return f"*{value.name}"
            case Scalar():
                return anchor_of(value) + text_of(value, kind, in_brackets=False)
            case Block(entries=[], is_mapping=is_mapping):
                return anchor_of(value) + ("{}" if is_mapping else "[]")
        parts = ordered(value, owner)
        is_long = value.is_mapping and owner not in ON_ONE_LINE
        if is_long or value.below or any(one.above or one.beside for one in parts):
            return None
        texts = []
        for part in parts:
            inner = f"{name_of(part.key)}: " if part.key else ""
            match part.value:
                case Alias(name=name):
                    texts.append(f"{inner}*{name}")
                case Scalar() as one:
                    texts.append(inner + anchor_of(one) + text_of(one, str, in_brackets=True))
                case _:
                    return None
        text = "{%s}" if value.is_mapping else "[%s]"
        text = anchor_of(value) + text % ", ".join(texts)
        return text if len(text) <= room else None


def ended(line: str, entry: Entry) -> str:
    """Return a line with the comment beside its entry."""
    return f"{line} {entry.beside.text}" if entry.beside else line


def anchor_of(value: Scalar | Block) -> str:
    """Return how a value's anchor is written before it."""
    return f"&{value.anchor} " if value.anchor else ""


def name_of(key: Node) -> str:
    """Return a key.

    Raises:
        Unwritable: It is none of a policy.
    """
    if isinstance(key, Scalar) and isinstance(key.value, str):
        return key.value
    raise Unwritable("a key is not written as a name")


def text_of(value: Scalar, kind: type, *, in_brackets: bool) -> str:
    """Return a single value as it is written on one line."""
    if kind is timedelta and isinstance(value.value, str):
        return duration(value.value)
    if kind is date and isinstance(value.value, str):
        return value.value
    return one_line(value.value, in_brackets=in_brackets)


def kind_of(owner: str, key: str) -> type:
    """Return what the value of a key is: a duration, a day, or anything else, which is `str`."""
    field = MODELS[owner].model_fields.get(key) if owner in MODELS else None
    takes = list(kinds(field.annotation)) if field else []
    return next((kind for kind in (timedelta, date) if kind in takes), str)


def kinds(annotation: Any) -> Iterator[Any]:
    """Yield every type that an annotation is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from kinds(part)


def ordered(block: Block, owner: str) -> list[Entry]:
    """Return a block's entries: keys in the order of the reference, after what is merged in."""
    if not block.is_mapping:
        return block.entries
    order = [MERGE, *(MODELS[owner].model_fields if owner in MODELS else ())]

    def rank(entry: Entry) -> int:
        name = name_of(entry.key) if entry.key else ""
        return order.index(name) if name in order else len(order)

    return sorted(block.entries, key=rank)

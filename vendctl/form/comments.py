"""The comments of a YAML text, and what each stands behind."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""What a policy is read with, here as in the service."""

COMMENT = re.compile(r"#[^\n\u2028\u2029]*")
"""To its line's end. YAML 1.1 ends lines at these, once `\\r\\n`, `\\r` and `\\x85` are `\\n`."""

BLOCK_SCALAR = re.compile(r"[|>][0-9+-]*[ \t]+" + f"({COMMENT.pattern})")


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment.

    Attributes:
        text: From its `#` on, without spaces at its end.
        at: Where it begins.
        line: Counted from 0.
        column: Counted from 0.
        behind: What ends on its line before it, None where it has the line to itself.
    """

    text: str
    at: int
    line: int
    column: int
    behind: yaml.Token | None


class Lines:
    """Where the lines of a text begin."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(found.end() for found in re.finditer("[\n\u2028\u2029]", text))]

    def of(self, at: int) -> int:
        """Return which line a place is in, counted from 0."""
        return bisect_right(self.starts, at) - 1

    def column(self, at: int) -> int:
        """Return its place in that line, counted from 0."""
        return at - self.starts[self.of(at)]

    def is_blank(self, line: int) -> bool:
        """Return whether there is such a line, and nothing in it."""
        if line < 0:
            return False
        start, *following = self.starts[line : line + 2]
        return not self.text[start : following[0] if following else None].strip()


def comments_of(text: str, lines: Lines) -> Iterator[Comment]:
    """Yield every comment, in the order of the text.

    Between two tokens there is nothing but spaces and comments, so no `#` of a value is taken for
    one.

    Args:
        text: YAML, of which the line breaks `\\r\\n`, `\\r` and `\\x85` have become `\\n`.
        lines: Its own.

    Raises:
        yaml.YAMLError: It is none.
    """
    at, before = 0, None
    tokens: Iterator[Any] = yaml.scan(text, Loader=LOADER)
    for token in tokens:
        start, end = token.start_mark.index, token.end_mark.index
        for found in COMMENT.finditer(text, at, max(at, start)):
            yield _comment(found, before, lines)
        is_block = isinstance(token, yaml.ScalarToken) and token.style in ("|", ">")
        if is_block and (in_head := BLOCK_SCALAR.match(text, start)):
            yield _comment(in_head, token, lines)
        at = max(at, end)
        before = token if end > start else before
    for found in COMMENT.finditer(text, at):
        yield _comment(found, before, lines)


def _comment(found: re.Match[str], before: yaml.Token | None, lines: Lines) -> Comment:
    at = found.end() - len(text := found[found.lastindex or 0])
    line = lines.of(at)
    shares_line = lines.text[lines.starts[line] : at].strip() != ""
    return Comment(text.rstrip(), at, line, lines.column(at), before if shares_line else None)

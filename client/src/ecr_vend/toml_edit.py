"""Set or remove one key of a TOML text and leave every other line as it is.

Only what stands on lines of its own is edited: a key of the top level, or of a table with a header.
Whatever else TOML allows is refused, since the result is read again and compared with what was
meant.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import Any

Path = tuple[str, ...]
BARE = re.compile(r"[A-Za-z0-9_-]+")
ASSIGNED = re.compile(r"""\s*(?:[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*')\s*=[ \t]*""")


class NotEditable(ValueError):
    """The text is not TOML, or the key cannot be edited in it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, with the blank lines and comments that follow left out.

    Attributes:
        start: Where its first line begins.
        end: Where its last line ends, the line break included.
        table: The table it stands in, or opens.
        key: The key it sets, below its table; empty for a header.
    """

    start: int
    end: int
    table: Path
    key: Path

    @property
    def path(self) -> Path:
        """Return the whole path of the key."""
        return self.table + self.key


def loads(text: str) -> dict[str, Any]:
    """Return what the text holds.

    Raises:
        NotEditable: It is not TOML.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotEditable(f"is not TOML: {error}") from None


def get(text: str, path: Path) -> object | None:
    """Return a key's value, None when it is not there; TOML has no null.

    Raises:
        NotEditable: The text is not TOML.
    """
    found: object = loads(text)
    for name in path:
        if not isinstance(found, dict) or name not in found:
            return None
        found = found[name]
    return found


def spelling(text: str, path: Path) -> str | None:
    """Return a key's value as it is written, None where it does not stand on lines of its own.

    Raises:
        NotEditable: The text is not TOML.
    """
    for one in statements(text):
        if one.path == path and one.key and (found := _value(text, one)):
            return text[found[0] : found[1]]
    return None


def put(text: str, path: Path, value: str, spelled: str | None = None) -> str:
    """Return the text with a key set to a string.

    Args:
        text: The whole document.
        path: The key.
        value: Its value.
        spelled: How to write it, where that matters.

    Raises:
        NotEditable: It cannot be set without touching something else.
    """
    expected = loads(text)
    inner = expected
    for name in path[:-1]:
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            raise NotEditable(f"`{name}` is there and is not a table: {by_hand(path, value)}")
    inner[path[-1]] = value
    edited = _put(text, path, spelled or quoted(value))
    if edited is None or _document(edited) != expected:
        raise NotEditable(by_hand(path, value))
    return edited


def remove(text: str, path: Path) -> str:
    """Return the text without a key, or without the header of a table that holds nothing.

    Raises:
        NotEditable: It cannot be removed without touching something else.
    """
    if get(text, path) is None:
        return text
    expected = loads(text)
    inner = expected
    for name in path[:-1]:
        inner = inner[name]
    inner.pop(path[-1])
    found = [one for one in statements(text) if one.path == path]
    if len(found) != 1:
        raise NotEditable(f"remove `{'.'.join(path)}` by hand")
    start, end = found[0].start, found[0].end
    if not found[0].key:  # the blank line that was put before the header
        start = _before_blank_line(text, start)
    if not text[start:end].endswith("\n") and text[:start].endswith("\n"):
        start -= 2 if text[:start].endswith("\r\n") else 1
    edited = text[:start] + text[end:]
    if _pruned(_document(edited)) != _pruned(expected):
        raise NotEditable(f"remove `{'.'.join(path)}` by hand")
    return edited


def statements(text: str) -> list[Statement]:
    """Return the statements in order.

    Lines belong together as long as they are no TOML without the next one.

    Raises:
        NotEditable: The text is not TOML.
    """
    loads(text)
    found: list[Statement] = []
    table: Path = ()
    start = at = 0
    for line in text.splitlines(keepends=True) if "\n" in text else [text]:
        at += len(line)
        chunk = text[start:at]
        document = _document(chunk)
        if document is None:
            continue
        if document:
            header = chunk.lstrip().startswith("[")
            key = _only_path(document)
            if header:
                table = key
            found.append(Statement(start, at, table, () if header else key))
        start = at
    return found


def by_hand(path: Path, value: str) -> str:
    """Return what the person has to write, where we cannot."""
    *table, key = path
    header = f"[{'.'.join(map(_name, table))}] " if table else ""
    return f"write {header}{key} = {quoted(value)} yourself"


def quoted(value: str) -> str:
    """Return a string as TOML."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _put(text: str, path: Path, spelled: str) -> str | None:
    """Return the text with the key set, None where the place for it is not found."""
    there = statements(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    for one in there:
        if one.path == path and one.key:
            found = _value(text, one)
            return text[: found[0]] + spelled + text[found[1] :] if found else None
    line = f"{_name(path[-1])} = {spelled}"
    beside = [one for one in there if one.table == path[:-1]]
    if beside:
        return _after(text, beside[-1].end, line, newline)
    if len(path) == 1:
        return line + newline + text
    header = f"[{'.'.join(map(_name, path[:-1]))}]"
    gap = newline if text else ""
    return _after(text, len(text), f"{gap}{header}{newline}{line}", newline)


def _after(text: str, at: int, lines: str, newline: str) -> str:
    """Return the text with lines put in where a line ends; the last may have no line break."""
    if text[:at] and not text[:at].endswith("\n"):
        return text[:at] + newline + lines + text[at:]
    return text[:at] + lines + newline + text[at:]


def _value(text: str, one: Statement) -> tuple[int, int] | None:
    """Return where the value of a statement begins and ends, its comment left out."""
    if not (head := ASSIGNED.match(text[one.start : one.end])):
        return None
    start = one.start + head.end()
    rest = text[start : one.end]
    for end in [at for at, letter in enumerate(rest) if letter == "#"] + [len(rest)]:
        found = rest[:end].rstrip()
        if found and _document(f"x = {found}") is not None:
            return start, start + len(found)
    return None


def _before_blank_line(text: str, start: int) -> int:
    for newline in ("\r\n", "\n"):
        if text[:start].endswith(newline) and text[: start - len(newline)].endswith("\n"):
            return start - len(newline)
    return start


def _document(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _only_path(document: object) -> Path:
    """Return the path down a document of one statement, as far as tables go."""
    path: list[str] = []
    while isinstance(document, dict) and len(document) == 1:
        ((name, document),) = document.items()
        path.append(name)
    return tuple(path)


def _pruned(document: object) -> object:
    """Return a document without tables that hold nothing."""
    if not isinstance(document, dict):
        return document
    inner = {name: _pruned(value) for name, value in document.items()}
    return {name: value for name, value in inner.items() if value != {}}


def _name(name: str) -> str:
    return name if BARE.fullmatch(name) else quoted(name)

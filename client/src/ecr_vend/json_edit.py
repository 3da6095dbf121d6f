"""Change one member of a JSON text and leave every other byte as it is.

Paths are tuples of member names from the outermost object inwards. Of duplicate members the last
one counts, as it does for the programs that read such files.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

Path = tuple[str, ...]
BLANK = re.compile(r"[ \t\r\n]*")


class NotEditable(ValueError):
    """The text is not a JSON object, or not one in which the member could stand."""


@dataclass(frozen=True, slots=True)
class Member:
    """Where a member of an object stands in the text.

    Attributes:
        name: Its name.
        start: Where its name begins.
        after_name: Where its name ends.
        value: Where its value begins.
        end: Where its value ends.
    """

    name: str
    start: int
    after_name: int
    value: int
    end: int


def loads(text: str) -> object:
    """Return what the text holds, numbers as they are written.

    Raises:
        NotEditable: It is not JSON; the message names line and column.
    """
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise NotEditable(f"is not JSON: {error.msg} at {place}") from None
    except RecursionError:
        raise NotEditable("is not JSON: it is nested too deeply") from None


def _constant(name: str) -> NoReturn:
    raise NotEditable(f"is not JSON: it holds {name}")


DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant)


def get(text: str, path: Path) -> str | None:
    """Return the text of a member's value, None where there is no such member.

    Raises:
        NotEditable: The text is not a JSON object.
    """
    loads(text)
    found = _find(text, path)
    return text[found.value : found.end] if found else None


def put(text: str, path: Path, value: str) -> str:
    """Return the text with a member's value set; missing objects on the way are made.

    A text of nothing but blanks is taken for an empty object.

    Args:
        text: The whole document.
        path: The member.
        value: Its value, as JSON.

    Raises:
        NotEditable: Something else stands on the way.
    """
    if not text.strip(" \t\r\n"):
        text = "{}" + text
    loads(text)
    for depth in range(1, len(path) + 1):
        at = path[:depth]
        found = _find(text, at)
        if found is None:
            return _insert(text, _object(text, at[:-1]), path[depth - 1 :], value)
        if depth == len(path):
            return text[: found.value] + value + text[found.end :]
        if text[found.value : found.end] == "null":
            inner = _nested(path[depth:], value, "", "")
            return text[: found.value] + inner + text[found.end :]
    raise NotEditable("no member is named")


def remove(text: str, path: Path) -> str:
    """Return the text without a member; `put` undone where it made that member.

    Raises:
        NotEditable: The text is not a JSON object.
    """
    loads(text)
    found = _find(text, path)
    if found is None:
        return text
    start = _object(text, path[:-1])
    members = _members(text, start)
    at = members.index(found)
    if at:
        return text[: members[at - 1].end] + text[found.end :]
    if len(members) > 1:
        return text[: found.start] + text[members[1].start :]
    return text[: start + 1] + text[found.end :]


def _find(text: str, path: Path) -> Member | None:
    """Return a member, the last of its name."""
    start = _outermost(text)
    member = None
    for depth, name in enumerate(path):
        if member is not None:
            if text[member.value : member.end] == "null":
                return None
            start = _inner(text, member, path[:depth])
        named = [one for one in _members(text, start) if one.name == name]
        if not named:
            return None
        member = named[-1]
    return member


def _object(text: str, path: Path) -> int:
    """Return where the object at a path begins."""
    found = _find(text, path) if path else None
    return _inner(text, found, path) if found else _outermost(text)


def _inner(text: str, member: Member, path: Path) -> int:
    if text[member.value] != "{":
        line = text.count("\n", 0, member.value) + 1
        raise NotEditable(f"`{'.'.join(path)}` is not an object (line {line})")
    return member.value


def _outermost(text: str) -> int:
    start = _skip(text, 0)
    if text[start : start + 1] != "{":
        raise NotEditable("is not a JSON object")
    return start


def _members(text: str, start: int) -> list[Member]:
    """Return the members of the object that begins at `start`, in order."""
    found = []
    at = _skip(text, start + 1)
    while text[at] != "}":
        name, after = DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, after) + 1)
        _, end = DECODER.raw_decode(text, value)
        found.append(Member(name, at, after, value, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _skip(text: str, at: int) -> int:
    match = BLANK.match(text, at)
    return match.end() if match else at


def _insert(text: str, start: int, names: Path, value: str) -> str:
    """Return the text with a new last member in the object at `start`, in the style around it."""
    members = _members(text, start)
    if not members:
        blank = text[start + 1 : _skip(text, start + 1)]
        _, newline, indent = blank.rpartition("\n")
        # The closing bracket keeps its place; the member goes one step further in.
        lead = ""
        if newline:
            lead = _newline(text) + indent + (indent or "\t")
        made = lead + _member(names, value, lead, ": ", lead)
        return text[: start + 1] + made + text[start + 1 :]
    last = members[-1]
    before = text[: last.start]
    lead = before[len(before.rstrip(" \t\r\n")) :]
    colon = text[last.after_name : last.value]
    if not lead and colon != ":":
        lead = " "
    step = _indent(lead) if start == _outermost(text) else "\t"
    made = _member(names, value, lead, colon, step)
    return text[: last.end] + "," + lead + made + text[last.end :]


def _member(names: Path, value: str, lead: str, colon: str, step: str) -> str:
    return f"{quoted(names[0])}{colon}{_nested(names[1:], value, lead, step)}"


def _nested(names: Path, value: str, lead: str, step: str) -> str:
    """Return the value of a member, inside an object for each further name."""
    if not names:
        return value
    if "\n" not in lead:
        return f"{{{quoted(names[0])}: {_nested(names[1:], value, lead, step)}}}"
    inner = lead + _indent(step)
    return f"{{{inner}{quoted(names[0])}: {_nested(names[1:], value, inner, step)}{lead}}}"


def _indent(lead: str) -> str:
    return lead.rpartition("\n")[2]


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def quoted(name: str) -> str:
    """Return a string as JSON."""
    return json.dumps(name, ensure_ascii=False)


def changed(document: object, path: Sequence[str], value: object) -> object:
    """Return a document with a member set the plain way, to compare an edited text with."""
    if not path:
        return value
    base = dict(document) if isinstance(document, dict) else {}
    return {**base, path[0]: changed(base.get(path[0]), path[1:], value)}

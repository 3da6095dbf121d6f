"""How a single value is written: without quotes where YAML allows, and on several lines if long."""

from __future__ import annotations

import re
import textwrap
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import yaml

from vendctl.form.comments import LOADER
from vending.policy_values import DURATION

READ_OTHERWISE = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-?:]([,\[\]{} ].*)?|[-+]?\.inf|\.nan|~|null|true|false|y|n|yes|no|on|off",
    re.IGNORECASE,
)
"""Texts that YAML 1.2, or YAML 1.1 as others read it, takes for something else without quotes. An
account is among them, whatever its first digit is."""

SHORT_ESCAPES = {"\n": "n", "\t": "t", "\r": "r"}

LEAST_WIDTH = 40
"""Text is never folded to less than this, however deep it stands."""


class Unwritable(Exception):
    """A value that no policy holds."""


def one_line(value: Any, *, in_brackets: bool) -> str:
    """Return a value as it is written on one line.

    Args:
        value: As YAML reads it.
        in_brackets: Whether it stands in `[…]` or `{…}`.

    Raises:
        Unwritable: It is neither text, nor a number, a truth, a day or nothing.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float() if value == int(value):
            return str(int(value))
        case date() if type(value) is date:
            return value.isoformat()
        case str():
            return _plain_or_quoted(value, in_brackets=in_brackets)
    raise Unwritable(f"{value!r} is in no policy")


@lru_cache(maxsize=65_536)
def _plain_or_quoted(text: str, *, in_brackets: bool) -> str:
    if (
        text.isprintable()
        and not READ_OTHERWISE.fullmatch(text)
        and _reads_back(f"[{text}]" if in_brackets else f"- {text}", text)
    ):
        return text
    return '"' + "".join(map(_in_quotes, text)) + '"'


def _in_quotes(letter: str) -> str:
    if letter.isprintable():
        return f"\\{letter}" if letter in '"\\' else letter
    code = ord(letter)
    digits = "x%02x" if code < 0x100 else "u%04x" if code < 0x10000 else "U%08x"
    return "\\" + SHORT_ESCAPES.get(letter, digits % code)


def _reads_back(written: str, text: str) -> bool:
    try:
        return bool(yaml.load(written, LOADER) == [text])  # noqa: S506  a safe loader
    except (yaml.YAMLError, ValueError):
        return False


def duration(written: str) -> str:
    """Return a duration in its largest unit, where it is a whole number of them, else as it is."""
    match = DURATION.fullmatch(written)
    if not written or not match:
        return written
    parts = {unit: int(count.lstrip("0") or "0") for unit, count in match.groupdict("0").items()}
    seconds = int(timedelta(**parts).total_seconds())
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return written


def several_lines(text: str, room: int, width: int) -> tuple[str, list[str]] | None:
    """Return a text that is long, or has lines, as YAML's head for it and the lines below.

    Args:
        text: Any.
        room: How many characters fit in the line of its key.
        width: How many fit in those below.

    Returns:
        None where it is written on one line: because it fits, or because only quotes keep it.
    """
    body = text.removesuffix("\n")
    lines = body.split("\n")
    keeps = all(line.isprintable() and line == line.rstrip() for line in lines)
    if not keeps or not body or not lines[0] or lines[0][0] == " " or not lines[-1]:
        return None
    chomped = "" if body != text else "-"
    if len(lines) > 1 or (chomped == "" and len(body) <= room):
        return f"|{chomped}", lines
    words = body.split(" ")
    if len(one_line(body, in_brackets=False)) <= room or len(words) == 1 or "" in words:
        return None
    folded = textwrap.wrap(
        body, max(width, LEAST_WIDTH), break_long_words=False, break_on_hyphens=False
    )
    return f">{chomped}", folded

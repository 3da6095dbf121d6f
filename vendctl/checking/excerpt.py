"""Show a problem with the line of the text that it is about, as compilers do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vending.policy_problems import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vendctl.console import Console
    from vending.policy_problems import Problem

BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
"""Where lines end in YAML 1.1."""

WIDEST = 120
"""Characters of a line that are shown; of a longer one, what is around the place."""

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def lines_of(text: bytes) -> list[str]:
    """Return the lines of a document, as its marks count them."""
    return BREAK.split(text.decode("utf-8-sig", errors="replace"))


def shown(problem: Problem, name: str, lines: Sequence[str], console: Console) -> str:
    """Return a problem with its place, the offending text underlined, and the cure."""
    colour = COLOURS[problem.severity]
    head = f"{name}:{problem.line}:{problem.column}:"
    kind = console.coloured(f"{problem.severity}[{problem.code}]", colour, "bold")
    said = f"{problem.key}: {problem.message}" if problem.key else problem.message
    parts = [f"{console.coloured(one_line(head), 'bold')} {kind}: {one_line(said)}"]
    margin = " " * len(str(problem.line))
    bar = console.coloured("|", "dim")
    if 0 < problem.line <= len(lines):
        line, start, length = windowed(lines[problem.line - 1], problem)
        marks = console.coloured("^" * length, colour)
        parts.append(f" {problem.line} {bar} {line}".rstrip())
        parts.append(f" {margin} {bar} {' ' * start}{marks}")
    parts.append(f" {margin} = cure: {one_line(problem.remedy)}")
    return "\n".join(parts)


def windowed(line: str, problem: Problem) -> tuple[str, int, int]:
    """Return what is shown of a line, and where and how long the offending text is in it."""
    end_line, end = problem.end
    start = min(problem.column - 1, len(line))
    # What goes on over several lines is underlined to the end of its first.
    stop = end - 1 if end_line == problem.line else len(line.rstrip())
    stop = min(max(stop, start + 1), max(len(line), start + 1))
    cut = max(0, start - WIDEST // 2) if len(line) > WIDEST else 0
    part = one_line(line[cut : cut + WIDEST])
    if cut:
        part = f"…{part[1:]}"
    if len(line) > cut + WIDEST:
        part = f"{part[:-1]}…"
    return part, start - cut, max(1, min(stop - start, len(part) - (start - cut)))


def one_line(text: str) -> str:
    """Return a text that neither drives a terminal nor begins a new line, as long as before."""
    plain = text.replace("\t", " ").replace("\n", " ")
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in plain)

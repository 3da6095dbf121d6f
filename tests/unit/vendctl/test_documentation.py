"""Every command line of vendctl that the docs and its own help show is one that it takes."""

from __future__ import annotations

import argparse
import re
import shlex

import pytest

from tools.environments import ROOT
from vendctl.__main__ import parser

PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]


def whole_lines(text: str) -> str:
    """Return a text with the lines joined that a backslash continues."""
    return re.sub(r"\\\n\s*", "", text)


SHOWN = {
    (page.name, re.split(r"\s+#\s", line)[0].strip())
    for page in PAGES
    for line in re.findall(r"\bbin/vendctl ([^`\n|<>]+)", whole_lines(page.read_text()))
}


def helped(one: argparse.ArgumentParser) -> set[tuple[str, str]]:
    """Return the examples of a parser and of all below it."""
    found = re.findall(r"^  vendctl ([^\n|<>]+)", whole_lines(one.epilog or ""), re.MULTILINE)
    below = [
        choice
        for action in one._actions
        if isinstance(action, argparse._SubParsersAction)
        for choice in action.choices.values()
    ]
    return {("--help", line) for line in found}.union(*(helped(choice) for choice in below))


def test_there_are_examples() -> None:
    assert len(SHOWN) > 5
    assert len(helped(parser())) > 5


@pytest.mark.parametrize(("where", "line"), sorted(SHOWN | helped(parser())))
def test_a_command_line_that_is_shown_is_taken(where: str, line: str) -> None:
    assert parser().parse_args(shlex.split(line)).run

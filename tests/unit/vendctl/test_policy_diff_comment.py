"""The comment on a pull request: nobody can write anything into it but in code."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from tests.unit.vendctl.small_policies import DENY, OLD, many
from vendctl.difference.difference import difference
from vendctl.difference.markdown import LONGEST, code, markdown
from vending.policy_text import parse

THERE: Any = {"today": date(2026, 11, 27), "names": None}

FORGERIES = [
    "@team",
    "<img src=x onerror=alert(1)>",
    "<!-- ",
    "[a](http://evil.example)",
    "![a](http://evil.example/x.png)",
    "http://evil.example",
    "#12",
    "a|b",
    "a\\|b",
    "a`b",
    "``",
    "`@team`",
    "a\n# Approved",
    "a\r\n\r\n@team",
    "\u202egnp",
    "a\u2028b",
    "",
    " ",
]


@pytest.mark.parametrize("text", FORGERIES)
def test_no_string_ends_its_place_in_a_comment(text: str) -> None:
    shown = code(text)
    # A code span of one backtick in a table's cell: CommonMark 6.1, GitHub's tables.
    assert re.fullmatch(r"`[^`|\r\n]+`", shown)
    assert shown.isprintable()


@pytest.mark.parametrize("text", FORGERIES)
def test_a_comment_shows_the_names_of_the_documents_in_code_alone(text: str) -> None:
    policies = [parse(one.encode(), name="p") for one in (OLD, OLD + DENY)]
    found = difference(*policies, today=date(2026, 11, 27))
    said = markdown(found, [text, text], **THERE)
    outside = re.sub(r"`[^`]*`", "", said)
    assert outside == re.sub(r"`[^`]*`", "", markdown(found, ["a", "b"], **THERE))
    assert len(said.splitlines()) == 7


def test_every_string_of_a_policy_is_in_code() -> None:
    text = OLD.replace("role/ci", "role/@ci").replace("name: ci", "name: http.evil.example")
    policies = [parse(one.encode(), name="p") for one in (text, text.replace("30m", "5m"))]
    found = difference(*policies, today=date(2026, 11, 27))
    outside = re.sub(r"`[^`]*`", "", markdown(found, ["a", "b"], **THERE))
    assert "@" not in outside
    assert "evil" not in outside
    assert "team/" not in outside


def test_a_comment_that_is_too_long_says_what_it_leaves_out() -> None:
    policies = [parse(one.encode(), name="p") for one in (many(300), "version: 1\ngrants: []")]
    found = difference(*policies, today=date(2026, 11, 27))
    said = markdown(found, ["a", "b"], **THERE)
    assert LONGEST - 1_000 < len(said) < LONGEST + 200
    assert re.search(r"\*\*\d+ more rows do not fit here", said)

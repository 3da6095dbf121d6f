"""The lists of rules and of attackers name tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TESTS = ROOT / "tests"
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


@pytest.mark.parametrize(
    ("page", "at_least"), [("tests/README.md", 70), ("docs/threat-model.md", 40)]
)
def test_every_test_that_a_list_names_is_there(page: str, at_least: int) -> None:
    named = NAMED.findall((ROOT / page).read_text())
    assert len(named) > at_least
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (TESTS / file).is_file() or f"\ndef {test}(" not in (TESTS / file).read_text()
    ]
    assert missing == []


def test_every_attacker_has_a_test() -> None:
    attackers = (ROOT / "docs/threat-model.md").read_text().split("\n## Who attacks\n")[1]
    rows = re.findall(r"(?m)^\| (?!who,|---)(.+) \|$", attackers.split("\n## ")[0])
    assert [row for row in rows if not NAMED.search(row.split(" | ")[-1])] == []

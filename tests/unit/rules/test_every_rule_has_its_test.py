"""The list of rules in tests/README.md names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def test_every_test_that_the_list_names_is_there() -> None:
    named = NAMED.findall((TESTS / "README.md").read_text())
    assert len(named) > 70
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (TESTS / file).is_file() or f"\ndef {test}(" not in (TESTS / file).read_text()
    ]
    assert missing == []

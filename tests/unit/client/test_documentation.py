"""docs/client.md says what the client does: every setting and every failure, and no other."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ecr_vend import commands, ready
from ecr_vend.errors import PROBLEMS
from ecr_vend.settings import KEYS, load

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "client.md").read_text()
VARIABLES = {f"ECR_VEND_{key.upper()}" for key in KEYS} | {
    "ECR_VEND_CONFIG",
    "ECR_VEND_SYSTEM_CONFIG",
}
LOGGING = {"ECR_VEND_LOG", "ECR_VEND_LOG_FILE"}
"""Variables that the sh front does not know, so that Python answers and writes its log."""

WORDS = dict.fromkeys(re.findall(r"\{(\w+)", " ".join(PROBLEMS.values())), "word")
SHOWN = WORDS | {"where": "`ttl` in /home/me/.config/ecr-vend/config.toml", "seconds": 20.0}


def table(head: str) -> list[list[str]]:
    """Return the cells of the table whose first column is called `head`, row by row."""
    _, _, rows = PAGE.partition(f"\n| {head} |")[2].partition("\n|---|---|---|\n")
    found = [line.strip("| ").split(" | ") for line in rows.partition("\n\n")[0].split("\n")]
    assert len(found) > 5
    return found


def quoted(cell: str) -> list[str]:
    """Return the words of a cell that are written as code."""
    return re.findall(r"`([^`]+)`", cell)


def test_every_setting_is_in_the_table_with_its_variable() -> None:
    rows = table("key")
    keys = [key for row in rows for key in quoted(row[0])]
    assert keys == list(KEYS)
    assert [name for row in rows for name in quoted(row[1])] == [
        f"ECR_VEND_{key.upper()}" for key in keys
    ]


def test_every_command_is_in_the_table_with_an_example() -> None:
    rows = table("command")
    assert [name for row in rows for name in quoted(row[0])] == list(commands.NAMES)
    for name, _, example in rows:
        assert f"ecr-vend {quoted(name)[0]}" in example


def test_the_page_names_every_variable_that_is_read_and_no_other() -> None:
    assert set(re.findall(r"ECR_VEND_[A-Z_]*[A-Z]", PAGE)) == VARIABLES | LOGGING
    read = "".join(path.read_text() for path in (ROOT / "client" / "src").rglob("*.py"))
    assert set(re.findall(r"ECR_VEND_[A-Z_]*[A-Z]", read)) == VARIABLES | LOGGING
    assert {name for name in ready.VARIABLES if name.startswith("ECR_VEND_")} == VARIABLES


def test_the_configuration_that_the_page_shows_is_one(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(PAGE.partition("```toml\n")[2].partition("```")[0])
    found = load({"ECR_VEND_CONFIG": str(path), "ECR_VEND_SYSTEM_CONFIG": os.devnull})
    assert set(found.aliases) == {"images.example.com", "localhost:5000"}


def test_the_page_has_one_row_for_each_failure() -> None:
    assert len(table("the line says")) == len(PROBLEMS)


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_row_quotes_the_line_of_its_failure(code: str) -> None:
    # In the order of PROBLEMS, since some sentences hold the words of another.
    row = table("the line says")[list(PROBLEMS).index(code)]
    line = PROBLEMS[code].format(**SHOWN)
    patterns = [".+".join(re.escape(part) for part in words.split("…")) for words in quoted(row[0])]
    assert any(re.match(pattern, line) for pattern in patterns), line

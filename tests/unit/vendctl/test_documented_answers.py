"""What docs/policy.md shows of `explain` and `who` is what they print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from vendctl.__main__ import main

ROOT = Path(__file__).parents[3]
SHOWN = re.compile(
    r"^```console\n\$ bin/vendctl (policy (?:explain|who)(?:\\\n|[^\n])*)\n(.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
"""A command, which may go on after a backslash, and what it prints."""

EXAMPLES = SHOWN.findall((ROOT / "docs/policy.md").read_text())


@pytest.mark.parametrize(("command", "printed"), EXAMPLES)
def test_a_documented_command_prints_what_is_documented(
    command: str,
    printed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    main(shlex.split(command.replace("\\\n", " ")))
    assert capsys.readouterr().out == printed


def test_both_commands_are_documented() -> None:
    assert {command.split()[1] for command, _ in EXAMPLES} == {"explain", "who"}

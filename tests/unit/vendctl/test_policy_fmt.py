"""`vendctl policy fmt`: what it writes, what it leaves alone, and how it ends."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vendctl.__main__ import main

ROOT = Path(__file__).parents[3]
UGLY = """\
grants:
- {name: a, access: pull, callers: [{account: "111122223333"}], repositories: [a/*]} # why
version: 1
"""
CANONICAL = """\
version: 1

grants:
  # why
  - name: a
    callers:
      - account: "111122223333"
    repositories: [a/*]
    access: pull
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(UGLY)
    return path


def fmt(*arguments: str | Path) -> int:
    return main(["policy", "fmt", *map(str, arguments)])


def test_a_file_is_written_in_place_and_then_left_alone(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fmt(file) == 0
    assert file.read_text() == CANONICAL
    assert capsys.readouterr().out == f"{file}: written in canonical form\n"
    was = file.stat()
    assert fmt(file) == 0
    assert file.stat().st_mtime_ns == was.st_mtime_ns
    assert capsys.readouterr().out == ""


def test_the_mode_stays_and_a_link_stays_one(file: Path, tmp_path: Path) -> None:
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    assert fmt(link) == 0
    assert link.is_symlink()
    assert file.read_text() == CANONICAL
    assert file.stat().st_mode & 0o7777 == 0o640


def test_check_names_what_would_change_and_writes_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = tmp_path / "right.yaml"
    right.write_text(CANONICAL)
    assert fmt("--check", file, right) == 1
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == [str(file)]
    assert file.read_text() == UGLY
    assert fmt("--check", right) == 0


def test_check_minds_line_ends(file: Path) -> None:
    file.write_bytes(CANONICAL.replace("\n", "\r\n").encode())
    assert fmt("--check", file) == 1
    assert fmt(file) == 0
    assert file.read_bytes() == CANONICAL.encode()


def test_diff_shows_what_would_change_and_writes_nothing(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fmt("--diff", file) == 0
    shown = capsys.readouterr().out.splitlines()
    assert "-version: 1" in shown
    assert "+  # why" in shown
    assert file.read_text() == UGLY
    assert fmt("--diff", "--check", file) == 1
    file.write_text(UGLY.replace("# why", "# \u202ewhy"))
    capsys.readouterr()
    fmt("--diff", file)
    assert "\u202e" not in capsys.readouterr().out


def test_stdin_goes_to_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(UGLY.encode())))
    assert fmt("-") == 0
    assert capsys.readouterr().out == CANONICAL


def test_what_is_no_policy_stays_as_it_is_and_the_others_are_written(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(UGLY.replace("pull", "write"))
    assert fmt(wrong, file) == 1
    assert f"{wrong}:2:21: grants[0].access: 'write' is none of" in capsys.readouterr().err
    assert "write" in wrong.read_text()
    assert file.read_text() == CANONICAL


def test_what_would_change_its_meaning_stays_as_it_is(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "denies: [{name: d, repositories: &all [a/*]}]\n" + UGLY.replace("[a/*]", "*all")
    file.write_text(text)
    assert fmt(file) == 1
    assert "left as it is" in capsys.readouterr().err
    assert file.read_text() == text


def test_a_file_that_cannot_be_read_or_is_json_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fmt(tmp_path / "none.yaml", tmp_path, tmp_path / "policy.json") == 2
    assert capsys.readouterr().err.splitlines() == [
        f"vendctl: {tmp_path}/none.yaml: No such file or directory",
        f"vendctl: {tmp_path}: Is a directory",
        f"vendctl: {tmp_path}/policy.json: the canonical form is YAML, and this is called JSON",
    ]


def test_a_disk_without_room_leaves_the_file_whole_and_nothing_beside_it(file: Path) -> None:
    command = [sys.executable, "-m", "vendctl", "policy", "fmt", str(file)]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/functions", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"vendctl: {file}: File too large; it is as it was\n"
    assert file.read_text() == UGLY
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_an_interruption_leaves_the_file_whole_and_nothing_beside_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: int) -> None:
        # As Ctrl-C does. The signal itself would end the tests where they run in the background.
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    assert fmt(file) == 130
    assert file.read_text() == UGLY
    assert [one.name for one in file.parent.iterdir()] == [file.name]

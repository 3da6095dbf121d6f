"""The log: nothing unless asked for, whole lines, bounded, this user's alone, and no secret."""

from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING

import pytest

from ecr_vend import log
from ecr_vend.private_files import Lock
from ecr_vend.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ecr-vend\[\d+\] [^\n]+\n",
)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that is logged to."""
    path = tmp_path / "log"
    monkeypatch.setenv("ECR_VEND_LOG", "debug")
    monkeypatch.setenv("ECR_VEND_LOG_FILE", str(path))
    return path


@pytest.mark.parametrize("level", [None, "", "off", "DEBUG", "trace", "é"])
def test_nothing_is_written_unless_debug_is_asked_for(
    file: Path,
    level: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("ECR_VEND_LOG")
    if level is not None:
        monkeypatch.setenv("ECR_VEND_LOG", level)
    log.note("something", host="x")
    assert not file.exists()
    assert capfd.readouterr() == ("", "")


def test_a_line_says_when_who_and_what(file: Path) -> None:
    log.note("a request", status=200, request_id=None, text='with "quotes"\nand a line')
    text = file.read_text()
    assert LINE.fullmatch(text)
    assert text.endswith(' a request status="200" text="with \\"quotes\\" and a line"\n')
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_a_file_it_goes_to_stderr(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ECR_VEND_LOG_FILE")
    log.note("something")
    out, err = capfd.readouterr()
    assert out == ""
    assert LINE.fullmatch(err)


def test_no_note_shows_a_secret(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in log.SECRETS:
        monkeypatch.setenv(name, f"value-of-{name}")
    log.note("mistakes", password=Secret("the-password"), **dict(os.environ))
    text = file.read_text()
    assert "the-password" not in text
    assert "value-of-" not in text
    assert text.count("<redacted>") == 1 + len(log.SECRETS)


def test_a_file_is_bounded_and_one_older_one_is_kept(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LARGEST", 1000)
    for number in range(100):
        log.note("something", number=number)
    older = file.with_name("log.1")
    assert {path.name for path in file.parent.iterdir()} == {"log", "log.1", "log.lock"}
    assert max(file.stat().st_size, older.stat().st_size) <= 1000
    assert older.stat().st_mode & 0o777 == 0o600
    kept = re.findall(r'number="(\d+)"', older.read_text() + file.read_text())
    assert [int(number) for number in kept] == list(range(100 - len(kept), 100))


def test_lines_of_many_are_whole_and_none_is_lost(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "WAITING", 20.0)

    def write(name: str) -> None:
        for number in range(20):
            log.note("something", name=name, number=number, text="x" * 200)

    threads = [threading.Thread(target=write, args=(f"{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = file.read_text().splitlines(keepends=True)
    assert all(LINE.fullmatch(line) for line in lines)
    assert len({line.partition(" something ")[2] for line in lines}) == 120


def open_to_others(path: Path) -> None:
    path.touch(0o600)
    path.chmod(0o644)


def a_link(path: Path) -> None:
    path.with_name("elsewhere").touch(0o600)
    path.symlink_to(path.with_name("elsewhere"))


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def in_no_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("gone"))


@pytest.mark.parametrize("spoil", [open_to_others, a_link, a_folder, a_pipe, in_no_folder])
def test_a_file_that_cannot_be_used_breaks_nothing_and_is_said(
    file: Path, capfd: pytest.CaptureFixture[str], spoil: Callable[[Path], None]
) -> None:
    spoil(file)
    log.note("something")
    _, err = capfd.readouterr()
    first, second = err.splitlines(keepends=True)
    assert LINE.fullmatch(first)
    assert second.startswith(f"ecr-vend: no log in {file}: ")
    for path in (file, file.with_name("elsewhere")):
        assert not path.is_file() or path.read_text() == ""


def test_a_file_that_another_process_holds_for_ever_keeps_no_one_waiting(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "WAITING", 0.01)
    with Lock.wait(file.with_name("log.lock"), 1.0):
        log.note("something")
    assert "no log in" in capfd.readouterr()[1]


def test_nobody_at_the_other_end_breaks_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ECR_VEND_LOG_FILE")
    monkeypatch.setattr("sys.stderr", None)
    log.note("something")

"""All that a release does, short of publishing: what is run, and what the one table says of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tools.environments import ROOT
from tools.release import check

if TYPE_CHECKING:
    from pathlib import Path

MAKE = """#!/bin/sh
echo "$PWD $HOME" >>"$STARTED"
case $1 in
  dist) echo 'built all' ;;
  image) echo 'no buildah here'; exit 2 ;;
  test)
    # Something that writes for as long as it lives, and does not heed the signal at once.
    trap 'sleep 0.3; exit 1' TERM
    while :; do mkdir -p "$PWD/kept"; date >"$PWD/kept/$$"; sleep 0.01; done ;;
esac
"""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a make of ours first on the PATH; the file in which it notes where it ran."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "make").write_text(MAKE)
    (folder / "make").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    # Of the variables only some reach a step.
    monkeypatch.setenv("CI_OF_OURS", "")
    notes = tmp_path / "started"
    text = (folder / "make").read_text().replace("$STARTED", str(notes))
    (folder / "make").write_text(text)
    return notes


def ended(results: list[check.Result]) -> dict[str, str]:
    return {result.step: result.ended for result in results}


def test_a_step_that_fails_costs_only_those_that_need_it(started: Path, tmp_path: Path) -> None:
    steps = [
        check.Step("dist", ("dist",)),
        check.Step("image", ("image",), ("dist",)),
        check.Step("push", ("push",), ("image",)),
        check.Step("matrix", ("matrix",), ("dist",)),
    ]
    results = check.check(steps, tmp_path / "logs")
    assert ended(results) == {"dist": "ok", "image": "FAILED", "push": "not run", "matrix": "ok"}
    assert [result.said for result in results][:3] == [
        "built all",
        "no buildah here",
        "it needs image",
    ]
    assert re.search(r"^image +FAILED +\d+ +no buildah here$", check.table(results), re.MULTILINE)


def test_every_step_runs_in_a_clone_with_a_new_home_and_neither_is_left(
    started: Path, tmp_path: Path
) -> None:
    check.check([check.Step("dist", ("dist",))], tmp_path / "logs")
    checkout, home = started.read_text().split()
    assert checkout != str(ROOT)
    assert home != os.environ.get("HOME")
    assert not os.path.lexists(checkout)
    assert not os.path.lexists(home)


def test_what_a_step_needs_comes_with_it() -> None:
    assert [step.name for step in check.chosen(["verify"])] == ["dist", "provenance", "verify"]
    assert check.chosen([]) == list(check.STEPS)


def test_steps_stand_behind_what_they_need() -> None:
    before: list[str] = []
    for step in check.STEPS:
        assert set(step.needs) <= set(before), step.name
        before.append(step.name)


def test_every_step_is_a_target_that_make_has() -> None:
    targets = re.findall(r"^([a-z-]+(?: [a-z-]+)*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    known = {name for line in targets for name in line.split()}
    assert {step.words[0] for step in check.STEPS} <= known


def test_no_file_but_an_older_log_is_removed(started: Path, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for name in ("mine.txt", "test.log"):
        (logs / name).write_text("older")
    check.check([check.Step("dist", ("dist",))], logs)
    assert {path.name for path in logs.iterdir()} == {"mine.txt", "dist.log"}


def test_an_unknown_step_is_refused_with_those_there_are() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools/release/check.py", "dits"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no step dits; there are pins, check," in done.stderr


def test_ctrl_c_ends_the_step_and_leaves_nothing(started: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [
            sys.executable,
            ROOT / "tools/release/check.py",
            "test",
            "--json",
            "--logs",
            tmp_path / "logs",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        deadline = time.monotonic() + 60
        while not started.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert "ended before the end" in err
    assert not os.path.lexists(started.read_text().split()[0])


def test_a_script_reads_how_each_step_ended(started: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "tools/release/check.py",
            "durations",
            "--json",
            "--logs",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    steps = json.loads(done.stdout)["steps"]
    assert [(one["step"], one["ended"]) for one in steps] == [("dist", "ok"), ("durations", "ok")]

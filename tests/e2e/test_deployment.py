"""`make deploy-test` can be ended at any time. What it shows, CI runs as a step of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from local.deployment import NEXT, next_functions
from tests.e2e.running import local_python
from tools.environments import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.emulator


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    run = subprocess.Popen(
        [local_python(), "-m", "local.deployment", "--json"],
        cwd=ROOT,
        env={**kept, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout
    assert "emulator serves" in json.loads(run.stdout.readline())["event"]
    end = time.monotonic() + 60
    while not list(tmp_path.glob("*/sam/built")) and time.monotonic() < end:
        time.sleep(0.05)
    assert list(tmp_path.glob("*/sam/template.json")), "sam has not begun"
    run.send_signal(number)
    assert run.wait(timeout=20) == 130
    run.stdout.close()
    assert list(tmp_path.iterdir()) == []
    everything = subprocess.run(
        ["ps", "-eo", "args="], capture_output=True, text=True, check=True
    ).stdout
    assert str(tmp_path) not in everything


def test_the_changed_functions_differ_in_their_version_and_run_it(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    (bundle / "vending/__pycache__").mkdir(parents=True)
    (bundle / "vending/release.py").write_text('VERSION = "1.0.0"\n')
    stale = bundle / "vending/__pycache__/release.cpython-313.pyc"
    stale.write_bytes(b"compiled")
    folder = tmp_path / "next"
    folder.mkdir()
    copied = next_functions(bundle, folder) / "bundle/vending"
    assert NEXT in (copied / "release.py").read_text()
    assert not list(copied.glob("__pycache__/*"))
    assert stale.exists()

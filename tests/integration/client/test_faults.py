"""What a killed call, a full disk or a held lock leave does for the next call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.client.fake_service import HOST
from tests.client.machine import FRONT, ROOT
from tests.client.renewals import age, await_renewals, cache_of

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine


@pytest.mark.parametrize("what", ["fetch", "renewal"])
def test_killed_at_any_step_a_call_leaves_what_the_next_can_use(
    machine: Machine, service: FakeService, what: str
) -> None:
    machine.settle()
    machine.front()  # from now on, Python is a program that says so
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tests.client.killed", what],
        env=machine.environ
        | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client" / "src")]),
            "FRONT": str(machine.home / "bin" / FRONT.name),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["steps"] > 25


@pytest.mark.parametrize("blocks", [0, 1])
def test_a_full_disk_costs_a_request_and_nothing_else(
    machine: Machine, service: FakeService, blocks: int
) -> None:
    machine.call()
    age(machine, 800)
    # No file may grow beyond it: a short one fits into one block, and a token into none.
    full = ["/bin/sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh"]
    call = [*full, sys.executable, "-P", "-m", "ecr_vend.dialects.docker", "get"]
    environ = machine.environ | {"PYTHONPATH": str(ROOT / "client" / "src")}
    for _ in range(2):
        done = subprocess.run(
            call, env=environ, input=HOST, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["Secret"].startswith("token-")
        await_renewals(machine)
    folder = cache_of(machine).folder
    assert not list(folder.glob(".*.new"))
    assert cache_of(machine).entries()[1] == 0
    machine.call("erase")
    assert machine.call() == machine.call()


def test_a_renewal_that_hangs_ends_by_itself(machine: Machine) -> None:
    # Nothing ever comes from its stdin, as nothing might from a credential program.
    program = "from ecr_vend import renewal; renewal.LIMIT = 0.1; renewal.main()"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program, HOST],
        env=machine.environ | {"PYTHONPATH": str(ROOT / "client" / "src")},
        stdin=subprocess.PIPE,
    ) as process:
        assert process.wait(30) == 1

"""The process that renews a token: nobody waits for it, and it leaves no trace it should not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.client.fake_service import HOST, FakeService
from tests.client.machine import Machine
from tests.client.renewals import age, await_end, await_renewals, cache_of, renewals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
REFRESH = 800.0
"""Seconds after which a token of a quarter of an hour is renewed, and works still."""


def secret(answer: tuple[str, int]) -> str:
    text, code = answer
    assert code == 0, text
    return str(json.loads(text)["Secret"])


@pytest.fixture
def old(machine: Machine, service: FakeService) -> Iterator[str]:
    """Return a token past its refresh point; whoever renews it waits until the test lets go."""
    machine.settle()
    first = secret(machine.call())
    age(machine, REFRESH)
    service.hold = threading.Event()
    yield first
    service.hold.set()
    await_renewals(machine)


def let_go(service: FakeService, machine: Machine) -> None:
    assert service.hold
    service.hold.set()
    await_renewals(machine)


@pytest.mark.parametrize("front", [False, True], ids=["python", "front"])
def test_no_call_waits_for_a_renewal_and_the_next_has_its_token(
    machine: Machine, service: FakeService, old: str, front: bool
) -> None:
    assert [secret(machine.call(front=front)) for _ in range(3)] == [old] * 3
    let_go(service, machine)
    pythons = machine.pythons()
    assert secret(machine.call(front=True)).startswith("token-2-of")
    assert machine.pythons() == pythons, "the entry for the front is renewed too"
    assert len(service.asked) == 2


def test_many_calls_past_the_refresh_point_start_one_process_and_make_one_request(
    machine: Machine, service: FakeService, old: str
) -> None:
    running = [machine.start() for _ in range(40)]
    for process in running:
        with process:
            assert json.loads(process.communicate(HOST)[0])["Secret"] == old
    assert len(list(renewals(machine))) == 1
    let_go(service, machine)
    assert len(service.asked) == 2


def test_the_process_shows_no_secret_and_belongs_to_no_terminal(
    machine: Machine, service: FakeService, old: str
) -> None:
    machine.call()
    (process,) = renewals(machine)
    words = Path(f"/proc/{process}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    assert words == [sys.executable.encode(), b"-P", b"-m", b"ecr_vend.renewal", HOST.encode()]
    assert os.getsid(process) == process


def test_the_process_holds_nothing_that_its_caller_was_given(
    machine: Machine, service: FakeService, old: str
) -> None:
    reading, writing = os.pipe()
    environ = machine.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [*machine.command(front=False), "get"],
        env=environ,
        pass_fds=[writing],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as call:
        os.close(writing)
        # Each of these would wait for the process that renews, which waits for the service.
        out, err = call.communicate(HOST.encode(), timeout=30)
    assert (json.loads(out)["Secret"], err) == (old, b"")
    assert os.read(reading, 1) == b""
    os.close(reading)
    assert list(renewals(machine))


def test_the_entry_is_renewed_under_the_name_that_was_asked_for(
    machine: Machine, service: FakeService
) -> None:
    alias = "images.example.com"
    machine.environ["ECR_VEND_REGISTRIES"] = f"{alias}={HOST}"
    machine.settle()
    machine.call("get", alias)
    age(machine, REFRESH)
    assert secret(machine.call("get", alias, front=True)).startswith("token-1-of")
    await_renewals(machine)
    pythons = machine.pythons()
    assert secret(machine.call("get", alias, front=True)).startswith("token-2-of")
    assert machine.pythons() == pythons


def log_out(machine: Machine) -> None:
    assert machine.call("erase") == ("", 0)


def clear(machine: Machine) -> None:
    assert cache_of(machine).clear() == 1


def wipe(machine: Machine) -> None:
    shutil.rmtree(machine.home / ".cache")


@pytest.mark.parametrize("forget", [log_out, clear, wipe])
def test_a_renewal_under_way_writes_nothing_after_an_erasure_a_logout_or_a_wipe(
    machine: Machine, service: FakeService, old: str, forget: Callable[[Machine], None]
) -> None:
    machine.call()
    (process,) = renewals(machine)
    while len(service.asked) < 2:  # it has asked, so what it renews it has read
        os.sched_yield()
    forget(machine)
    let_go(service, machine)
    await_end(process)
    left = [path for path in (machine.home / ".cache").rglob("*") if path.is_file()]
    assert {path.suffix for path in left} <= {".lock", ".0"}, "locks, and times alone"
    assert (machine.home / ".cache").exists() == (forget is not wipe)


def test_a_killed_renewal_costs_nobody_anything(
    machine: Machine, service: FakeService, old: str
) -> None:
    machine.call()
    (process,) = renewals(machine)
    os.kill(process, signal.SIGKILL)
    await_end(process)
    let_go(service, machine)
    assert secret(machine.call()) == old
    cache = cache_of(machine)
    for path in cache.folder.glob("*.renewal"):
        cache.write(path, {"at": 0.0})  # as long ago
    assert secret(machine.call()) == old
    await_renewals(machine)
    assert secret(machine.call()).startswith("token-")
    assert secret(machine.call()) != old


def test_a_process_that_cannot_find_the_package_is_no_error(
    machine: Machine, service: FakeService, old: str
) -> None:
    # As in a program that has the package on a path of its own.
    assert old in machine.python()
    await_renewals(machine)
    assert len(service.asked) == 1
    assert old in machine.python()

"""A stack comes and goes by itself, beside others, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.running import local_python, ready, running, started
from tools.environments import ROOT

if TYPE_CHECKING:
    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator


def gone(about: dict[str, Any], *, within: float = 10) -> None:
    """Wait until nothing of a stack is left: no process, no folder, no open port."""
    end = time.monotonic() + within
    port = int(about["registry"].rpartition(":")[2])
    while time.monotonic() < end:
        left = []
        if alive(about["pid"]):
            left.append("process")
        if Path(about["state"]).exists():
            left.append("folder")
        if not refuses(port):
            left.append("port")
        if functions_of(about["state"]):
            left.append("functions")
        if not left:
            return
        time.sleep(0.1)
    pytest.fail(f"after {within} s there is still: {left}")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def functions_of(state: str) -> list[str]:
    """Return the processes whose command line is inside the stack's folder (Linux only)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if state.encode() in entry.read_bytes() and str(os.getpid()) not in entry.parts:
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False


def test_two_stacks_run_side_by_side(stack: Stack) -> None:
    with running() as other:
        assert other.registry != stack.registry
        token = stack.vend("payments-ci")
        client = other.with_token(token)
        from local.oci import Refused

        with pytest.raises(Refused) as refusal:
            client.pull("payments/api", "gate")
        assert refusal.value.status == 401  # the other stack's password means nothing here
        assert other.vend("payments-ci")["password"] != token["password"]
        about = other.about
    gone(about)
    assert stack.vend("payments-ci")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    process = started("--env-file", str(exports))
    about = ready(process)
    assert f"export AWS_ENDPOINT_URL={about['url']}" in exports.read_text()
    assert exports.stat().st_mode & 0o077 == 0
    process.send_signal(number)
    assert process.wait(timeout=20) == 0
    assert process.stdout
    process.stdout.close()
    gone(about)
    assert not exports.exists()


def test_a_killed_stack_leaves_nothing_behind() -> None:
    process = started()
    about = ready(process)
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()
    gone(about)


def test_a_killed_parent_leaves_nothing_behind() -> None:
    starter = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.argv[1], '-m', 'local', 'serve', '--json'])\n"
        "child.wait()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", starter, local_python()],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    about = ready(parent)
    parent.kill()
    parent.wait()
    assert parent.stdout
    parent.stdout.close()
    gone(about)


def test_a_taken_port_is_said_and_leaves_nothing_behind(stack: Stack) -> None:
    port = stack.registry.rpartition(":")[2]
    before = set(Path(stack.about["state"]).parent.glob("ecr-vend-local-*"))
    done = subprocess.run(
        [local_python(), "-m", "local", "serve", "--port", port],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"port {port} cannot be had" in done.stderr
    assert set(Path(stack.about["state"]).parent.glob("ecr-vend-local-*")) == before


def test_the_story_is_told_to_its_end() -> None:
    done = subprocess.run(
        [local_python(), "-m", "local", "run", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    steps = [one for one in told if "step" in one]
    assert len(steps) == 9
    assert all(one["ok"] and one["evidence"] for one in steps)


def test_a_promise_that_is_not_kept_ends_the_story_with_what_was_expected(tmp_path: Path) -> None:
    policy = (ROOT / "local/policy.yaml").read_text()
    wrong = tmp_path / "policy.yaml"
    # The CI role is given the other team's images too, so a promise of the story is broken.
    grants, tests = policy.split("\ntests:")
    wrong.write_text(grants.replace("[payments/*, base/python]", "[payments/*, search/*]") + "\n")
    assert tests
    done = subprocess.run(
        [local_python(), "-m", "local", "run", "--policy", str(wrong)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "✗ payments-ci cannot pull another team's search/indexer" in done.stdout
    assert "expected: a refusal" in done.stdout

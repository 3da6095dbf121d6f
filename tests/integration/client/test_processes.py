"""What only several processes can show: one request for many, and a killed helper's cache."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.client.fake_service import HOST, REFUSAL
from tests.client.machine import ROOT, beside

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

MANY = 50


def call_many(machine: Machine, *, front: bool, many: int = MANY) -> set[tuple[str, int]]:
    processes = [machine.start(front=front) for _ in range(many)]
    for process in processes:
        assert process.stdin
        process.stdin.write(HOST)
        process.stdin.close()
    answers = set()
    for process in processes:
        with process:
            assert process.stdout
            assert process.stderr
            out = process.stdout.read()
            answers.add((out, process.wait(60)))
            assert process.stderr.read() == beside(out)
    return answers


@pytest.mark.parametrize(("front", "many"), [(False, MANY), (True, 200)], ids=["python", "front"])
def test_many_calls_at_once_make_one_request(
    machine: Machine, service: FakeService, front: bool, many: int
) -> None:
    service.delay = 0.5
    (answer,) = call_many(machine, front=front, many=many)
    assert json.loads(answer[0])["Secret"].startswith("token-1-of")
    assert answer[1] == 0
    assert len(service.asked) == 1


def test_fifty_calls_at_once_are_refused_together(machine: Machine, service: FakeService) -> None:
    service.delay = 2.0
    service.refuse = (403, REFUSAL)
    began = time.monotonic()
    answers = call_many(machine, front=False)
    assert time.monotonic() - began < 25
    assert {code for _, code in answers} == {1}
    # Those that a slow machine started after a refusal ask for themselves, once for all of them.
    assert len(service.asked) <= MANY // 5


def test_a_helper_killed_in_the_middle_leaves_a_usable_cache(
    machine: Machine, service: FakeService
) -> None:
    service.hold = threading.Event()
    with machine.start() as process:
        assert process.stdin
        process.stdin.write(HOST)
        process.stdin.close()
        while not service.asked:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    service.hold.set()
    service.hold = None
    text, code = machine.call()
    assert code == 0
    assert "token-2-of" in text
    assert machine.call()[0] == text
    assert len(service.asked) == 2


HIT = """
import io, json, os, socket, sys
before = set(sys.modules)
def explode(*_, **__):
    raise AssertionError("a socket was opened")
socket.socket.__init__ = explode
socket.getaddrinfo = explode
from ecr_vend.dialects import docker
out = io.StringIO()
code = docker.run(["get"], io.StringIO(sys.argv[1]), out, os.environ)
foreign = sorted(
    {name.partition(".")[0] for name in set(sys.modules) - before}
    - set(sys.stdlib_module_names) - {"ecr_vend"}
)
print(json.dumps([code, "token-1-of" in out.getvalue(), foreign]))
"""


def test_a_hit_imports_nothing_foreign_and_opens_no_socket(
    machine: Machine, service: FakeService
) -> None:
    machine.call()
    environ = machine.environ | {"PYTHONPATH": str(ROOT / "client" / "src")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", HIT, HOST], env=environ, capture_output=True, check=True
    )
    assert json.loads(done.stdout) == [0, True, []]
    service.refuse = (403, REFUSAL)  # the same probe sees a miss, which imports and connects
    done = subprocess.run(
        [sys.executable, "-P", "-c", HIT, HOST],
        env=environ | {"AWS_ACCESS_KEY_ID": "AKIAOTHER"},
        capture_output=True,
        check=False,
    )
    assert b"AssertionError" in done.stderr or json.loads(done.stdout)[2]


def test_an_unmanaged_host_imports_nothing_foreign(machine: Machine) -> None:
    environ = machine.environ | {"PYTHONPATH": str(ROOT / "client" / "src")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", HIT, "docker.io"], env=environ, capture_output=True, check=True
    )
    assert json.loads(done.stdout) == [1, False, []]


MISS = """
import io, os, sys
from ecr_vend.dialects import docker
out = io.StringIO()
docker.run(["get"], io.StringIO(sys.argv[1]), out, os.environ)
print("token-1-of" in out.getvalue(), "httpx" in sys.modules, "botocore" in sys.modules)
"""


def test_credentials_of_the_environment_need_no_botocore(machine: Machine) -> None:
    # Importing its signer and its chain costs as much as all the rest of a call.
    done = subprocess.run(
        [sys.executable, "-P", "-c", MISS, HOST],
        env=machine.environ | {"PYTHONPATH": str(ROOT / "client" / "src")},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout == "True True False\n"


OTHERS = """
import io, os, sys
from ecr_vend.dialects import docker
docker.run(["get"], io.StringIO(sys.argv[1]), io.StringIO(), os.environ)
print(*sorted(name for name in sys.modules if name.startswith("ecr_vend.")))
"""


def test_other_protocols_cost_docker_nothing(machine: Machine) -> None:
    machine.call()
    environ = machine.environ | {"PYTHONPATH": str(ROOT / "client" / "src")}
    words = [sys.executable, "-P", "-c", OTHERS]
    loaded = [
        subprocess.run(
            [*words, given], env=environ, capture_output=True, text=True, check=True
        ).stdout.split()
        for given in (HOST, json.dumps({"uri": f"https://{HOST}/v2/"}))
    ]
    bazel = {"ecr_vend.dialects.json_requests", "ecr_vend.dialects.bazel"}
    kubelet = {"ecr_vend.dialects.kubelet", "ecr_vend.web_identity"}
    assert not (bazel | kubelet) & set(loaded[0])
    assert bazel <= set(loaded[1])
    assert not kubelet & set(loaded[1])

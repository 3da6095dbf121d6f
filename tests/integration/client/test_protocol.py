"""The sh front and Python speak the protocol alike, each as a process of its own."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.client.fake_service import CONSUMERS, HOST
from tests.client.machine import ROOT

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

NOT_FOUND = "credentials not found in native keychain\n"


@pytest.mark.parametrize("front", [False, True], ids=["python", "front"])
@pytest.mark.parametrize("given", CONSUMERS.values(), ids=CONSUMERS)
def test_a_kept_token_answers_every_form_as_well(
    machine: Machine, service: FakeService, given: str, front: bool
) -> None:
    machine.python()
    machine.settle()
    text, code = machine.call("get", given, front=front)
    assert (json.loads(text)["ServerURL"], code) == (given.strip(), 0)
    assert len(service.asked) == 1


@pytest.mark.parametrize("front", [False, True], ids=["python", "front"])
@pytest.mark.parametrize(
    "given",
    [
        "docker.io",
        "https://index.docker.io/v1/",
        "https://not.a.real.registry/url",
        "ghcr.io/team/app",
        "public.ecr.aws",
        f"{HOST}.evil.example",
        f"evil.example/{HOST}",
        f"{HOST}\nevil.example",
        "\udc80\udcff",
    ],
)
def test_an_unmanaged_host_gets_the_one_line_all_clients_know(
    machine: Machine, service: FakeService, given: str, front: bool
) -> None:
    assert machine.call("get", given.encode("utf-8", "replace").decode(), front=front) == (
        NOT_FOUND,
        1,
    )
    assert service.asked == []


@pytest.mark.parametrize("front", [False, True], ids=["python", "front"])
def test_an_erased_token_is_not_served(machine: Machine, service: FakeService, front: bool) -> None:
    machine.call(front=front)
    machine.call("erase", f"https://{HOST}", front=front)
    text, _ = machine.call(front=front)
    assert "token-2-of" in text
    assert len(service.asked) == 2


@pytest.mark.parametrize("front", [False, True], ids=["python", "front"])
def test_more_than_any_url_gets_the_one_line_all_clients_know(
    machine: Machine, front: bool
) -> None:
    assert machine.call("get", "a" * 200_000, front=front) == (NOT_FOUND, 1)


@pytest.mark.parametrize(
    ("action", "closed"), [("list", ">&-"), ("erase", "<&-"), ("get", "<&-"), ("version", ">&-")]
)
def test_a_stream_that_is_closed_is_no_fault(machine: Machine, action: str, closed: str) -> None:
    words = " ".join(map(shlex.quote, [*machine.command(front=False), action]))
    done = subprocess.run(
        ["/bin/sh", "-c", f"{words} {closed}"],
        env=machine.environ | {"PYTHONPATH": str(ROOT / "client/src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert "fault" not in done.stdout

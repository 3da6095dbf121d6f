"""What a call, a renewal and a refusal write down, and that no secret is in it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.client.fake_service import HOST, REFUSAL, FakeService
from tests.client.renewals import age, await_renewals

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.machine import Machine

SECRETS = ("token-1-of", "token-2-of", "secret-of-job-one", "the-session", "Signature=", "AWS4-")


@pytest.fixture
def talkative(machine: Machine) -> Machine:
    """Return a machine whose calls write a log to stderr."""
    machine.environ |= {"ECR_VEND_LOG": "debug", "AWS_SESSION_TOKEN": "the-session"}
    return machine


def call(machine: Machine, action: str = "get", *, front: bool = False) -> tuple[str, str]:
    """Return what a call printed on stdout and on stderr."""
    with machine.start(action, front=front) as process:
        return process.communicate(HOST, timeout=60)


def clean(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("front", [False, True], ids=["python", "front"])
def test_a_call_says_what_it_does_and_shows_no_secret(
    talkative: Machine, service: FakeService, front: bool
) -> None:
    out, err = call(talkative, front=front)
    assert json.loads(out)["Secret"].startswith("token-1-of")
    assert 'credentials source="variables" access_key="AKIAJOBONE"' in err
    assert f'POST {service.url}/v1/tokens attempt="1" status="200"' in err
    assert 'stored="True"' in err
    out, again = call(talkative, front=front)
    assert json.loads(out)["Secret"].startswith("token-1-of")
    assert "served from the cache" in again
    service.refuse = (403, REFUSAL)
    talkative.environ["AWS_ACCESS_KEY_ID"] = "AKIAJOBTWO"
    refused = call(talkative, front=front)[1]
    assert 'status="403"' in refused
    assert 'no token host="' in refused
    assert "erasing" in call(talkative, "erase", front=front)[1]
    assert clean(err + again + refused)


def test_a_renewal_writes_to_the_same_file(
    talkative: Machine, service: FakeService, tmp_path: Path
) -> None:
    file = tmp_path / "log"
    talkative.environ["ECR_VEND_LOG_FILE"] = str(file)
    assert call(talkative)[1] == ""
    age(talkative, 800)
    assert call(talkative)[1] == ""
    await_renewals(talkative)
    text = file.read_text()
    assert "a process renews the token" in text
    assert "being renewed" not in text
    assert f'renewed host="{HOST}"' in text
    assert len({line.split()[1] for line in text.splitlines()}) == 3
    assert clean(text)


def test_a_log_costs_nobody_the_token_that_is_kept(machine: Machine, service: FakeService) -> None:
    config = machine.home / ".aws/config"
    config.parent.mkdir()
    # What such a program prints may depend on any variable, but not on these.
    config.write_text("[profile other]\ncredential_process = /bin/false\n")
    machine.call()
    machine.environ["ECR_VEND_LOG"] = "debug"
    out, _ = call(machine)
    assert json.loads(out)["Secret"].startswith("token-1-of")


def test_a_word_that_is_no_level_is_off(machine: Machine) -> None:
    machine.environ |= {"ECR_VEND_LOG": "verbose", "ECR_VEND_LOG_FILE": "/nowhere/log"}
    assert machine.call()[1] == 0


def test_processes_together_write_whole_lines(
    talkative: Machine, service: FakeService, tmp_path: Path
) -> None:
    file = tmp_path / "log"
    talkative.environ["ECR_VEND_LOG_FILE"] = str(file)
    running: list[subprocess.Popen[str]] = [talkative.start() for _ in range(10)]
    for process in running:
        with process:
            assert json.loads(process.communicate(HOST, timeout=60)[0])["Username"] == "AWS"
    assert all(" ecr-vend[" in line for line in file.read_text().splitlines())
    assert clean(file.read_text())

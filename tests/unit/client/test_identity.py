"""What a token depends on, and what is written down of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ecr_vend import identity
from tests.client.machine import write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine


def test_a_credential_program_may_read_any_variable_so_all_of_them_count(
    machine: Machine, service: FakeService
) -> None:
    write(machine.home / ".aws/config", "[profile a]\ncredential_process = /bin/get-keys\n")
    first = machine.python()
    assert machine.python() == first
    assert machine.python(VAULT_TOKEN="of another job") != first


def test_a_relative_path_is_another_file_in_another_folder(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = machine.environ | {"AWS_CONFIG_FILE": "config"}
    monkeypatch.chdir(machine.home)
    here = identity.fixed_files(environ)
    monkeypatch.chdir(machine.home.parent)
    assert identity.fixed_files(environ) != here


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_left_for_the_credential_chain_to_read(tmp_path: Path) -> None:
    pipe = tmp_path / "oidc-token"
    os.mkfifo(pipe)
    # Open on both sides, so that reading it here takes the token instead of waiting for one.
    handle = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(handle, b"token")
        identity.dependencies({"AWS_WEB_IDENTITY_TOKEN_FILE": str(pipe), "HOME": str(tmp_path)})
        assert os.read(handle, 100) == b"token"
    finally:
        os.close(handle)


@pytest.mark.parametrize("named", [b"/a\0b", b"~\0/b", b"\0"])
def test_a_name_that_no_file_can_have_is_no_fault(
    machine: Machine, service: FakeService, named: bytes
) -> None:
    config = machine.home / ".aws/config"
    config.parent.mkdir()
    config.write_bytes(b"[profile a]\nweb_identity_token_file = " + named + b"\n")
    assert "token-1-of-AKIAJOBONE" in machine.python()
    assert identity.signature(os.fsdecode(b"/" + named)) is None


def test_no_secret_of_the_environment_is_written_down(
    machine: Machine, service: FakeService
) -> None:
    machine.environ["AWS_SESSION_TOKEN"] = "session-token-of-job-one"
    machine.python()
    files = [path for path in (machine.home / ".cache").rglob("*") if path.is_file()]
    assert any("~" in path.name for path in files)
    for path in files:
        content = f"{path} {path.read_text()}"
        assert "secret-of-job-one" not in content
        assert "session-token-of-job-one" not in content

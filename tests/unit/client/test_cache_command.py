"""`ecr-vend cache`: what is kept is listed without the tokens, and goes when it is told to."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.client.fake_service import HOST, FakeService
from tests.client.machine import Machine

OTHER = "444455556666.dkr.ecr.eu-central-1.amazonaws.com"


@pytest.fixture
def folder(machine: Machine) -> Path:
    """Return the cache of a machine that has a token of two registries."""
    for host in (HOST, OTHER):
        assert machine.run("get", host)[2] == 0
    return machine.home / ".cache" / "ecr-vend"


def test_tokens_are_listed_and_none_is_shown(machine: Machine, folder: Path) -> None:
    out, err, code = machine.run("cache", "list")
    assert (err, code) == ("", 0)
    assert [line.split(" until 2")[0] for line in out.splitlines()] == [HOST, OTHER]
    assert "token-1" not in out
    document = json.loads(machine.run("cache", "list", "--json")[0])
    assert document["folder"] == str(folder)
    assert [token["registry"] for token in document["tokens"]] == [HOST, OTHER]
    assert {*document["tokens"][0]} == {
        "registry",
        "fetched_at",
        "renewed_at",
        "expires_at",
        "bytes",
    }
    assert machine.run("cache", "list", OTHER)[0].startswith(f"{OTHER} until 2")


def test_a_damaged_file_is_counted(machine: Machine, folder: Path) -> None:
    next(folder.glob(f"{HOST}-*.token")).write_bytes(b"x")
    out = machine.run("cache", "list")[0]
    assert out.endswith("\n1 damaged, or of another version\n")


@pytest.mark.parametrize("words", [(), (HOST,)])
def test_what_is_cleared_is_asked_for_again(
    words: tuple[str, ...], machine: Machine, service: FakeService, folder: Path
) -> None:
    cleared = 1 if words else 2
    assert machine.run("cache", "clear", *words)[0].startswith(f"{cleared} token")
    assert len(list(folder.glob("*.token"))) == 2 - cleared
    machine.run("get", HOST)
    machine.run("get", OTHER)
    assert len(service.asked) == 2 + cleared
    assert json.loads(machine.run("cache", "clear", "--json")[0])["cleared"] == 2
    assert machine.run("cache", "list")[0] == "No token is kept\n"


def test_a_folder_that_others_may_enter_is_said_not_to_be_used(
    machine: Machine, folder: Path
) -> None:
    folder.chmod(0o755)
    out, err, code = machine.run("cache", "list")
    assert (out, code) == ("No token is kept\n", 0)
    assert f"warning: {folder} is not used" in err


def test_without_a_cache_none_is_made(machine: Machine) -> None:
    assert machine.run("cache", "list") == ("No token is kept\n", "", 0)
    assert machine.run("cache", "clear") == ("0 tokens dropped\n", "", 0)
    assert not (machine.home / ".cache").exists()


def test_what_a_crash_of_exec_left_is_dropped_too(machine: Machine) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    left = machine.home / f"ecr-vend-exec-{ended.pid}-abcdefgh"
    used = machine.home / f"ecr-vend-exec-{os.getpid()}-abcdefgh"
    for folder in (left, used):
        folder.mkdir(mode=0o700)
    machine.environ["TMPDIR"] = str(machine.home)
    assert machine.run("cache", "clear")[2] == 0
    assert (left.exists(), used.exists()) == (False, True)

"""Configuration is taken only from those who may choose where requests go, and where it stands."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ecr_vend import config_files, settings
from ecr_vend.errors import Problem
from tests.client.fake_service import HOST
from tests.client.machine import Machine, write

USER, SYSTEM = ".config/ecr-vend/config.toml", "etc/config.toml"
NOT_FOUND = "credentials not found in native keychain\n"
ME, ANOTHER = 1000, 1001


def status(mode: int, owner: int, group: int) -> os.stat_result:
    return os.stat_result((0o100000 | mode, 1, 1, 1, owner, group, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("found", "user", "trusted"),
    [
        (status(0o644, ME, 20), ME, True),
        (status(0o644, 0, 0), ME, True),
        (status(0o600, ME, ME), ME, True),
        (status(0o666, ME, ME), ME, False),
        (status(0o646, 0, 0), ME, False),
        (status(0o646, 0, 0), 0, False),
        # The usual umask where each user has a group, and root's group, whose members are trusted.
        (status(0o664, ME, ME), ME, True),
        (status(0o664, ME, 0), ME, True),
        (status(0o664, ME, 20), ME, False),
        (status(0o664, 0, 20), ME, False),
        (status(0o644, ANOTHER, ANOTHER), ME, False),
        # Root in a container or after sudo, and root's files as a user namespace shows them.
        (status(0o644, ANOTHER, ANOTHER), 0, True),
        (status(0o644, config_files.NOBODY, config_files.NOBODY), ME, True),
    ],
)
def test_a_file_that_another_user_may_write_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, found: os.stat_result, user: int, trusted: bool
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    assert (config_files.distrust(found) == "") is trusted


def test_windows_has_no_modes_to_judge_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr("os.geteuid")
    assert config_files.distrust(status(0o666, 0, 0)) == ""


@pytest.mark.parametrize("file", [USER, SYSTEM])
def test_a_file_that_is_refused_stops_what_is_ours_and_nothing_else(
    machine: Machine, file: str
) -> None:
    path = machine.home / file
    write(path, f'[registries]\n"images.example.com" = "{HOST}"\n')
    path.chmod(0o666)
    for asked in (HOST, "images.example.com"):
        text = machine.python("get", asked)
        assert text.startswith(f"ecr-vend: {path}: other users may write it")
        assert "`chmod go-w` it" in text
    assert machine.python("get", "docker.io") == NOT_FOUND


@pytest.mark.parametrize("file", [USER, SYSTEM])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("ttl =", "is not TOML"),
        ("\x00", "is not TOML"),
        ("endpont = 'x'", "`endpont` is not a key; the keys are endpoint"),
        ("x=" + "[" * 100_000, "is not TOML"),
        ("#" * (1 << 20) + "#", "is larger than 1 MiB"),
    ],
)
def test_a_broken_file_stops_nobody_elses_pulls(
    machine: Machine, file: str, content: str, says: str
) -> None:
    write(machine.home / file, content)
    assert f"{machine.home / file}: {says}" in machine.python()
    assert machine.python("get", "docker.io") == NOT_FOUND
    assert machine.python("erase", "docker.io") == ""


@pytest.mark.parametrize("variable", ["ECR_VEND_CONFIG", "ECR_VEND_SYSTEM_CONFIG"])
def test_a_pipe_or_folder_is_not_read_and_holds_no_call_up(machine: Machine, variable: str) -> None:
    pipe = machine.home / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, machine.home):
        text = machine.python(**{variable: str(path)})
        assert text == f"ecr-vend: {path}: is not a file\n"
        assert machine.python("get", "docker.io", **{variable: str(path)}) == NOT_FOUND


@pytest.mark.parametrize("variable", ["ECR_VEND_CONFIG", "ECR_VEND_SYSTEM_CONFIG"])
def test_dev_null_stands_for_no_file(machine: Machine, variable: str) -> None:
    write(machine.home / USER, "ttl = 60")
    write(machine.home / SYSTEM, "grant = 'g'")
    found = settings.load(machine.environ | {variable: os.devnull})
    left = {"grant": "g"} if variable == "ECR_VEND_CONFIG" else {"ttl_seconds": 60}
    assert found.request == left


def test_a_file_that_may_not_be_read_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = machine.home / SYSTEM

    def refuse(name: object, *rest: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(Problem) as caught:
        config_files.content_of(path)
    assert caught.value.text == f"ecr-vend: {path}: cannot be read: Permission denied"


def test_the_systems_file_is_where_each_system_keeps_such_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert config_files.system_config_path({}) == Path("/etc/ecr-vend/config.toml")
    assert config_files.system_config_path({"ECR_VEND_SYSTEM_CONFIG": ""}) == Path(
        "/etc/ecr-vend/config.toml"
    )


def test_each_key_is_found_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        "# the platform team's\n"
        'endpoint = "https://vend.example.com"\n'
        "\n"
        "pull = [\n"
        '  "a",\n'
        "]\n"
        'registries."images.example.com".host = "x"\n'
        f'[registries."{HOST}"]\n'
        'reason = """\n'
        "ttl = 1\n"
        '"""\n'
        "ttl = 2\n"
    )
    assert config_files.lines_of(path) == {
        ("endpoint",): 2,
        ("pull",): 4,
        ("registries",): 7,
        ("registries", "images.example.com"): 7,
        ("registries", "images.example.com", "host"): 7,
        ("registries", HOST): 8,
        ("registries", HOST, "reason"): 9,
        ("registries", HOST, "ttl"): 12,
    }

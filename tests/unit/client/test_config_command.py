"""`ecr-vend config show` says what is in force, and where each word of it stands."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from ecr_vend import command_line
from ecr_vend.console import Console
from ecr_vend.settings import KEYS
from tests.client.fake_service import HOST
from tests.client.machine import Machine, write

OTHER = HOST.replace("111122223333", "444455556666")


@pytest.fixture
def configured(machine: Machine) -> Machine:
    """Return a machine with something to say in each place."""
    write(
        machine.home / ".config/ecr-vend/config.toml",
        "# mine\n"
        "ttl = '15m'\n"
        "push = ['team/app']\n"
        f'[registries."{OTHER}"]\n'
        "access = 'pull'\n"
        '[registries."images.example.com"]\n'
        f"host = '{HOST}'\n"
        "profile = 'alias'\n",
    )
    write(
        machine.home / "etc/config.toml",
        "ttl = '1h'\n"
        "grant = 'nightly'\n"
        "[registries]\n"
        f"'proxy.example:5000' = '{OTHER}'\n"
        f"[registries.'{OTHER}']\n"
        "region = 'eu-west-3'\n",
    )
    return machine


def show(machine: Machine, *words: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    console = Console(io.StringIO(), out, err, machine.environ)
    code = command_line.run(["config", "show", *words], console)
    assert (code, err.getvalue()) == (0, "")
    return out.getvalue()


def test_each_setting_in_force_is_shown_with_its_place(configured: Machine) -> None:
    mine, system = (
        configured.home / name for name in (".config/ecr-vend/config.toml", "etc/config.toml")
    )
    shown = [line.split("  # ") for line in show(configured, "--origin").splitlines()]
    assert [[part.strip() for part in line] for line in shown] == [
        [f"# yours: {mine}"],
        [f"# this machine's: {system}"],
        [f'endpoint = "{configured.environ["ECR_VEND_ENDPOINT"]}"', "ECR_VEND_ENDPOINT"],
        ['region = "eu-west-1"', "ECR_VEND_REGION"],
        ['push = ["team/app"]', f"{mine}:3"],
        ["ttl = 900", f"{mine}:2"],
        ['grant = "nightly"', f"{system}:2"],
        [f'cache_dir = "{configured.home}/.cache/ecr-vend"', "default"],
        [""],
        [f'[registries."{OTHER}"]'],
        ['access = "pull"', f"{mine}:5"],
        ['region = "eu-west-3"', f"{system}:6"],
        [""],
        ['[registries."images.example.com"]'],
        [f'host = "{HOST}"', f"{mine}:7"],
        ['profile = "alias"', f"{mine}:8"],
        [""],
        ['[registries."proxy.example:5000"]'],
        [f'host = "{OTHER}"', f"{system}:4"],
    ]


def test_without_the_origin_it_is_toml_alone(configured: Machine) -> None:
    text = show(configured)
    assert "\nttl = 900\n" in text
    assert "ECR_VEND_ENDPOINT" not in text


def test_what_holds_for_one_registry_is_shown_whole(configured: Machine) -> None:
    text = show(configured, "--registry", OTHER.replace(".ecr.", ".ecr-fips."), "--origin")
    assert f"# for {OTHER}\n" in text
    assert 'access = "pull"' in text
    assert "push" not in text
    assert "[registries" not in text
    alias = show(configured, "--registry", "images.example.com")
    assert f"# for {HOST}\n" in alias
    assert 'profile = "alias"\n' in alias


def test_a_script_reads_every_key(configured: Machine) -> None:
    document = json.loads(show(configured, "--json"))
    assert tuple(document["settings"]) == KEYS
    path = str(configured.home / ".config/ecr-vend/config.toml")
    assert document["settings"]["ttl"] == {
        "value": 900,
        "origin": {"source": "user", "file": path, "line": 2},
    }
    assert document["settings"]["role"] == {"value": None, "origin": {"source": "default"}}
    assert document["settings"]["region"]["origin"] == {
        "source": "environment",
        "variable": "ECR_VEND_REGION",
    }
    assert document["registries"]["images.example.com"]["profile"] == {
        "value": "alias",
        "origin": {"source": "user", "file": path, "line": 8, "table": "images.example.com"},
    }
    assert [file["exists"] for file in document["files"]] == [True, True]
    assert json.loads(show(configured, "--json", "--registry", OTHER))["registry"] == OTHER


def test_a_restriction_is_shown(machine: Machine) -> None:
    machine.environ["ECR_VEND_REGISTRIES"] = f"{HOST},x.example={OTHER}"
    text = show(machine, "--origin")
    assert f'registries = ["{HOST}"]' in text
    assert text.count("# ECR_VEND_REGISTRIES") == 2
    assert ", not there\n" in text


def test_no_secret_of_the_environment_is_shown(configured: Machine) -> None:
    for words in ((), ("--origin",), ("--json",)):
        text = show(configured, *words)
        assert "secret-of-job-one" not in text
        assert "AKIAJOBONE" not in text


def test_nothing_in_a_value_moves_the_cursor_of_a_terminal(machine: Machine) -> None:
    write(machine.home / ".config/ecr-vend/config.toml", 'reason = "caf\u00e9 \\u001b[31m\\u009b"')
    text = show(machine)
    assert '"caf\\u00e9 \\u001b[31m\\u009b"' in text
    write(machine.home / ".config/ecr-vend/config.toml", 'reason = "caf\u00e9"')
    assert 'reason = "caf\u00e9"' in show(machine)


def test_another_registry_is_none_of_ours(machine: Machine) -> None:
    for host in ("docker.io", "", "a b"):
        err = io.StringIO()
        console = Console(io.StringIO(), io.StringIO(), err, machine.environ)
        assert command_line.run(["config", "show", "--registry", host], console) == 1
        assert "is not a registry that this helper answers for" in err.getvalue()


def test_a_mistake_is_said_as_everywhere(machine: Machine) -> None:
    path: Path = machine.home / "etc/config.toml"
    write(path, "endpont = 'x'")
    err = io.StringIO()
    console = Console(io.StringIO(), io.StringIO(), err, machine.environ)
    assert command_line.run(["config", "show"], console) == 1
    assert err.getvalue().startswith(f"ecr-vend: {path}: `endpont` is not a key")

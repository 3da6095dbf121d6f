"""`ecr-vend configure`: what it writes, what it leaves, and that it can be undone to the byte."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecr_vend.settings import load
from tests.client.fake_service import GRANT, HOST, FakeService
from tests.client.machine import Machine, write

OTHER = "444455556666.dkr.ecr.eu-central-1.amazonaws.com"
ALIAS = "images.example.com"
API = "https://abc.execute-api.eu-west-1.amazonaws.com/live"
NOBODY = ("--endpoint", API, "--profile", "nobody")
"""Settings with which no service is asked, for want of credentials."""
KEEP = '{\r\n  "auths": {"docker.io": {"auth": "YTpi"}},\r\n  "z": [1.0, 1e3, "\\u00e9"]\r\n}'


@pytest.fixture
def docker(machine: Machine) -> Path:
    """Return docker's file of a machine that has the helper on its PATH, not there yet."""
    machine.environ["PATH"] = f"{machine.home / 'bin'}:{machine.environ['PATH']}"
    return machine.home / ".docker" / "config.json"


@pytest.fixture
def config(machine: Machine, service: FakeService) -> Path:
    """Return the settings' file, not there yet; the endpoint is in no variable."""
    del machine.environ["ECR_VEND_ENDPOINT"], machine.environ["ECR_VEND_REGION"]
    return machine.home / ".config" / "ecr-vend" / "config.toml"


def everything(folder: Path) -> dict[str, bytes]:
    """Return every file but backups, with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".ecr-vend-backup" not in path.name and "bin" not in path.parts
    }


def configured(machine: Machine, *words: str) -> str:
    """Configure without a warning."""
    out, err, code = machine.run("configure", *words)
    assert (err, code) == ("", 0)
    return out


def endpoint(service: FakeService) -> tuple[str, ...]:
    return "--endpoint", service.url, "--region", "eu-west-1"


def test_one_registry_is_written_and_asked_about(
    machine: Machine, service: FakeService, docker: Path, config: Path
) -> None:
    out = configured(machine, *endpoint(service), "--registry", HOST)
    assert json.loads(docker.read_text()) == {"credHelpers": {HOST: "ecr-vend"}}
    assert tomllib.loads(config.read_text()) == {"endpoint": service.url, "region": "eu-west-1"}
    assert f"Changed {docker}\n" in out
    assert f"Allowed: pull team/* at {HOST}" in out
    assert service.dry_runs == [{"registry": HOST, "dry_run": True}]
    assert docker.stat().st_mode & 0o777 == config.stat().st_mode & 0o777 == 0o600


def test_doing_it_again_changes_nothing(
    machine: Machine, service: FakeService, docker: Path, config: Path
) -> None:
    words = (*endpoint(service), "--registry", HOST, "--profile", "p", "--access", "push")
    write(machine.home / ".aws" / "credentials", "[p]\naws_access_key_id=AKIAP\n")
    machine.run("configure", *words)
    before = everything(machine.home)
    times = docker.stat().st_mtime_ns, config.stat().st_mtime_ns
    assert "Everything is configured already\n" in machine.run("configure", *words)[0]
    assert everything(machine.home) == before
    assert (docker.stat().st_mtime_ns, config.stat().st_mtime_ns) == times


@pytest.mark.parametrize(
    "content", [None, "", " \n", "{}", KEEP, "\ufeff{}", f'{{"credHelpers":{{"{HOST}":"x"}}}}']
)
@pytest.mark.parametrize("settings", [None, "# mine\n", 'access = "pull" # mine', "\n"])
def test_removing_gives_the_very_bytes_back(
    content: str | None, settings: str | None, machine: Machine, docker: Path, config: Path
) -> None:
    for path, text in ((docker, content), (config, settings)):
        if text is not None:
            path.parent.mkdir(parents=True)
            path.write_text(text, newline="")
    before = everything(machine.home)
    for host in (HOST, OTHER, f"{ALIAS}={HOST}"):
        machine.run("configure", *NOBODY, "--registry", host, "--access", "push")
    assert len(json.loads(docker.read_text(encoding="utf-8-sig"))["credHelpers"]) == 3
    assert machine.run("configure", "--remove")[1:] == ("", 0)
    assert everything(machine.home) == before
    assert machine.run("configure", "--remove")[0] == "There is nothing to undo\n"


def test_all_else_in_the_files_stays(
    machine: Machine, service: FakeService, docker: Path, config: Path
) -> None:
    write(docker, KEEP)
    write(config, "# mine\nttl = '5m'  # short\n")
    docker.chmod(0o640)
    machine.run("configure", *endpoint(service), "--registry", HOST)
    added = f',\r\n  "credHelpers": {{\r\n    "{HOST}": "ecr-vend"\r\n  }}\r\n}}'
    assert docker.read_bytes().decode() == KEEP.removesuffix("\r\n}") + added
    assert docker.stat().st_mode & 0o777 == 0o640
    assert config.read_text().startswith("# mine\nttl = '5m'  # short\nendpoint = ")
    backup = docker.with_name("config.json.ecr-vend-backup")
    assert backup.read_bytes().decode() == KEEP
    assert backup.stat().st_mode & 0o777 == 0o640


def test_a_backup_is_never_written_over(machine: Machine, docker: Path) -> None:
    first = docker.with_name("config.json.ecr-vend-backup")
    write(docker, "{}")
    write(first, "precious")
    machine.run("configure", "--registry", HOST)
    assert first.read_text() == "precious"
    assert docker.with_name("config.json.ecr-vend-backup-1").read_text() == "{}"


def test_a_link_stays_a_link(machine: Machine, docker: Path) -> None:
    real = machine.home / "dotfiles" / "docker.json"
    write(real, "{}")
    docker.parent.mkdir()
    docker.symlink_to(real)
    machine.run("configure", "--registry", HOST)
    assert docker.is_symlink()
    assert HOST in real.read_text()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{\n  "auths": {,}\n}', "is not JSON: .* at line 2, column 13"),
        (b"[]", "is not a JSON object"),
        (b'{"a": "\xff"}', r"is not UTF-8 \(byte 8\)"),
        (b'{\n"credHelpers": ["x"]}', r"`credHelpers` is not an object \(line 2\)"),
    ],
)
def test_a_broken_file_is_named_and_nothing_is_touched(
    content: bytes, told: str, machine: Machine, docker: Path, config: Path
) -> None:
    docker.parent.mkdir()
    docker.write_bytes(content)
    before = everything(machine.home)
    out, err, code = machine.run("configure", *NOBODY, "--registry", HOST)
    assert (out, code) == ("", 1)
    assert err.startswith(f"ecr-vend: {docker}: ")
    assert re.search(told, err)
    assert everything(machine.home) == before


def test_whoever_used_ecr_login_switches_in_one_command_and_back(
    machine: Machine, service: FakeService, docker: Path, config: Path
) -> None:
    was = json.dumps({"credHelpers": {HOST: "ecr-login", "public.ecr.aws": "ecr-login", "h": "x"}})
    containers = machine.home / ".config" / "containers" / "auth.json"
    write(docker, was)
    write(containers, json.dumps({"credHelpers": {OTHER: "ecr-login"}}))
    before = everything(machine.home)
    out, err, code = machine.run("configure", *endpoint(service))
    assert code == 0
    assert f"{HOST} was answered for by ecr-login; `ecr-vend configure --remove`" in out
    assert err == (
        "ecr-vend: warning: public.ecr.aws stays with ecr-login: it is no private ECR registry\n"
    )
    assert docker.read_text() == was.replace(f'"{HOST}": "ecr-login"', f'"{HOST}": "ecr-vend"')
    assert json.loads(containers.read_text()) == {"credHelpers": {OTHER: "ecr-vend"}}
    assert [one["registry"] for one in service.dry_runs] == [HOST, OTHER]
    machine.run("configure", "--remove")
    assert everything(machine.home) == before


def test_a_store_of_ecr_login_is_switched_too(machine: Machine, docker: Path) -> None:
    write(docker, '{"credsStore": "ecr-login"}')
    out, err, code = machine.run("configure")
    assert code == 0
    assert docker.read_text() == '{"credsStore": "ecr-vend"}'
    assert "every registry was answered for by ecr-login" in out
    assert "`docker login` to registries that are not ECR keeps no password" in err


def test_without_a_name_the_registries_of_the_grants_are_taken(
    machine: Machine, service: FakeService, docker: Path
) -> None:
    grants, service.grants = service.grants, []
    assert "name one with --registry HOST" in machine.run("configure")[1]
    service.grants = [*grants, GRANT | {"name": "other", "registry": OTHER}]
    configured(machine)
    assert json.loads(docker.read_text()) == {"credHelpers": {HOST: "ecr-vend", OTHER: "ecr-vend"}}


def test_what_is_set_with_a_registry_is_of_that_registry_alone(
    machine: Machine, service: FakeService, docker: Path, config: Path
) -> None:
    machine.run("configure", *endpoint(service), "--registry", HOST, "--profile", "a")
    machine.run("configure", "--registry", OTHER, "--profile", "b", "--access", "push")
    machine.run("configure", "--registry", f"{ALIAS}={OTHER}", "--endpoint", "https://b.example")
    assert tomllib.loads(config.read_text()) == {
        "endpoint": service.url,
        "region": "eu-west-1",
        "registries": {
            HOST: {"profile": "a"},
            OTHER: {"profile": "b", "access": "push"},
            ALIAS: {"host": OTHER, "endpoint": "https://b.example"},
        },
    }
    settings = load(machine.environ)
    assert settings.for_registry(HOST).profile == "a"
    assert settings.for_registry(OTHER).request == {"access": "push"}
    assert settings.managed(ALIAS) == OTHER
    machine.run("configure", "--profile", "everybody")
    assert tomllib.loads(config.read_text())["profile"] == "everybody"


def test_one_registry_can_be_taken_back(
    machine: Machine, service: FakeService, docker: Path, config: Path
) -> None:
    words = ("--profile", "a", "--registry")
    machine.run("configure", *endpoint(service), *words, HOST, "--registry", OTHER)
    machine.run("configure", "--remove", "--registry", HOST)
    assert json.loads(docker.read_text()) == {"credHelpers": {OTHER: "ecr-vend"}}
    assert tomllib.loads(config.read_text())["registries"] == {OTHER: {"profile": "a"}}
    machine.run("configure", "--remove", "--registry", OTHER)
    assert not docker.exists()


def test_what_somebody_changed_since_is_left_alone(machine: Machine, docker: Path) -> None:
    machine.run("configure", "--registry", HOST)
    docker.write_text(docker.read_text().replace('"ecr-vend"', '"mine"'))
    out, err, code = machine.run("configure", "--remove")
    assert (out, code) == ("There is nothing to undo\n", 0)
    assert f"warning: left alone: credHelpers.{HOST} in {docker}: it was changed since" in err
    assert json.loads(docker.read_text()) == {"credHelpers": {HOST: "mine"}}


def test_what_was_there_before_the_first_time_comes_back(
    machine: Machine, docker: Path, config: Path
) -> None:
    write(docker, json.dumps({"credHelpers": {HOST: "ecr-vend"}}))
    write(config, "profile = 'mine' # and nobody's\n")
    before = everything(machine.home)
    for profile in ("a", "b"):
        machine.run("configure", "--profile", profile)
        assert tomllib.loads(config.read_text()) == {"profile": profile}
    machine.run("configure", "--remove")
    assert everything(machine.home) == before


def test_what_was_there_before_us_is_not_removed(
    machine: Machine, service: FakeService, docker: Path, config: Path
) -> None:
    text = json.dumps({"credHelpers": {HOST: "ecr-vend"}})
    write(docker, text)
    machine.run("configure", *endpoint(service), "--registry", HOST)
    machine.run("configure", "--remove")
    assert docker.read_text() == text
    assert not config.exists()


def test_podman_has_its_own_file(machine: Machine, docker: Path) -> None:
    auth = machine.home / ".config" / "containers" / "auth.json"
    configured(machine, "--podman", "--registry", HOST)
    assert json.loads(auth.read_text()) == {"credHelpers": {HOST: "ecr-vend"}}
    assert not docker.exists()
    machine.environ["REGISTRY_AUTH_FILE"] = str(machine.home / "named.json")
    configured(machine, "--podman", "--registry", HOST)
    assert (machine.home / "named.json").read_text() == auth.read_text()


@pytest.mark.parametrize(
    "document",
    [
        {"credsStore": "desktop"},
        {"auths": {"docker.io": {"auth": "YTpi"}}},
    ],
)
def test_passwords_of_others_are_not_lost_from_sight(
    document: dict[str, Any], machine: Machine, docker: Path
) -> None:
    write(docker, json.dumps(document))
    out, err, code = machine.run("configure", "--global")
    assert (out, code) == ("", 1)
    assert "name the registries with --registry, or add --force" in err
    assert json.loads(docker.read_text()) == document
    assert machine.run("configure", "--global", "--force")[2] == 0
    assert json.loads(docker.read_text()) == document | {"credsStore": "ecr-vend"}
    machine.run("configure", "--remove")
    assert json.loads(docker.read_text()) == document


def test_a_dry_run_prints_the_change_and_makes_none(
    machine: Machine, service: FakeService, docker: Path, config: Path
) -> None:
    write(docker, '{\n  "a": 1\n}\n')
    before = everything(machine.home)
    out = configured(machine, *endpoint(service), "--registry", HOST, "--dry-run")
    assert f"--- /dev/null\n+++ {config}\n" in out
    assert f'+endpoint = "{service.url}"\n' in out
    assert f'-  "a": 1\n+  "a": 1,\n+  "credHelpers": {{\n+    "{HOST}": "ecr-vend"\n' in out
    assert everything(machine.home) == before
    machine.run("configure", "--registry", HOST)
    before = everything(machine.home)
    assert f'-    "{HOST}": "ecr-vend"\n' in machine.run("configure", "--remove", "--dry-run")[0]
    assert everything(machine.home) == before


def test_a_script_reads_what_was_done(machine: Machine, docker: Path) -> None:
    write(docker, json.dumps({"credHelpers": {HOST: "ecr-login"}}))
    out = configured(machine, "--json")
    assert json.loads(out) == {
        "registries": [HOST],
        "files": [{"file": str(docker), "backup": f"{docker}.ecr-vend-backup"}],
        "switched": {HOST: "ecr-login"},
        "warnings": [],
    }
    document = json.loads(machine.run("configure", "--remove", "--json")[0])
    assert document["files"][0]["file"] == str(docker)
    assert document["left"] == []


@pytest.fixture
def warned(machine: Machine, docker: Path) -> Iterator[Machine]:
    """Return a machine, and see that it was configured whatever it warned of."""
    yield machine
    assert json.loads(docker.read_text())["credHelpers"] == {HOST: "ecr-vend"}


def test_a_service_that_cannot_be_asked_is_a_warning(warned: Machine, config: Path) -> None:
    out, err, code = warned.run("configure", *NOBODY, "--registry", HOST)
    assert code == 0
    assert f"Changed {config}" in out
    assert f"ecr-vend: warning: {HOST}: the AWS profile nobody does not exist" in err


def test_no_endpoint_is_a_warning_that_names_the_real_file(warned: Machine, config: Path) -> None:
    err = warned.run("configure", "--registry", HOST)[1]
    assert f"no endpoint is set: set ECR_VEND_ENDPOINT, or `endpoint` in {config}, to" in err


def test_a_scope_that_does_not_fit_is_a_warning(warned: Machine, service: FakeService) -> None:
    service.refuse = (422, {"code": "scope_too_large", "detail": "Too many.", "status": 422})
    err = warned.run("configure", "--registry", HOST)[1]
    assert "name fewer repositories" in err


def test_a_helper_that_is_not_on_the_path_is_a_warning(warned: Machine) -> None:
    warned.environ["PATH"] = "/nowhere"
    err = warned.run("configure", "--registry", HOST)[1]
    assert "docker-credential-ecr-vend is not on the PATH of this shell (/nowhere)" in err


def test_a_password_left_from_a_login_is_a_warning(warned: Machine, docker: Path) -> None:
    auths = {"auths": {f"https://{HOST}": {"auth": "QVdTOng="}}}
    write(docker, json.dumps(auths))
    session = warned.home / "run" / "containers" / "auth.json"
    write(session, json.dumps(auths))
    warned.environ["XDG_RUNTIME_DIR"] = str(warned.home / "run")
    err = warned.run("configure", "--registry", HOST)[1]
    assert f"{docker} also holds a password for {HOST}, which is not used any more" in err
    assert f"{session} holds a password for {HOST}: podman and others may take it" in err


@pytest.mark.parametrize("given", ["docker.io", f"{ALIAS}=docker.io", "a b", ""])
def test_a_registry_that_is_not_ours_is_refused(
    given: str, machine: Machine, docker: Path, config: Path
) -> None:
    out, err, code = machine.run("configure", "--registry", given)
    assert (out, code) == ("", 1)
    assert "ACCOUNT.dkr.ecr.REGION.amazonaws.com" in err
    assert not docker.exists()
    assert not config.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--endpoint", "ftp://x"), "`endpoint` in {config}: must be a URL that starts with"),
        (("--access", "push"), "not together with `push` in {config}"),
    ],
)
def test_settings_that_would_not_be_valid_are_not_written(
    words: tuple[str, ...], told: str, machine: Machine, docker: Path, config: Path
) -> None:
    write(config, 'push = ["team/app"]\n')
    before = everything(machine.home)
    out, err, code = machine.run("configure", *words)
    assert (out, code) == ("", 1)
    assert told.format(config=config) in err
    assert everything(machine.home) == before


def test_a_file_that_changed_meanwhile_is_not_written_over(
    machine: Machine, service: FakeService, docker: Path
) -> None:
    write(docker, "{}")
    asked = service.dry_run

    def meddling(request: dict[str, Any]) -> dict[str, Any]:
        docker.write_text('{"a": 1}')
        return asked(request)

    service.dry_run = meddling  # type: ignore[method-assign]
    out, err, code = machine.run("configure", "--registry", HOST)
    assert (out, code) == ("", 1)
    assert f"{docker}: was changed by another program just now" in err
    assert docker.read_text() == '{"a": 1}'


def test_a_record_that_is_not_ours_is_not_acted_on(machine: Machine, config: Path) -> None:
    record = config.with_name("config.toml.configured")
    write(record, '{"schema": 2}')
    record.chmod(0o600)
    out, err, code = machine.run("configure", "--remove")
    assert (out, code) == ("", 1)
    assert f"{record}: is not what this version writes" in err

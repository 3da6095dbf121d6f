"""`ecr-vend doctor`: what is wrong is told with its cure, and nothing stops the other checks."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ecr_vend import __version__, command_line
from ecr_vend.console import Console
from ecr_vend.deadline import Deadline
from ecr_vend.diagnosis import Case, Finding, examine, network, program
from tests.client.fake_service import HOST, REFUSAL, FakeService
from tests.client.machine import Machine, write

Found = dict[str, list[dict[str, str]]]
NOW = datetime(2027, 1, 15, tzinfo=UTC)


def doctor(machine: Machine, *words: str) -> tuple[str, int]:
    out, err = io.StringIO(), io.StringIO()
    code = command_line.run(["doctor", *words], Console(io.StringIO(), out, err, machine.environ))
    assert err.getvalue() == ""
    return out.getvalue(), code


def look(machine: Machine, *words: str) -> tuple[Found, int]:
    """Return check → its findings, and the exit code."""
    out, code = doctor(machine, "--json", *words)
    found: Found = {}
    for finding in json.loads(out):
        assert set(finding) == {"check", "status", "detail", "cure"}
        found.setdefault(finding["check"], []).append(finding)
    return found, code


def helper(machine: Machine, text: str, folder: str = "bin") -> Path:
    path = machine.home / folder / "docker-credential-ecr-vend"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def well(machine: Machine) -> Machine:
    """Return a machine on which everything is as it should be."""
    path = helper(machine, f"echo 'docker-credential-ecr-vend (ecr-vend) v{__version__}'")
    machine.environ["PATH"] = f"{path.parent}:{machine.environ['PATH']}"
    machine.environ["CONTAINERS_REGISTRIES_CONF"] = str(machine.home / "registries.conf")
    docker = machine.home / ".docker" / "config.json"
    write(docker, json.dumps({"credHelpers": {HOST: "ecr-vend"}}))
    return machine


def test_a_machine_that_is_well_has_no_complaint(well: Machine) -> None:
    found, code = look(well)
    assert {one["status"] for findings in found.values() for one in findings} == {"ok"}
    assert code == 0
    assert list(found) == [
        *("versions", "helper", "settings", "registries", "endpoint", "docker", "containers"),
        *("cache", "credentials", "proxy", "dns", "tcp", "service", "clock", "identity", "policy"),
    ]
    assert found["credentials"][0]["detail"].startswith("AKIAJOBONE from variables of the env")
    assert "assumed-role/akiajobone/run-1, with the grants" in found["identity"][0]["detail"]
    assert found["policy"][0]["detail"] == f"{HOST}: pull team/*"


def test_lines_are_for_a_person(well: Machine) -> None:
    out, _ = doctor(well)
    assert f"ok    registries: {HOST}\n" in out
    assert "\x1b" not in out


def test_nothing_at_all_is_no_traceback(machine: Machine) -> None:
    machine.environ.clear()
    machine.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    found, code = look(machine)
    assert code == 1
    assert found["endpoint"][0]["status"] == "fail"
    assert found["endpoint"][0]["cure"].startswith("set ECR_VEND_ENDPOINT")
    assert "service" not in found


def test_broken_settings_are_told_and_the_rest_still_looked_at(well: Machine) -> None:
    well.environ["ECR_VEND_TTL"] = "soon"
    found, code = look(well)
    assert code == 1
    assert found["settings"][0]["detail"].startswith("ECR_VEND_TTL: soon is not a length of time")
    assert found["credentials"][0]["status"] == "ok"
    assert "docker" in found


@pytest.mark.parametrize(
    ("text", "status", "detail"),
    [
        ("echo 'docker-credential-ecr-vend (ecr-vend) v0.0.0'", "warn", "is v0.0.0, this program"),
        ("echo docker-credential-other v1", "fail", "is another program"),
        ("echo 'ecr-vend: no Python was found that has it'; exit 1", "fail", "finds no Python"),
    ],
)
def test_a_helper_that_is_not_this_one_is_told(
    text: str, status: str, detail: str, well: Machine
) -> None:
    helper(well, text)
    found, _ = look(well)
    assert found["helper"][0]["status"] == status
    assert detail in found["helper"][0]["detail"]


def test_no_helper_a_second_one_and_one_without_its_mode_are_told(well: Machine) -> None:
    first = well.home / "bin" / "docker-credential-ecr-vend"
    second = helper(well, "", "other")
    well.environ["PATH"] += f":{second.parent}"
    assert str(second) in look(well)[0]["helper"][1]["detail"]
    second.unlink()
    first.chmod(0o644)
    assert look(well)[0]["helper"][0]["cure"] == f"run `chmod +x {first}`"
    first.unlink()
    assert "is not on the PATH" in look(well)[0]["helper"][0]["detail"]


@pytest.mark.parametrize(
    ("document", "status", "detail"),
    [
        ({}, "warn", "names no helper"),
        ({"credHelpers": {HOST: "ecr-login"}}, "fail", "names ecr-login"),
        ({"credsStore": "desktop"}, "fail", "`credsStore` of"),
        ({"credsStore": "ecr-vend"}, "ok", "`credsStore` names ecr-vend"),
        ({"credsStore": "x", "credHelpers": {HOST: "ecr-vend"}}, "ok", "`credHelpers` names"),
        ({"auths": {f"https://{HOST}": {"auth": "eA=="}}}, "fail", "the password in `auths`"),
    ],
)
def test_the_entry_that_docker_uses_is_told(
    document: object, status: str, detail: str, well: Machine
) -> None:
    write(well.home / ".docker" / "config.json", json.dumps(document))
    entry = look(well, "--registry", HOST)[0]["docker"][1]
    assert entry["status"] == status
    assert detail in entry["detail"]


def test_a_leftover_password_and_a_broken_file_are_told(well: Machine) -> None:
    path = well.home / ".docker" / "config.json"
    document = {"credHelpers": {HOST: "ecr-vend"}, "auths": {HOST: {"auth": "eA=="}}}
    write(path, json.dumps(document))
    assert look(well)[0]["docker"][2]["cure"] == f"remove it: docker logout {HOST}"
    write(path, '{\n"auths":')
    found, code = look(well, "--registry", HOST)
    assert code == 1
    assert "is not JSON: Expecting value at line 2, column 9" in found["docker"][0]["detail"]
    assert "policy" in found


def test_a_password_that_podman_finds_first_is_told(well: Machine) -> None:
    runtime = well.home / "runtime"
    well.environ["XDG_RUNTIME_DIR"] = str(runtime)
    path = runtime / "containers" / "auth.json"
    write(path, json.dumps({"auths": {f"{HOST}/team": {"auth": "eA=="}}}))
    entry = look(well)[0]["containers"][-1]
    assert entry["status"] == "fail"
    assert f"the password of {HOST}/team in {path} is used" in entry["detail"]
    write(
        well.home / "registries.conf", 'credential-helpers = ["ecr-vend", "containers-auth.json"]'
    )
    entry = look(well)[0]["containers"][-1]
    assert (entry["status"], entry["detail"]) == ("ok", f"{HOST}: registries.conf names ecr-vend")


def test_a_cache_that_is_not_used_is_told(well: Machine) -> None:
    folder = well.home / ".cache" / "ecr-vend"
    folder.mkdir(parents=True, mode=0o755)
    folder.chmod(0o755)
    finding = look(well)[0]["cache"][0]
    assert finding["status"] == "warn"
    assert "open to others" in finding["detail"]
    assert finding["cure"].endswith(f"chmod 700 {folder}")


def test_what_aws_says_of_the_credentials_is_told_with_its_cure(well: Machine) -> None:
    del well.environ["AWS_ACCESS_KEY_ID"]
    well.environ["ECR_VEND_PROFILE"] = "nobody"
    found, code = look(well)
    assert code == 1
    assert "the AWS profile nobody does not exist" in found["credentials"][0]["detail"]
    assert found["service"][0]["status"] == "ok"
    assert "policy" not in found


def test_a_registry_with_a_table_is_looked_at_with_its_own_settings(well: Machine) -> None:
    (well.home / ".docker" / "config.json").unlink()
    role = "arn:aws:iam::444455556666:role/pullers"
    text = f'[registries."{HOST}"]\nendpoint = "http://127.0.0.1:1"\nrole = "{role}"\n'
    write(well.home / ".config" / "ecr-vend" / "config.toml", text)
    del well.environ["ECR_VEND_ENDPOINT"]
    found, _ = look(well)
    assert found["registries"][0]["detail"] == HOST
    assert found["endpoint"][0]["detail"] == "http://127.0.0.1:1"
    assert found["credentials"][0]["detail"].endswith(f", to assume {role}")


def test_credentials_about_to_end_are_told(well: Machine) -> None:
    ends = datetime.now(UTC) + timedelta(minutes=2)
    well.environ["AWS_CREDENTIAL_EXPIRATION"] = ends.isoformat()
    assert look(well)[0]["credentials"][0]["status"] == "warn"


def test_a_profile_is_named_with_its_place(well: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del well.environ[name]
    text = "[team]\naws_access_key_id = AKIATEAM\naws_secret_access_key = of-the-team\n"
    write(well.home / ".aws" / "credentials", text)
    well.environ["ECR_VEND_PROFILE"] = "team"
    out, _ = doctor(well)
    assert "credentials: AKIATEAM from the credentials file (profile team)\n" in out
    assert "of-the-team" not in out


def test_a_refusal_is_told_with_its_code(well: Machine, service: FakeService) -> None:
    service.decision = {"decision": "deny", "refusal": REFUSAL, "scope": {}}
    found, code = look(well)
    assert code == 1
    assert found["policy"][0]["detail"].endswith("(not_granted)")


def test_a_caller_without_a_grant_is_told(well: Machine, service: FakeService) -> None:
    service.grants = []
    assert look(well)[0]["identity"][0]["status"] == "warn"


def test_a_service_that_nobody_serves_ends_at_the_connection(well: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    well.environ["ECR_VEND_ENDPOINT"] = f"http://127.0.0.1:{port}"
    found, code = look(well)
    assert code == 1
    assert found["tcp"][0]["status"] == "fail"
    assert "service" not in found
    assert "identity" not in found


def test_a_name_without_an_address_is_told(well: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    well.environ["ECR_VEND_ENDPOINT"] = "https://vend.example.com/live"
    found, code = look(well)
    assert code == 1
    assert found["dns"][0]["detail"] == "vend.example.com has no address: Name or service not known"
    assert "tcp" not in found
    assert "identity" not in found


def test_a_registry_of_someone_else_is_told(well: Machine) -> None:
    found, code = look(well, "--registry", "quay.io")
    assert code == 1
    assert found["registries"][0]["detail"].startswith("quay.io is ")


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, "ok"), (29, "ok"), (-31, "warn"), (290, "warn"), (-301, "fail")]
)
def test_a_clock_that_differs_is_told(seconds: int, status: str) -> None:
    finding = network.clock_finding(format_datetime(NOW), NOW.timestamp() + seconds)
    assert finding.status == status
    assert bool(finding.cure) == (status != "ok")


@pytest.mark.parametrize(("days", "status"), [(30, "ok"), (13, "warn"), (-1, "warn")])
def test_a_certificate_tells_its_issuer_and_its_days(days: int, status: str) -> None:
    ends = NOW + timedelta(days=days, hours=1)
    certificate = {
        "issuer": ((("countryName", "US"),), (("organizationName", "Amazon"),)),
        "notAfter": ends.strftime("%b %d %H:%M:%S %Y GMT"),
    }
    finding = network.certificate_finding(certificate, NOW.timestamp())
    assert finding.status == status
    assert finding.detail == f"the certificate is by Amazon and holds for {days} days"


def test_a_check_that_hangs_or_breaks_is_told_and_over() -> None:
    forever = threading.Event()

    def hang(_: Case) -> Iterator[Finding]:
        yield Finding("first", "ok", "seen")
        forever.wait()

    def crash(_: Case) -> Iterator[Finding]:
        yield Finding("first", "ok", "seen")
        raise RuntimeError

    for look_at, said in ((hang, "no answer within"), (crash, "(RuntimeError)")):
        findings = list(examine(("slow", look_at, 0.05), Case({}), Deadline(10)))
        assert [finding.status for finding in findings] == ["ok", "fail"]
        assert said in findings[1].detail
    forever.set()


@pytest.mark.parametrize(
    ("variables", "status", "said"),
    [
        ({"ECR_VEND_LOG": "debug"}, "ok", "stderr"),
        ({"ECR_VEND_LOG": "debug", "ECR_VEND_LOG_FILE": "/a/log"}, "ok", "/a/log"),
        ({"ECR_VEND_LOG": "DEBUG"}, "warn", "'DEBUG'"),
        ({"ECR_VEND_LOG_FILE": "/a/log"}, "warn", "no log"),
    ],
)
def test_a_log_is_told_and_one_that_is_not_written(
    well: Machine, variables: dict[str, str], status: str, said: str
) -> None:
    (finding,) = program.log(Case(well.environ | variables))
    assert finding.status == status
    assert said in finding.detail


@pytest.mark.parametrize("variables", [{}, {"ECR_VEND_LOG": "off"}])
def test_no_log_is_not_worth_a_line(well: Machine, variables: dict[str, str]) -> None:
    assert list(program.log(Case(well.environ | variables))) == []

"""`ecr-vend get`: each form holds the credential that docker would be given."""

from __future__ import annotations

import base64
import json
import subprocess
import time

import pytest

from ecr_vend import renewal
from ecr_vend.cache import Cache
from tests.client.fake_service import HOST, FakeService
from tests.client.machine import Machine
from tests.client.renewals import age_tokens

PASSWORD = "token-1-of-AKIAJOBONE-" + "A" * 2800


def test_the_default_is_what_a_credential_helper_answers(machine: Machine) -> None:
    out, err, code = machine.run("get", f"https://{HOST}/v2/")
    assert (err, code) == ("", 0)
    assert json.loads(out) == {"ServerURL": HOST, "Username": "AWS", "Secret": PASSWORD}


def test_json_tells_the_expiry(machine: Machine, service: FakeService) -> None:
    document = json.loads(machine.run("get", HOST, "--format", "json")[0])
    assert document["password"] == PASSWORD
    ends = time.strptime(document.pop("expires_at"), "%Y-%m-%dT%H:%M:%SZ")
    assert ends > time.gmtime(time.time() + service.life - 120)
    assert document == {"registry": HOST, "username": "AWS", "password": PASSWORD}


def test_the_password_comes_alone(machine: Machine) -> None:
    assert machine.run("get", HOST, "--format", "password")[0] == f"{PASSWORD}\n"


def test_a_shell_can_evaluate_the_variables(machine: Machine) -> None:
    lines = machine.run("get", HOST, "--format", "env")[0]
    shown = subprocess.run(
        ["/bin/sh", "-ec", f"{lines}\nenv"], env={}, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert {f"REGISTRY_HOST={HOST}", "REGISTRY_USERNAME=AWS", f"REGISTRY_PASSWORD={PASSWORD}"} <= {
        *shown
    }
    assert any(line.startswith("REGISTRY_EXPIRES_AT=2") for line in shown)


def test_a_docker_configuration_holds_it(machine: Machine) -> None:
    document = json.loads(machine.run("get", HOST, "--format", "dockerconfigjson")[0])
    auth = base64.b64decode(document["auths"][HOST].pop("auth")).decode()
    assert auth == f"AWS:{PASSWORD}"
    assert document == {"auths": {HOST: {}}}


def test_every_form_is_served_from_one_token(machine: Machine, service: FakeService) -> None:
    for form in ("docker", "json", "env", "password", "dockerconfigjson"):
        assert machine.run("get", HOST, "--format", form)[2] == 0
    assert len(service.asked) == 1


@pytest.mark.parametrize("host", ["docker.io", "", "user@host", "not a host"])
@pytest.mark.parametrize("command", ["get", "login"])
def test_another_registry_is_refused_in_one_line(
    command: str, host: str, machine: Machine, service: FakeService
) -> None:
    out, err, code = machine.run(command, host)
    assert (out, code) == ("", 1)
    assert err.startswith(f"ecr-vend: {host} is not a registry that this helper answers for")
    assert err.count("\n") == 1
    assert not service.asked


@pytest.mark.parametrize(
    "words", [["get"], ["materialize", "--format", "docker", "--out", "-", "--registry"]]
)
def test_a_token_of_an_alias_is_renewed_under_that_name(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    alias = "images.example.com"
    machine.environ["ECR_VEND_REGISTRIES"] = f"{alias}={HOST}"
    machine.run(*words, alias)
    age_tokens(Cache(machine.home / ".cache/ecr-vend", machine.environ), 800)
    renewed: list[str] = []

    def start(asked: str, *_: object) -> bool:
        renewed.append(asked)
        return True

    monkeypatch.setattr(renewal, "start", start)
    assert machine.run(*words, alias)[2] == 0
    assert renewed == [alias]

"""`ecr-vend login`: the registry's own word, and what is still to configure."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.client.fake_registry import FakeRegistry, registry
from tests.client.fake_service import HOST
from tests.client.machine import Machine, write


@pytest.fixture
def alias(machine: Machine) -> Iterator[FakeRegistry]:
    """Return a registry that the settings call a name of HOST."""
    with registry() as fake:
        machine.environ["ECR_VEND_REGISTRIES"] = f"{fake.name}={HOST}"
        yield fake


def configure_docker(machine: Machine, document: object) -> None:
    write(machine.home / ".docker" / "config.json", json.dumps(document))


def test_the_registry_is_asked_whether_it_takes_the_token(
    machine: Machine, alias: FakeRegistry
) -> None:
    out, err, code = machine.run("login", alias.name)
    assert (err, code) == ("", 0)
    assert out.startswith(f"There is a token for {alias.name} until 2")
    assert ", and the registry takes it\n" in out
    assert alias.logins == ["AWS:token-1-of-AKIAJOBONE-" + "A" * 2800]


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_the_registry_refuses_is_a_failure(
    status: int, machine: Machine, alias: FakeRegistry
) -> None:
    alias.status = status
    out, err, code = machine.run("login", alias.name)
    assert (out, code) == ("", 1)
    assert f"{alias.name} did not accept the token (HTTP {status})" in err


def test_a_redirection_is_not_followed_with_the_token(
    machine: Machine, alias: FakeRegistry
) -> None:
    alias.status = 307
    out, err, code = machine.run("login", alias.name)
    assert code == 0
    assert "takes it" not in out
    assert "HTTP 307" in err
    assert len(alias.logins) == 1


def test_a_registry_that_cannot_be_asked_is_a_warning(machine: Machine) -> None:
    with registry() as gone:
        pass
    machine.environ["ECR_VEND_REGISTRIES"] = f"{gone.name}={HOST}"
    out, err, code = machine.run("login", gone.name)
    assert code == 0
    assert "cannot be reached" in err
    assert out.startswith("There is a token for")
    assert "takes it" not in out


@pytest.mark.parametrize(
    ("document", "configured"),
    [
        ({}, False),
        ({"credHelpers": {"HOST": "ecr-vend"}}, True),
        ({"credHelpers": {"HOST": "ecr-login"}, "credsStore": "ecr-vend"}, False),
        ({"credHelpers": {"other": "ecr-login"}, "credsStore": "ecr-vend"}, True),
        ({"credsStore": "desktop"}, False),
    ],
)
def test_it_says_which_command_configures_docker(
    document: dict[str, object], *, configured: bool, machine: Machine, alias: FakeRegistry
) -> None:
    named = json.loads(json.dumps(document).replace("HOST", alias.name))
    configure_docker(machine, named)
    out = machine.run("login", alias.name)[0]
    assert (f"ecr-vend configure --registry {alias.name}" in out) is not configured
    answer = json.loads(machine.run("login", alias.name, "--json")[0])
    assert answer.pop("expires_at").endswith("Z")
    assert answer == {"registry": alias.name, "verified": True, "docker_configured": configured}

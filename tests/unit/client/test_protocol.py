"""The docker credential-helper protocol as each of its consumers speaks it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from ecr_vend import __version__
from ecr_vend.dialects import docker
from tests.client.fake_service import CONSUMERS, HOST, REFUSAL

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

NOT_FOUND = "credentials not found in native keychain\n"


def call(machine: Machine, *arguments: str, given: str = "") -> tuple[str, int]:
    out = io.StringIO()
    code = docker.run(arguments, io.StringIO(given), out, machine.environ)
    return out.getvalue(), code


@pytest.mark.parametrize("given", CONSUMERS.values(), ids=CONSUMERS)
def test_get_answers_every_form_a_consumer_passes(
    machine: Machine, service: FakeService, given: str
) -> None:
    text, code = call(machine, "get", given=given)
    answer = json.loads(text)
    assert code == 0
    assert answer["ServerURL"] == given.strip()
    assert answer["Username"] == "AWS"
    assert answer["Secret"].startswith("token-1-of-AKIAJOBONE-")
    assert set(answer) == {"ServerURL", "Username", "Secret"}
    assert service.asked == [{"registry": HOST}]


def test_a_broken_configuration_stops_nobody_elses_pulls(machine: Machine) -> None:
    machine.environ["ECR_VEND_TTL"] = "soon"
    assert call(machine, "get", given="docker.io") == (NOT_FOUND, 1)
    text, code = call(machine, "get", given=HOST)
    assert code == 1
    assert "ECR_VEND_TTL" in text


def test_a_broken_configuration_is_told_to_an_alias_in_it(machine: Machine) -> None:
    machine.environ |= {"ECR_VEND_TTL": "soon", "ECR_VEND_REGISTRIES": f"images.example={HOST}"}
    assert "ECR_VEND_TTL" in call(machine, "get", given="images.example")[0]


def test_an_alias_is_asked_for_by_its_registry(machine: Machine, service: FakeService) -> None:
    machine.environ["ECR_VEND_REGISTRIES"] = f"127.0.0.1:4566={HOST}"
    text, code = call(machine, "get", given="127.0.0.1:4566")
    assert (json.loads(text)["ServerURL"], code) == ("127.0.0.1:4566", 0)
    assert service.asked == [{"registry": HOST}]


def test_a_managed_host_that_fails_gets_one_line_and_never_the_not_found_line(
    machine: Machine, service: FakeService
) -> None:
    service.refuse = (403, REFUSAL | {"detail": f"Ask.\n{NOT_FOUND}\x1b[31m"})
    text, code = call(machine, "get", given=HOST)
    assert code == 1
    assert text.count("\n") == 1
    assert NOT_FOUND.strip() not in text
    assert "\x1b" not in text
    assert "refused by policy (not_granted)" in text
    assert "[v-01jd8w0000000000000000000]" in text


@pytest.mark.parametrize("action", ["get", "erase"])
@pytest.mark.parametrize("given", ["", "\n", "  \r\n"])
def test_no_server_url(machine: Machine, action: str, given: str) -> None:
    assert call(machine, action, given=given) == ("no credentials server URL\n", 1)


@pytest.mark.parametrize("arguments", [[], ["get", "again"], ["list", "a", "b"]])
def test_a_wrong_number_of_arguments_prints_the_usage(
    machine: Machine, arguments: list[str]
) -> None:
    assert call(machine, *arguments) == (
        "Usage: docker-credential-ecr-vend <store|get|erase|list|version>\n",
        1,
    )


@pytest.mark.parametrize("action", ["help", "--help", "-h"])
def test_help_prints_the_usage(machine: Machine, action: str) -> None:
    assert call(machine, action) == (
        "Usage: docker-credential-ecr-vend <store|get|erase|list|version>\n",
        0,
    )


@pytest.mark.parametrize("action", ["version", "--version", "-v"])
def test_version(machine: Machine, action: str) -> None:
    expected = f"docker-credential-ecr-vend (github.com/ecr-vend/ecr-vend) v{__version__}\n"
    assert call(machine, action) == (expected, 0)


def test_an_unknown_action_is_named(machine: Machine) -> None:
    assert call(machine, "got") == ("docker-credential-ecr-vend: unknown action: got\n", 1)


def test_store_succeeds_for_docker_login_and_keeps_nothing(machine: Machine) -> None:
    given = json.dumps({"ServerURL": HOST, "Username": "AWS", "Secret": "typed-by-hand"})
    assert call(machine, "store", given=given) == ("", 0)
    assert not [path for path in machine.home.rglob("*") if ".cache" in path.parts]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("{}", "no credentials server URL\n"),
        (json.dumps({"ServerURL": HOST}), "no credentials username\n"),
        ("[]", "no credentials server URL\n"),
        ("not json", "docker-credential-ecr-vend: store reads a JSON object from stdin\n"),
    ],
)
def test_store_says_what_is_missing(machine: Machine, given: str, says: str) -> None:
    assert call(machine, "store", given=given) == (says, 1)


@pytest.mark.parametrize("given", [HOST, f"http://{HOST}", f"https://{HOST}", "docker.io"])
def test_logout_erases_up_to_four_forms_and_each_succeeds(machine: Machine, given: str) -> None:
    assert call(machine, "erase", given=given) == ("", 0)
    assert call(machine, "erase", given=given) == ("", 0)


def test_list_names_what_get_can_answer_and_asks_no_one(
    machine: Machine, service: FakeService
) -> None:
    assert call(machine, "list") == ("{}\n", 0)
    call(machine, "get", given=HOST)
    machine.environ["ECR_VEND_REGISTRIES"] = f"images.example={HOST}"
    assert json.loads(call(machine, "list")[0]) == {HOST: "AWS", "images.example": "AWS"}
    assert len(service.asked) == 1


def test_list_names_no_token_of_another_identity(machine: Machine, service: FakeService) -> None:
    call(machine, "get", given=HOST)
    machine.environ["AWS_ACCESS_KEY_ID"] = "AKIAJOBTWO"
    assert call(machine, "list") == ("{}\n", 0)


def test_a_fault_of_the_helper_itself_is_one_line_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> int:
        raise ZeroDivisionError("token-of-someone")

    codes: list[int] = []
    monkeypatch.setattr(docker, "run", fail)
    monkeypatch.setattr("os._exit", codes.append)
    docker.finish(["get"], io.StringIO(HOST))
    out, err = capsys.readouterr()
    assert (codes, err) == ([1], out)
    assert out == "ecr-vend: a fault in the helper itself (ZeroDivisionError): please report it\n"

"""Every consumer of the docker protocol, replayed: what it passes, in its order, byte for byte.

Each case runs the helper as the consumer does, a process for each call, once through the sh front
and once through Python. `docs/consumers.md` lists the consumers and their cases, and
`test_the_page_of_consumers.py` holds it to what is here.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ecr_vend import __version__, deadline, tokens
from ecr_vend.cache import Token
from ecr_vend.identity import Dependencies
from ecr_vend.secret import Secret
from tests.client.fake_service import HOST, REFUSAL
from tests.client.machine import ROOT

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

NOT_FOUND = "credentials not found in native keychain"
USAGE = "Usage: docker-credential-ecr-vend <store|get|erase|list|version>\n"
ELSEWHERE = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class Helper:
    """The helper as one consumer's child.

    Attributes:
        machine: Where it runs.
        front: Whether by the sh front, else by Python.
    """

    machine: Machine
    front: bool

    def says(self, action: str, given: str = "") -> tuple[str, int]:
        """Return what it printed and its exit code; see `Machine.call`."""
        return self.machine.call(action, given, front=self.front)

    def get(self, given: str) -> dict[str, Any]:
        """Return the credential, as docker-credential-helpers' client decodes it."""
        text, code = self.says("get", given)
        assert code == 0, text
        credential: dict[str, Any] = json.loads(text)
        assert set(credential) == {"ServerURL", "Username", "Secret"}
        assert credential["Username"] == "AWS"
        return credential

    def at_once(self, action: str, given: list[str]) -> list[tuple[str, str, int]]:
        """Return what each of several simultaneous calls printed, said on stderr, and its code."""
        processes = [self.machine.start(action, front=self.front) for _ in given]
        for process, text in zip(processes, given, strict=True):
            assert process.stdin
            process.stdin.write(text)
            process.stdin.close()
        answers = []
        for process in processes:
            with process:
                assert process.stdout
                assert process.stderr
                answers.append((process.stdout.read(), process.stderr.read(), process.wait(60)))
        return answers


@pytest.fixture(params=[True, False], ids=["front", "python"])
def helper(machine: Machine, request: pytest.FixtureRequest) -> Helper:
    return Helper(machine, request.param)


def stored(user: str = "AWS") -> str:
    """Return what `store` is given: Go's encoder ends a document with a line feed."""
    return json.dumps({"ServerURL": HOST, "Username": user, "Secret": "typed"}) + "\n"


# docker CLI


def test_docker_pull_asks_by_the_images_host(helper: Helper, service: FakeService) -> None:
    credentials = [helper.get(HOST) for _ in range(3)]
    assert {credential["ServerURL"] for credential in credentials} == {HOST}
    assert len({credential["Secret"] for credential in credentials}) == 1
    assert service.asked == [{"registry": HOST}]
    # The front answers by itself from the second call on.
    assert helper.machine.pythons() == int(helper.front)


def test_docker_login_gets_and_stores(helper: Helper) -> None:
    first = helper.get(HOST)["Secret"]
    assert helper.says("store", stored()) == ("", 0)
    # What was typed is not what is vended.
    assert helper.get(HOST)["Secret"] == first


def test_docker_logout_erases_up_to_four_times(helper: Helper, service: FakeService) -> None:
    helper.get(HOST)
    for given in (f"{HOST}/team", HOST, f"http://{HOST}", f"https://{HOST}"):
        assert helper.says("erase", given) == ("", 0)
    assert "token-2-of" in helper.get(HOST)["Secret"]
    assert len(service.asked) == 2


def test_docker_goes_on_without_us_for_every_other_registry(
    helper: Helper, service: FakeService
) -> None:
    assert helper.says("get", ELSEWHERE) == (f"{NOT_FOUND}\n", 1)
    assert service.asked == []


def test_docker_shows_why_a_pull_failed(helper: Helper, service: FakeService) -> None:
    service.refuse = (403, REFUSAL)
    text, code = helper.says("get", HOST)
    assert (code, text.count("\n")) == (1, 1)
    assert "ask platform@example.com" in text


# BuildKit, buildx


def test_buildkit_asks_once_a_session_for_each_host(helper: Helper, service: FakeService) -> None:
    sessions = [helper.get(HOST)["Secret"] for _ in range(2)]
    assert len(set(sessions)) == 1
    assert len(service.asked) == 1


@pytest.mark.parametrize("life", [1500, 1800, 3600])
def test_buildkit_may_keep_an_answer_for_its_4_minutes_50(life: int) -> None:
    token = Token(Secret("x"), 0.0, float(life), Dependencies({}, None))
    assert token.expires - token.refresh >= 290


# podman, skopeo, buildah


def test_skopeo_inspect_asks_twice(helper: Helper, service: FakeService) -> None:
    assert helper.get(HOST) == helper.get(HOST)
    assert len(service.asked) == 1


def test_podman_login_and_logout(helper: Helper, service: FakeService) -> None:
    assert helper.get(HOST)["ServerURL"] == HOST
    assert helper.says("store", stored()) == ("", 0)
    assert helper.says("erase", HOST) == ("", 0)
    helper.get(HOST)
    assert len(service.asked) == 2


def test_podman_logout_all_lists_and_gets_each(helper: Helper, service: FakeService) -> None:
    assert helper.says("list") == ("{}\n", 0)
    helper.get(HOST)
    text, code = helper.says("list")
    assert (json.loads(text), code) == ({HOST: "AWS"}, 0)
    for host in json.loads(text):
        helper.get(host)
    assert len(service.asked) == 1


# crane, ko, cosign, trivy (go-containerregistry)


def keychain(helper: Helper, host: str, repository: str) -> tuple[list[str], str]:
    """Return what go-containerregistry's default keychain asked, and the user it goes on as."""
    asked = []
    for key in (f"{host}/{repository}", host):
        asked.append(key)
        text, code = helper.says("get", key)
        if code == 0:
            return asked, json.loads(text)["Username"]
        if text.strip() != NOT_FOUND:
            return asked, f"stopped: {text}"
    return asked, "anonymous"


def test_crane_is_answered_for_the_repository_first(helper: Helper, service: FakeService) -> None:
    assert keychain(helper, HOST, "team/app") == ([f"{HOST}/team/app"], "AWS")
    assert service.asked == [{"registry": HOST}]


def test_crane_goes_on_to_the_host_and_then_anonymously_elsewhere(helper: Helper) -> None:
    asked, user = keychain(helper, "ghcr.io", "team/app")
    assert (asked, user) == (["ghcr.io/team/app", "ghcr.io"], "anonymous")


def test_crane_stops_at_an_error_and_shows_it(helper: Helper, service: FakeService) -> None:
    service.refuse = (403, REFUSAL)
    asked, user = keychain(helper, HOST, "team/app")
    assert asked == [f"{HOST}/team/app"]
    assert user.startswith("stopped: ecr-vend: refused by policy")


# nerdctl


def test_nerdctl_tries_six_forms_in_turn(helper: Helper, service: FakeService) -> None:
    forms = [f"{HOST}:443", f"https://{HOST}:443", f"http://{HOST}:443"]
    forms += [HOST, f"https://{HOST}", f"http://{HOST}"]
    credentials = [helper.get(form) for form in forms]
    assert [credential["ServerURL"] for credential in credentials] == forms
    assert len({credential["Secret"] for credential in credentials}) == 1
    assert len(service.asked) == 1


# oras, helm


def test_oras_and_helm_compare_the_not_found_line_exactly(helper: Helper) -> None:
    text, code = helper.says("get", "ghcr.io")
    assert (text.strip(), code) == (NOT_FOUND, 1)
    assert helper.get(HOST)["ServerURL"] == HOST


# rules_oci on Windows


def test_rules_oci_passes_a_blank_and_crlf(helper: Helper) -> None:
    assert helper.get(f"{HOST} \r\n")["ServerURL"] == HOST
    assert helper.says("get", "ghcr.io \r\n") == (f"{NOT_FOUND}\n", 1)


# Testcontainers


def merged(helper: Helper, given: str) -> tuple[str, int]:
    """Return both streams as one, as Testcontainers reads them within its 30 seconds."""
    python = {} if helper.front else {"PYTHONPATH": str(ROOT / "client" / "src")}
    done = subprocess.run(
        [*helper.machine.command(front=helper.front), "get"],
        env=helper.machine.environ | python,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        check=False,
    )
    return done.stdout, done.returncode


def test_testcontainers_learns_the_not_found_text_from_its_probe(
    helper: Helper, service: FakeService
) -> None:
    learnt = merged(helper, "https://not.a.real.registry/url")
    assert learnt == (f"{NOT_FOUND}\n", 1)
    assert merged(helper, "ghcr.io") == learnt
    assert json.loads(merged(helper, HOST)[0])["Username"] == "AWS"
    helper.says("erase", HOST)
    service.refuse = (403, REFUSAL)
    assert learnt[0].strip() not in merged(helper, HOST)[0]


def test_testcontainers_is_answered_before_its_30_seconds_are_over() -> None:
    assert tokens.PATIENCE + deadline.GRACE < 30


# docker-py, Jib


@pytest.mark.parametrize("given", [HOST, f"https://{HOST}", f"https://{HOST}/v2/"])
def test_docker_py_and_jib_pass_a_url_or_a_host(helper: Helper, given: str) -> None:
    assert helper.get(given)["Secret"]


def test_docker_py_and_jib_look_for_the_not_found_line_anywhere_in_the_output(
    helper: Helper, service: FakeService
) -> None:
    assert NOT_FOUND in helper.says("get", ELSEWHERE)[0]
    service.refuse = (403, REFUSAL | {"detail": f"It said: {NOT_FOUND}."})
    text, code = helper.says("get", HOST)
    assert code == 1
    assert NOT_FOUND not in text


@pytest.mark.parametrize("status", [403, 404, 502], ids=lambda status: f"status {status}")
def test_jib_takes_an_empty_stdout_for_an_error_and_never_sees_one(
    helper: Helper, service: FakeService, status: int
) -> None:
    service.refuse = (status, {})
    text, code = helper.says("get", HOST)
    assert code == 1
    assert text.startswith("ecr-vend: ")


# docker-compose, CI matrices


def test_compose_asks_sixteen_times_at_once(helper: Helper, service: FakeService) -> None:
    service.delay = 0.3
    answers = helper.at_once("get", [HOST] * 16)
    assert {(err, code) for _, err, code in answers} == {("", 0)}
    assert len({json.loads(out)["Secret"] for out, _, _ in answers}) == 1
    assert len(service.asked) == 1


# The protocol's fine print


def test_version_and_help(helper: Helper) -> None:
    version = f"docker-credential-ecr-vend (github.com/ecr-vend/ecr-vend) v{__version__}\n"
    for word in ("version", "--version", "-v"):
        assert helper.says(word) == (version, 0)
    for word in ("help", "--help", "-h"):
        assert helper.says(word) == (USAGE, 0)


@pytest.mark.parametrize("words", [[], ["get", HOST], ["store", "a", "b"]], ids=len)
def test_a_wrong_number_of_arguments(helper: Helper, words: list[str]) -> None:
    python = {} if helper.front else {"PYTHONPATH": str(ROOT / "client" / "src")}
    done = subprocess.run(
        [*helper.machine.command(front=helper.front), *words],
        env=helper.machine.environ | python,
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == (USAGE, "", 1)


@pytest.mark.parametrize(
    ("action", "given", "says"),
    [
        ("get", "", "no credentials server URL"),
        ("get", "\r\n", "no credentials server URL"),
        ("erase", "", "no credentials server URL"),
        ("store", "{}\n", "no credentials server URL"),
        ("store", stored(user=""), "no credentials username"),
        ("gett", HOST, "docker-credential-ecr-vend: unknown action: gett"),
    ],
)
def test_the_protocols_own_lines(helper: Helper, action: str, given: str, says: str) -> None:
    assert helper.says(action, given) == (f"{says}\n", 1)

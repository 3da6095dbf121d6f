"""Whatever bytes stand on stdin, the helper answers with a line of the protocol."""

from __future__ import annotations

import io
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecr_vend import hosts
from ecr_vend.dialects import docker
from ecr_vend.errors import NO_SERVER_URL, NO_USERNAME, NOT_FOUND
from tests.client.fake_service import CONSUMERS, HOST
from tests.client.machine import ROOT
from tests.tools_at_hand import require_tool

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

# Bytes of no kind, and what is nearly right: a name with a part that is gone, doubled or strange.
forms = st.sampled_from([*CONSUMERS.values(), "docker.io", "https://index.docker.io/v1/"])
nearly = st.builds(
    lambda form, at, gone, new: form[:at].encode() + new + form[at + gone :].encode(),
    forms,
    st.integers(0, 80),
    st.integers(0, 5),
    st.binary(max_size=8),
)
inputs = st.binary(max_size=200) | nearly


def said(action: str, given: bytes, environ: dict[str, str]) -> tuple[str, int]:
    out = io.StringIO()
    stdin = io.StringIO(given.decode(errors="surrogateescape"))
    code = docker.run([action], stdin, out, environ)
    return out.getvalue(), code


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=inputs, action=st.sampled_from(["get", "erase", "store", "list"]))
@example(content=b'{"ServerURL":' + b"[" * 100_000, action="store")
@example(content=b"\xff\xfe", action="get")
@example(content=b"{", action="get")
def test_any_bytes_are_answered_with_one_line(
    machine: Machine, content: bytes, action: str
) -> None:
    environ = {name: machine.environ[name] for name in ("HOME", "PATH")}
    text, code = said(action, content, environ)
    assert code in {0, 1}
    if code == 0:
        assert text == {"list": "{}\n"}.get(action, "")
    else:
        assert text.count("\n") == 1
        line = text.strip()
        assert line in {NOT_FOUND, NO_SERVER_URL, NO_USERNAME} or line.startswith(
            (
                "ecr-vend: no endpoint is set",
                "ecr-vend: the request on stdin is not understood",
                "docker-credential-ecr-vend: store reads",
            )
        )
    if action == "get":
        asked = hosts.bare(content.decode(errors="surrogateescape"))
        ours = bool(asked and hosts.parse(asked))
        assert ours == ("no endpoint is set" in text)


words = st.text(max_size=20) | st.sampled_from(
    [
        "get",
        "list",
        "version",
        "--help",
        NOT_FOUND,
        "a\nb",
        "\udcff",
        "-c",
        "--",
        "\x1b[2J",
        "x" * 9999,
    ]
)


@given(arguments=st.lists(words, max_size=3))
@example(arguments=[f"a\n{NOT_FOUND}"])
def test_any_words_are_answered_with_one_line(arguments: list[str]) -> None:
    out = io.StringIO()
    code = docker.run(arguments, io.StringIO("docker.io"), out, {"HOME": "/nonexistent"})
    text = out.getvalue()
    assert text.count("\n") == 1
    assert text.strip().isprintable()
    if code:
        asked = arguments == ["get"]
        assert (NOT_FOUND in text) == asked
        assert asked or text.startswith((docker.NAME, "Usage: "))
    else:
        assert arguments[0] in {"list", "version", "--version", "-v", "help", "--help", "-h"}


# Each starts a shell and Python twice.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
@given(arguments=st.lists(words, max_size=2) | st.just(["get"]), content=inputs)
@example(arguments=["get"], content=b"docker.io/{" + b"x" * 5000)
@example(arguments=["get"], content=f" {HOST}/a \r\n".encode())
@example(arguments=["get"], content=HOST.replace("eu-west", "est").encode())
@example(arguments=["-c", "import os"], content=b"")
@example(arguments=["a\nb\udcff"], content=b"")
def test_the_front_says_what_python_says(
    machine: Machine, service: FakeService, arguments: list[str], content: bytes
) -> None:
    content = content.replace(b"\0", b"")  # which shells drop
    before = len(service.asked)
    words = [word.replace("\0", "").encode(errors="surrogateescape") for word in arguments]
    answers = [
        subprocess.run(
            [*machine.command(front=front), *words],
            env=machine.environ | {"PYTHONPATH": str(ROOT / "client" / "src")},
            input=content,
            capture_output=True,
            check=False,
        )
        for front in (True, False)
    ]
    theirs, ours = [(done.stdout, done.stderr, done.returncode) for done in answers]
    assert theirs == ours
    assert b"Traceback" not in theirs[0] + theirs[1]
    assert theirs[0].count(b"\n") == 1 or (theirs[0] == b"" and theirs[2] in {0, 1})
    # A changed letter in a region makes another ECR host, which is asked for as rightly.
    named = hosts.parse(hosts.bare(content.decode(errors="surrogateescape")) or "")
    asked = {request["registry"] for request in service.asked[before:]}
    assert asked <= {named.host if named else None}


@pytest.fixture
def answered(machine: Machine) -> str:
    """Return what the front prints for HOST; for what it leaves to Python it says PYTHON."""
    require_tool("dash")
    machine.settle()
    machine.python()
    return machine.front()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=inputs)
@example(content=f"{HOST}\0".encode())
@example(content=f"\0{HOST}\n".encode())
@example(content=f"{HOST}\\".encode())
@example(content=b"x" * 10_000)
def test_any_bytes_get_the_same_from_the_front_or_python_is_asked(
    machine: Machine, answered: str, content: bytes
) -> None:
    done = subprocess.run(
        ["dash", machine.home / "bin/docker-credential-ecr-vend", "get"],
        env=machine.environ,
        input=content,
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    # Shells drop NUL bytes, which no name holds.
    asked = hosts.bare(content.replace(b"\0", b"").decode(errors="surrogateescape"))
    text = done.stdout.decode()
    if text.startswith("{"):
        assert asked == HOST
        assert '"Secret":"token-1-of-' in text
    else:
        assert text in {"PYTHON\n", f"{NOT_FOUND}\n"}
        assert text == "PYTHON\n" or not (asked and hosts.parse(asked))


@pytest.mark.parametrize(
    "first", ["", " ", "\n", "\n \r\n", "\v", "\x1c", "\xa0", "\ufeff", "[", "x"]
)
def test_what_may_be_a_request_with_a_token_is_in_no_list_of_processes(
    machine: Machine, first: str
) -> None:
    request = first + '{"kind": "x", "serviceAccountToken": "DO-NOT-SHOW"}'
    answers = []
    for front in (True, False):
        with machine.start(front=front) as process:
            answers.append((*process.communicate(request, timeout=60), process.returncode))
    assert answers[0] == answers[1]
    assert machine.pythons() == 1
    assert "DO-NOT-SHOW" not in machine.started.read_text()

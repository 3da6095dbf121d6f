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
from tests.tools_at_hand import require_tool

if TYPE_CHECKING:
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
            ("ecr-vend: no endpoint is set", "docker-credential-ecr-vend: store reads")
        )
    if action == "get":
        asked = hosts.bare(content.decode(errors="surrogateescape"))
        ours = bool(asked and hosts.parse(asked))
        assert ours == ("no endpoint is set" in text)


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

"""The GitHub Action under hostile inputs, and with tools that misbehave or are missing."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.client.fake_service import HOST
from tests.integration.ci.github_runner import GithubRunner, node, pairs
from tests.tools_at_hand import require_tool

if TYPE_CHECKING:
    from tests.client.machine import Machine

HOSTILE = [
    "x\n::set-env name=LD_PRELOAD::/tmp/x",
    "x%0A::add-path::/tmp/x",
    "x\r\nECR_VEND_ENDPOINT=https://evil.example",
    "x<<ECR\nEVIL=1\nECR",
    "$(touch${IFS}hostile)`touch\thostile`",
    "--index-url=https://evil.example",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["registries", "endpoint", "reason", "push"])
def test_a_hostile_input_stays_a_value(
    job: GithubRunner, inputs: dict[str, str], name: str, text: str
) -> None:
    known = set(job.environ)
    step = job.use(inputs | {name: text})
    assert {command for command, _ in step.commands} <= {"error", "add-mask"}
    new = {key for key in set(job.environ) - known if not key.startswith("ECR_VEND_")}
    assert new <= {"DOCKER_CONFIG"}
    assert not list(job.temp.parent.glob("**/hostile"))
    if step.code == 0:  # a list is one a line
        assert job.environ[f"ECR_VEND_{name.upper()}"] == re.sub(r"[\r\n]+", ",", text)
        assert job.environ["ECR_VEND_ENDPOINT"] == inputs["endpoint"]
    else:
        assert len(step.said("error")) == 1
        assert not job.environ.get("DOCKER_CONFIG")


@pytest.mark.parametrize("text", [*HOSTILE, "1.0 --pre", "-r/etc/passwd", "@file:///x", ""])
def test_a_hostile_version_is_refused(job: GithubRunner, inputs: dict[str, str], text: str) -> None:
    (said,) = job.use(inputs | {"version": text, "install": "true"}).said("error")
    assert re.match(r"the input `version` (is not a version|must be one line)", said)


def test_a_value_that_holds_its_delimiter_is_refused(tmp_path: Path) -> None:
    code = """
        require('node:crypto').randomUUID = () => 'known';
        require('./runner.js').set('ENV', 'A', 'x\\necr-vend-known\\nEVIL<<e\\n1\\ne');
    """
    done = node(code, GITHUB_ENV=str(tmp_path / "env"))
    assert "A holds the delimiter" in done.stderr
    assert not (tmp_path / "env").exists()


def test_no_value_can_know_the_delimiter_that_will_enclose_it(tmp_path: Path) -> None:
    code = "require('./runner.js').set('ENV', process.env.NAME, process.env.VALUE)"
    written = tmp_path / "env"
    value = ""
    for name in ("FIRST", "SECOND"):
        assert node(code, GITHUB_ENV=str(written), NAME=name, VALUE=value).returncode == 0
        # What the next value has to go by is what the last one was enclosed in.
        delimiter = written.read_text().splitlines()[-1]
        value = f"x\n{delimiter}\nEVIL<<{delimiter}\n1"
    assert list(pairs(written.read_text())) == ["FIRST", "SECOND"]


def test_a_command_cannot_be_left_by_its_text() -> None:
    done = node("require('./runner.js').command('error', '50% \\r\\n::add-path::x')")
    assert done.stdout == "::error::50%25 %0D%0A::add-path::x\n"


@pytest.mark.parametrize("said", ["token-9-secret", '{"Secret": "token-9-secret"}', ""])
def test_an_answer_that_is_not_understood_is_not_quoted(
    job: GithubRunner, inputs: dict[str, str], machine: Machine, said: str
) -> None:
    stub = machine.home / "bin/docker-credential-ecr-vend"
    stub.write_text(f"#!/bin/sh\necho '{said}'; echo token-9-secret >&2\n")
    step = job.use(inputs)
    assert step.code == 1
    assert "ended without an answer" in step.said("error")[0]
    assert "token-9" not in step.output


def test_a_helper_that_is_not_there_is_said(
    job: GithubRunner, inputs: dict[str, str], machine: Machine
) -> None:
    (machine.home / "bin/docker-credential-ecr-vend").unlink()
    (said,) = job.use(inputs).said("error")
    assert "is not on the PATH" in said


@pytest.mark.skipif(os.name == "nt", reason="the machine of the tests is for POSIX systems")
def test_it_installs_the_client_and_hides_no_other_python(
    job: GithubRunner, inputs: dict[str, str], installing: dict[str, str]
) -> None:
    require_tool("node")
    (job.temp.parent / "venv.py").write_text("raise SystemExit('taken from the repository')")
    job.environ |= installing
    step = job.use(inputs | {"install": "true"})
    assert step.code == 0, step.output
    assert "token-1-of" in job.docker_asks(HOST).stdout
    added = job.environ["PATH"].partition(":")[0]
    assert sorted(path.name for path in Path(added).iterdir()) == [
        "docker-credential-ecr-vend",
        "ecr-vend",
    ]
    job.post(step)
    assert list(job.temp.iterdir()) == []


def test_a_version_that_is_not_there_is_said(
    job: GithubRunner, inputs: dict[str, str], installing: dict[str, str]
) -> None:
    job.environ |= installing
    step = job.use(inputs | {"install": "true", "version": "99.0"})
    (said,) = step.said("error")
    assert said.startswith("ecr-vend could not be installed: ")
    assert "ecr-vend==99.0" in said


def test_no_new_enough_python_is_said(
    job: GithubRunner, inputs: dict[str, str], machine: Machine
) -> None:
    job.environ["PATH"] = str(machine.home / "nothing-here")
    (said,) = job.use(inputs | {"install": "true"}).said("error")
    assert "actions/setup-python" in said

"""The Jenkinsfile: its sh blocks as an agent runs them, and its brackets."""

from __future__ import annotations

import ast
import json
import re
import stat
from typing import TYPE_CHECKING

import pytest

from ecr_vend import __version__
from tests.client.fake_service import HOST
from tests.client.machine import ROOT
from tests.integration.ci import shells

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

SOURCE = (ROOT / "client/ci/jenkins/Jenkinsfile").read_text()
BLOCKS = [
    ast.literal_eval(f"'''{text}'''") for text in re.findall(r"sh '''(.*?)'''", SOURCE, re.DOTALL)
]
"""Its scripts, with Groovy's escapes undone, which in these are Python's: install, build, clean."""


def variables(environ: dict[str, str]) -> dict[str, str]:
    """Return the environment inside `withEnv`; `NAME+ANY` puts something in front of NAME."""
    found = dict(environ)
    listed = re.search(r"withEnv\(\[(.*?)\]\)", SOURCE, re.DOTALL)
    assert listed
    for written, value in re.findall(r'"([A-Z_+]+)=([^"]*)"', listed[1]):
        text = value.replace("${env.WORKSPACE_TMP}", environ["WORKSPACE_TMP"])
        name, prepended, _ = written.partition("+")
        found[name] = f"{text}:{found[name]}" if prepended else text
    return found


@pytest.fixture
def agent(machine: Machine, service: FakeService, installing: dict[str, str]) -> dict[str, str]:
    """Return the environment of a build whose pipeline names this machine's service."""
    docker = machine.home / "bin/docker"
    docker.write_text(
        "#!/bin/sh\n"
        f'cd "{machine.home}" && [ "$1" = build ] ||\n'
        f"  echo {HOST} | docker-credential-ecr-vend get >answer\n"
    )
    docker.chmod(0o755)
    return (
        machine.environ
        | installing
        | {
            "PATH": f"{machine.home / 'bin'}:{machine.environ['PATH']}",
            "WORKSPACE_TMP": str(machine.home / "workspace@tmp"),
            "BUILD_NUMBER": "9",
            "REGISTRY": HOST,
            "ECR_VEND_PUSH": "team/app",
            "ECR_VEND_REASON": "https://jenkins.example.com/job/app/9/",
        }
    )


@pytest.mark.parametrize("shell", shells.SHELLS)
def test_a_build_pushes_and_leaves_nothing(
    machine: Machine, service: FakeService, agent: dict[str, str], shell: str
) -> None:
    install, build, clean = BLOCKS
    workspace = machine.home / "workspace@tmp"
    (workspace / "ecr-vend/left by a killed build").mkdir(parents=True)
    done = shells.run(shell, install, agent)
    assert done.returncode == 0, done.stderr
    folder = workspace / "ecr-vend"
    assert sorted(path.name for path in folder.iterdir()) == ["bin", "docker", "venv"]
    assert json.loads((folder / "docker/config.json").read_text()) == {
        "credHelpers": {HOST: "ecr-vend"}
    }
    done = shells.run(shell, build, variables(agent), "-x")
    assert done.returncode == 0, done.stderr
    assert "token-1-of" not in done.stdout + done.stderr
    assert json.loads((machine.home / "answer").read_text())["Secret"].startswith("token-1-of")
    assert service.asked[0]["push"] == ["team/app"]
    for path in (folder, folder / "docker", folder / "cache"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    done = shells.run(shell, clean, agent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(workspace.iterdir()) == []


@pytest.mark.parametrize("shell", shells.SHELLS)
def test_cleaning_up_after_nothing_does_no_harm(tmp_path: Path, shell: str) -> None:
    environ = {"WORKSPACE_TMP": str(tmp_path), "REGISTRY": HOST, "PATH": "/usr/bin:/bin"}
    assert shells.run(shell, BLOCKS[2], environ).returncode == 0


def test_the_last_block_runs_whatever_came_before() -> None:
    assert re.search(r"post \{\s+always \{\s+sh '''", SOURCE)
    assert SOURCE.count("sh '''") == len(BLOCKS) == 3


def test_it_installs_the_version_it_belongs_to() -> None:
    assert f"ecr-vend=={__version__}\n" in BLOCKS[0]


@pytest.mark.parametrize("block", BLOCKS, ids=["install", "build", "clean"])
def test_the_scripts_are_clean_sh(block: str) -> None:
    assert shells.complaints(block) == ""


def test_its_brackets_and_quotes_balance() -> None:
    strings = r"'''.*?'''|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|//[^\n]*"
    code = re.sub(strings, "", SOURCE, flags=re.DOTALL)
    assert not re.search("['\"]", code)
    brackets = "".join(re.findall(r"[(){}\[\]]", code))
    while (fewer := re.sub(r"\(\)|\{\}|\[\]", "", brackets)) != brackets:
        brackets = fewer
    assert brackets == ""

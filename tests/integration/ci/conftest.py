"""The fixtures of `tests.client`, and the client's wheel as an index would serve it."""

from __future__ import annotations

import sys
import sysconfig
from typing import TYPE_CHECKING

import pytest

from tests.client.fake_service import HOST
from tests.client.machine import machine, service
from tests.integration.ci.github_runner import GithubRunner
from tests.tools_at_hand import missing
from tools import wheels
from tools.environments import Missing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

__all__ = ["machine", "service"]


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the client's wheels."""
    folder = tmp_path_factory.mktemp("index")
    try:
        wheels.build(folder)
    except Missing as problem:
        missing(str(problem))
    return folder


@pytest.fixture
def installing(machine: Machine, index: Path) -> dict[str, str]:
    """Return the variables with which pip installs from `index` alone.

    The machine's Python gives each environment it makes the libraries of this one, since pip is
    not to fetch them; and nothing else of the client is on the PATH.
    """
    (machine.home / "bin/docker-credential-ecr-vend").unlink()
    python = machine.home / "bin/python3"
    library = f"lib/python{sysconfig.get_python_version()}/site-packages/libraries.pth"
    python.write_text(
        "#!/bin/sh\n"
        f'"{sys.executable}" "$@" || exit\n'
        'case "$*" in *"-m venv "*)\n'
        "  for last; do :; done\n"
        f'  echo "{sysconfig.get_path("purelib")}" >"$last/{library}" ;;\n'
        "esac\n"
    )
    return {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_FIND_LINKS": str(index)}


@pytest.fixture
def job(machine: Machine) -> GithubRunner:
    """Return a job on a machine of its own."""
    return GithubRunner.on(machine)


@pytest.fixture
def inputs(service: FakeService) -> dict[str, str]:
    """Return the inputs that a step cannot do without here."""
    return {
        "registries": HOST,
        "endpoint": service.url,
        "region": "eu-west-1",
        "install": "false",
    }

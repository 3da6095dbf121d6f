"""The fixtures of `tests.client`, and the client's wheel as an index would serve it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.client.fake_service import HOST
from tests.client.machine import machine, service
from tests.integration.ci.github_runner import GithubRunner
from tests.tools_at_hand import missing
from tools.artefacts import packages
from tools.environments import Missing

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

__all__ = ["machine", "service"]


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the client's wheels."""
    folder = tmp_path_factory.mktemp("index")
    try:
        packages.wheels(folder)
    except Missing as problem:
        missing(str(problem))
    return folder


@pytest.fixture(scope="session")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with pip: to unpack it into each environment would take most of the time."""
    folder = tmp_path_factory.mktemp("pip")
    subprocess.run([sys.executable, "-I", "-m", "venv", folder], check=True)
    return Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))


@pytest.fixture
def installing(machine: Machine, index: Path, pip: Path) -> dict[str, str]:
    """Return the variables with which pip installs from `index` alone.

    The machine's Python gives each environment it makes pip and the libraries of this one, since
    pip is not to fetch them; and nothing else of the client is on the PATH.
    """
    (machine.home / "bin/docker-credential-ecr-vend").unlink()
    python = machine.home / "bin/python3"
    library = f"lib/python{sysconfig.get_python_version()}/site-packages/libraries.pth"
    python.write_text(
        "#!/bin/sh\n"
        'case "$*" in *"-m venv "*) ;; *)\n'
        f'  exec "{sys.executable}" "$@" ;;\n'
        "esac\n"
        f'"{sys.executable}" "$@" --without-pip || exit\n'
        "for last; do :; done\n"
        f'printf "%s\\n" "{pip}" "{sysconfig.get_path("purelib")}" >"$last/{library}"\n'
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

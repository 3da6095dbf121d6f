"""A machine of its own for each test: a home, a service, and the helper in both its forms."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecr_vend import command_line
from ecr_vend.console import Console
from ecr_vend.dialects import docker
from tests.client.fake_service import HOST, FakeService, serve
from tests.tools_at_hand import require_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
FRONT = ROOT / "client" / "front" / "docker-credential-ecr-vend"
OLD = (1_600_000_000, 1_600_000_000)
"""Times of access and modification of a file that was left alone for long."""

SHELLS = {
    "sh": ("/bin/sh",),
    "dash": ("dash",),
    "bash": ("bash", "--posix"),
    "busybox": ("busybox", "sh"),
    "zsh": ("zsh", "--emulate", "sh"),
    "mksh": ("mksh",),
}
"""Name → the words that start a shell as POSIX has it."""


@dataclass
class Machine:
    """A home directory, an environment, and ways to call the helper there.

    Attributes:
        home: The home directory.
        environ: The whole environment of the processes.
        shell: Words that start the shell which runs the front.
    """

    home: Path
    environ: dict[str, str]
    shell: tuple[str, ...] = ("/bin/sh",)
    started: Path = field(init=False)

    def __post_init__(self) -> None:
        """Put the front beside a Python that notes when it is started."""
        folder = self.home / "bin"
        folder.mkdir()
        self.started = self.home / "python-started"
        python = folder / "python3"
        python.write_text(
            "#!/bin/sh\n"
            f'[ "$2" = -c ] || echo "$*" >>"{self.started}"\n'
            f'PYTHONPATH="{ROOT / "client" / "src"}" exec "{sys.executable}" "$@"\n'
        )
        python.chmod(0o755)
        shutil.copy(FRONT, folder)

    def command(self, *, front: bool) -> list[str]:
        if front:
            return [*self.shell, str(self.home / "bin" / FRONT.name)]
        return [sys.executable, "-P", "-m", "ecr_vend.dialects.docker"]

    def start(
        self, action: str = "get", /, *, front: bool = False, **changes: str | None
    ) -> subprocess.Popen[str]:
        environ = {k: v for k, v in (self.environ | changes).items() if v is not None}
        if not front:
            environ["PYTHONPATH"] = str(ROOT / "client" / "src")
        return subprocess.Popen(
            [*self.command(front=front), action],
            env=environ,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def call(
        self,
        action: str = "get",
        given: str = HOST,
        /,
        *,
        front: bool = False,
        **changes: str | None,
    ) -> tuple[str, int]:
        """Call the helper; what it printed and its exit code."""
        with self.start(action, front=front, **changes) as process:
            out, err = process.communicate(given, timeout=60)
        assert err == beside(out)
        return out, process.returncode

    def python(self, action: str = "get", given: str = HOST, /, **changes: str | None) -> str:
        """Call the helper in this process, which has the home that its variables name."""
        environ = {k: v for k, v in (self.environ | changes).items() if v is not None}
        out = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOME", environ.get("HOME", "/"))
            docker.run([action], io.StringIO(given), out, environ)
        return out.getvalue()

    def run(self, *words: str) -> tuple[str, str, int]:
        """Call `ecr-vend` in this process: stdout, stderr, exit code."""
        out, err = io.StringIO(), io.StringIO()
        code = command_line.run(words, Console(io.StringIO(), out, err, self.environ))
        return out.getvalue(), err.getvalue(), code

    def front(self, given: str = HOST, /, **changes: str | None) -> str:
        """Call the front; what it printed, or PYTHON where it left the answer to Python."""
        stub = self.home / "bin" / "python3"
        stub.write_text('#!/bin/sh\n[ "$2" = -c ] || echo PYTHON\n')
        return self.call("get", given, front=True, **changes)[0]

    def pythons(self) -> int:
        """Return how often the front has started Python."""
        return len(self.started.read_text().splitlines()) if self.started.exists() else 0

    def count_naps(self, nap: str = "exit 0") -> Callable[[], list[str]]:
        """Let the front's `sleep` be a script, and return what lists the processes that called it.

        Args:
            nap: What the script does; by default it returns at once.
        """
        script, noted = self.home / "bin" / "sleep", self.home / "naps"
        script.write_text(f'#!/bin/sh\necho "$PPID" >>"{noted}"\n{nap}\n')
        script.chmod(0o755)
        noted.touch()
        self.environ["PATH"] = f"{script.parent}:{os.defpath}"
        return lambda: noted.read_text().split()

    def settle(self) -> None:
        """Make every file of the home look as if left alone for a while."""
        for path in self.home.rglob("*"):
            if path.is_file() and ".cache" not in path.parts:
                os.utime(path, (1_700_000_000, 1_700_000_000))


def beside(out: str) -> str:
    """Return what must be on stderr with what is on stdout: a failure of ours, else nothing."""
    return out if out.startswith("ecr-vend: ") else ""


def write(path: Path, text: str) -> None:
    """Write a file as if long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, OLD)


@pytest.fixture
def service() -> Iterator[FakeService]:
    yield from serve(FakeService())


@pytest.fixture(params=SHELLS)
def shelled(request: pytest.FixtureRequest, machine: Machine) -> Machine:
    """Return a machine whose front runs in one of the shells."""
    machine.shell = SHELLS[request.param]
    require_tool(machine.shell[0])
    machine.settle()
    return machine


@pytest.fixture
def machine(tmp_path: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine; this process, too, has its home, since `~` is this process's."""
    for name in os.environ:
        if name.startswith(("AWS_", "ECR_VEND_", "XDG_")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    home.mkdir()
    environ = {
        "HOME": str(home),
        "PATH": os.defpath,
        # What is configured on the machine that runs the tests is none of theirs.
        "ECR_VEND_SYSTEM_CONFIG": str(home / "etc" / "config.toml"),
        "ECR_VEND_ENDPOINT": service.url,
        "ECR_VEND_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIAJOBONE",
        "AWS_SECRET_ACCESS_KEY": "secret-of-job-one",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_STS": service.sts,
    }
    return Machine(home, environ)

"""Starts the emulator in a process and an environment of its own, and ends it for certain."""

from __future__ import annotations

import json
import os
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from local.emulator import ACCOUNT, ADDRESS, REGION

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT = 60.0
"""Seconds the emulator may take to serve: half a second is usual."""


class NotStarted(Exception):
    """The emulator did not come up; the message holds the end of its log."""


@dataclass
class Emulator:
    """A running emulator; use it as a context manager.

    Attributes:
        state: The folder of all its files, removed at the end.
        url: Where AWS clients and registry clients find it.
        access_key_id: Of its administrator, an IAM user.
        secret_access_key: Of the same.
    """

    state: Path
    url: str
    access_key_id: str
    secret_access_key: str
    _child: subprocess.Popen[bytes]

    @classmethod
    def start(cls, port: int = 0, *, faults: bool = False) -> Self:
        """Start one on `port`, or on any free port.

        Args:
            port: 0 for any free one.
            faults: Whether its calls can be made to fail: see `local.faults`.

        Raises:
            NotStarted: It does not serve; the port may be taken.
        """
        state = Path(tempfile.mkdtemp(prefix="ecr-vend-local-"))
        try:
            child, line = spawn(state, port, faults=faults)
        except BaseException:
            shutil.rmtree(state, ignore_errors=True)
            raise
        told = json.loads(line)
        url = f"http://{ADDRESS}:{told['port']}"
        return cls(state, url, told["access_key_id"], told["secret_access_key"], child)

    @property
    def registry(self) -> str:
        """The registry's host as clients write it, with its port."""
        return self.url.removeprefix("http://")

    @property
    def registry_host(self) -> str:
        """The name that the same registry would have on AWS."""
        return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"

    @property
    def pid(self) -> int:
        """The process id of the emulator."""
        return self._child.pid

    @property
    def log(self) -> Path:
        """What the emulator wrote."""
        return self.state / "emulator.log"

    def alive(self) -> bool:
        """Return whether the process runs."""
        return self._child.poll() is None

    def stop(self) -> None:
        """End the process and remove its files."""
        if self._child.stdin:
            self._child.stdin.close()
        try:
            self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout:
            self._child.stdout.close()
        shutil.rmtree(self.state, ignore_errors=True)

    def __enter__(self) -> Self:
        """Return the emulator itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()


def spawn(state: Path, port: int, *, faults: bool) -> tuple[subprocess.Popen[bytes], bytes]:
    """Start the process and return it with the line it printed."""
    temporary = state / "tmp"
    temporary.mkdir()
    log = state / "emulator.log"
    command = [sys.executable, "-m", "local.emulator", "--port", str(port), "--state", str(state)]
    with log.open("wb") as written:
        child = subprocess.Popen(
            [*command, "--faults", str(state)] if faults else command,
            cwd=ROOT,
            env=environment(state, temporary),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=written,
            # A Ctrl-C is for the parent, which ends the emulator when it is done with it.
            start_new_session=True,
        )
    assert child.stdout is not None  # noqa: S101  a pipe was asked for
    line = b""
    deadline = time.monotonic() + START_LIMIT
    while not line and time.monotonic() < deadline and child.poll() is None:
        if select.select([child.stdout], [], [], 0.1)[0]:
            line = child.stdout.readline()
    if not line:
        child.kill()
        child.wait()
        said = log.read_text(errors="replace").strip().splitlines()
        raise NotStarted("the emulator did not start: " + "\n".join(said[-5:] or ["no word of it"]))
    return child, line


def environment(state: Path, temporary: Path) -> dict[str, str]:
    """Return what the emulator and the functions in it may see of this machine's environment.

    Nothing of the user's AWS settings is among it. The key that the emulator takes for root's is
    one that nobody knows, and the gate refuses it besides.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(state),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "LOG_LEVEL": "WARNING",
        "AWS_ACCESS_KEY_ID": f"root-{secrets.token_hex(16)}",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(32),
    }

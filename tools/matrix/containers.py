"""Containers of docker and podman, in which a cell's client is installed and tried."""

from __future__ import annotations

import functools
import shutil
import socket
import subprocess
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tools.environments import Missing, child_environment, uv
from tools.matrix.kit import BUILD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tools.matrix.cells import Cell
    from tools.matrix.kit import Kit

NOBODY = 65534
INSIDE = Path("/trial")
"""Where a container and another root see the kit."""

PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
BARE = ("/usr/bin/env", "-i", f"PATH={PATH}", "LC_ALL=C.UTF-8")
"""Starts a program with none of this shell's variables, and without a HOME."""


def captured(
    words: Sequence[str | Path], *, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program and keep what it prints."""
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


@dataclass
class Container:
    """A running container of docker or podman, on this machine's network."""

    engine: tuple[str, ...]
    name: str
    python: list[str]
    kit: Path = INSIDE
    folder: Path = Path("/opt/ecr-vend")
    starts: list[str] = field(default_factory=list)

    def call(
        self,
        words: Sequence[str | Path],
        *,
        installs: bool = False,
        reads_only: bool = False,  # noqa: ARG002
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as nobody, or as root to install."""
        user = 0 if installs else NOBODY
        options = ("--user", f"{user}:{user}", "--workdir", str(INSIDE))
        return captured([*self.engine, "exec", *options, self.name, *BARE, *words])


@functools.cache
def engine() -> tuple[str, ...]:
    """Return the words that start docker or podman, none where neither answers."""
    for words in (("docker",), ("podman",)):
        if shutil.which(words[0]) and not captured([*words, "info"]).returncode:
            return words
    return ()


@functools.cache
def cannot_pull(registry: str) -> str:
    """Return why no image comes from a registry, empty where they do; asked once."""
    name = {"docker.io": "registry-1.docker.io"}.get(registry, registry)
    try:
        socket.create_connection((name, 443), timeout=10).close()
    except OSError:
        return f"needs images of {registry}"
    return ""


@contextmanager
def container(cell: Cell, kit: Kit, own: str = "") -> Iterator[Container]:
    """Run a cell's container within a block, and get Python there.

    Args:
        cell: Which.
        kit: What it sees of this machine.
        own: An image in the place of the cell's, with Python in it.

    Raises:
        Missing: The image is not to be had, or Python.
    """
    words = engine()
    name = f"ecr-vend-matrix-{uuid.uuid4().hex[:12]}"
    mounts = ["--volume", f"{kit.folder}:{INSIDE}:ro"]
    python = f"python{cell.python}" if cell.get != "uv" else ""
    if cell.get == "uv":
        built = standalone(cell.python)
        mounts += ["--volume", f"{built.parents[1]}:/python:ro"]
        python = f"/python/bin/python{cell.python}"
    options = ["--detach", "--network", "host", "--name", name]
    if words == ("podman",):
        # Its defaults are beyond what a container that podman itself is in may have.
        options += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
    options.append("--platform")
    started = captured(
        [
            *words,
            "run",
            *options,
            f"linux/{cell.architecture}",
            *mounts,
            own or cell.image,
            "sleep",
            "3600",
        ]
    )
    try:
        if started.returncode:
            raise Missing(f"{own or cell.image} does not run: {started.stderr.strip()}")
        running = Container(words, name, [python])
        if cell.get not in {"image", "uv"} and not own:
            got = running.call(["sh", "-c", cell.get], installs=True)
            if got.returncode:
                raise Missing(f"Python {cell.python} is not to be had there: {got.stderr.strip()}")
        yield running
    finally:
        captured([*words, "rm", "--force", name])


def standalone(version: str) -> Path:
    """Return a Python built to run on any Linux with glibc, fetched by uv.

    Raises:
        Missing: It was not to be had.
    """
    home = BUILD / "pythons"
    pattern = f"cpython-{version}.*/bin/python{version}"
    if not list(home.glob(pattern)):
        done = captured(
            [uv(), "python", "install", "--quiet", "--install-dir", home, "--no-bin", version],
            env=child_environment() | {"UV_PYTHON_DOWNLOADS": "manual"},
        )
        if done.returncode:
            raise Missing(f"uv did not get Python {version}: {done.stderr.strip()}")
    return max(home.glob(pattern))

"""Where a cell is: how a program is run there, as whom, and why a machine cannot have it."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tools.arm64_python import arm64_python
from tools.debian_root import architecture, debian_root
from tools.debian_root import missing as no_debian_root
from tools.environments import Missing, find_interpreter
from tools.matrix.containers import BARE, INSIDE, NOBODY, cannot_pull, captured, container, engine

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

    from tools.matrix.cells import Cell
    from tools.matrix.kit import Kit

SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}
PACKAGES = ("python3", "python3-venv")
"""What is in a Debian root: Python, and what a user installs there to install a wheel."""


class Place(Protocol):
    """A system that is there."""

    python: list[str]
    """The words that start the Python under trial."""

    kit: Path
    """Where the kit is, seen from there."""

    folder: Path
    """Where what is installed goes, seen from there."""

    starts: list[str]
    """The words before a program of the client, where the system itself cannot start it."""

    def call(
        self, words: Sequence[str | Path], *, installs: bool = False, reads_only: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the kit's folder.

        Args:
            words: Its command.
            installs: Run by whoever installs there: root, where the trial is another user's.
            reads_only: With nothing on the whole file system that may be written; only in a root.
        """


@dataclass
class Native:
    """This machine itself, with one of its Pythons."""

    python: list[str]
    kit: Path
    folder: Path
    starts: list[str] = field(default_factory=list)

    def call(
        self,
        words: Sequence[str | Path],
        *,
        installs: bool = False,  # noqa: ARG002
        reads_only: bool = False,  # noqa: ARG002
    ) -> subprocess.CompletedProcess[str]:
        """Run a program, with nothing of this shell's settings but where programs are."""
        kept = ("PATH", "SYSTEMROOT", "COMSPEC", "PATHEXT", "TEMP", "TMP", "TMPDIR")
        return captured(
            words, cwd=self.kit, env={k: os.environ[k] for k in kept if k in os.environ}
        )


@dataclass
class Root:
    """A Debian root: each call has its own mounts, and the user `nobody` tries it.

    What is installed goes into a layer above the root, which stays as it was.
    """

    root: Path
    layer: Path
    outside: Path
    python: list[str] = field(default_factory=lambda: ["/usr/bin/python3"])
    kit: Path = INSIDE
    folder: Path = Path("/opt/ecr-vend")
    starts: list[str] = field(default_factory=list)

    def call(
        self, words: Sequence[str | Path], *, installs: bool = False, reads_only: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as nobody, or as root to install."""
        for part in ("above", "work", "root"):
            (self.layer / part).mkdir(exist_ok=True)
        top = self.layer / "root"
        options = f"lowerdir={self.root},upperdir={self.layer}/above,workdir={self.layer}/work"
        user = 0 if installs else NOBODY
        script = (
            'mount -t overlay -o "$1" overlay "$2"\n'
            f'mkdir -p "$2{INSIDE}"\n'
            f'mount --bind "$3" "$2{INSIDE}"\n'
            f'mount -o remount,bind,ro "$2{INSIDE}"\n'
            'mount -t proc proc "$2/proc"\n'
            + ('mount -o remount,ro "$2"\n' if reads_only else "")
            + 'top=$2 user=$4; shift 4\nexec chroot --userspec="$user" --groups= "$top" "$@"\n'
        )
        inside = (*BARE, "/bin/sh", "-c", f'cd {INSIDE} && exec "$@"', "sh")
        mounts = ("unshare", "--mount", "--propagation", "private", "sh", "-euc", script, "sh")
        return captured([*mounts, options, top, self.outside, f"{user}:{user}", *inside, *words])


def reason(cell: Cell, image: str = "") -> str:
    """Return why this machine cannot run a cell, empty where it can.

    Args:
        cell: Which.
        image: In the place of its own; one that is on this machine.
    """
    here = SYSTEMS.get(sys.platform, sys.platform)
    if cell.os != here:
        return f"needs {cell.os}"
    if cell.kind == "emulated":
        return "" if architecture() == "amd64" else "is native here"
    if cell.architecture != architecture():
        return f"needs {cell.architecture}"
    if cell.kind == "native":
        return "" if find_interpreter(cell.python) else f"needs Python {cell.python}"
    if cell.kind == "root":
        return no_debian_root()
    if not engine():
        return "needs docker or podman"
    if image:
        return ""
    return cannot_pull(cell.image.partition("/")[0])


@contextmanager
def place(cell: Cell, kit: Kit, image: str = "") -> Iterator[Place]:
    """Have a cell's system ready within a block, with its Python.

    Args:
        cell: Which.
        kit: What it sees of this machine.
        image: In the place of a container's own; one that is on this machine, with Python in it.

    Raises:
        Missing: It could not be made ready; the message says why.
    """
    with tempfile.TemporaryDirectory(prefix="ecr-vend-matrix-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        match cell.kind:
            case "native":
                python = find_interpreter(cell.python)
                if not python:
                    raise Missing(f"no Python {cell.python} was found")
                yield Native([str(python)], kit.folder, folder / "installed")
            case "emulated":
                # The trial itself is this machine's: an emulated one could start no program.
                installed = folder / "installed"
                yield Native([sys.executable], kit.folder, installed, arm64_python())
            case "root":
                yield Root(debian_root(cell.suite, PACKAGES), folder, kit.folder)
            case _:
                with container(cell, kit, image) as running:
                    yield running

"""A small Debian in a folder: the one of the matrix, of which each test gets a copy to change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.tools_at_hand import missing, require_tool
from tools.debian_root import debian_root
from tools.environments import Missing, run
from tools.matrix.containers import NOBODY
from tools.matrix.places import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE = "bookworm"
"""The oldest with a Python that the client supports."""


@dataclass(frozen=True, slots=True)
class DebianRoot:
    """A root file system, and ways to run programs in it.

    Attributes:
        path: The folder.
    """

    path: Path

    def call(
        self,
        *command: str,
        given: str = "",
        nobody: bool = True,
        environ: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as nobody or as root, its environment this and a PATH."""
        user = [f"--userspec={NOBODY}:{NOBODY}"] if nobody else []
        return subprocess.run(
            ["chroot", *user, self.path, *command],
            env=(environ or {}) | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def dpkg(self, *words: str) -> str:
        """Run dpkg as root; what it printed."""
        done = self.call("dpkg", *words, nobody=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        assert not done.stderr
        return done.stdout

    def files(self) -> set[str]:
        """Return every path below the folders that packages install into."""
        parts = ("etc", "opt", "usr", "var/lib")
        found = {
            path.relative_to(self.path).as_posix()
            for part in parts
            for path in (self.path / part).rglob("*")
        }
        return {name for name in found if not name.startswith("var/lib/dpkg/")}


def copied(folder: Path) -> Iterator[DebianRoot]:
    """Yield a fresh one in `folder`, then remove it; end the test where none can be had here."""
    if sys.platform != "linux" or os.getuid():
        missing("a Debian to install into takes Linux and root")
    require_tool("debootstrap")
    try:
        home = debian_root(SUITE, PACKAGES)
    except Missing as problem:
        missing(str(problem))
    run("cp", "--archive", "--reflink=auto", home, folder / "root")
    yield DebianRoot(folder / "root")
    shutil.rmtree(folder / "root")

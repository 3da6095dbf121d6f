"""A small Debian in a folder: debootstrap makes it once, and each test gets a copy to change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.tools_at_hand import missing, require_tool
from tools.arm64_python import debian_mirror
from tools.environments import ROOT, Missing, child_environment, locked, run

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE = "bookworm"
"""The oldest with a Python that the client supports."""

INCLUDED = "ca-certificates,python3"
NOBODY = 65534


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
        home = _made()
    except Missing as problem:
        missing(str(problem))
    run("cp", "--archive", "--reflink=auto", home, folder / "root")
    yield DebianRoot(folder / "root")
    shutil.rmtree(folder / "root")


def _made() -> Path:
    home = ROOT / f"build/.debian-{SUITE}"
    home.parent.mkdir(exist_ok=True)
    with locked(home.with_name(f"{home.name}.lock")):
        if not home.exists():
            fresh = home.with_name(f"{home.name}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            options = ("--variant=minbase", f"--include={INCLUDED}")
            command = ["debootstrap", *options, SUITE, str(fresh), debian_mirror()]
            done = subprocess.run(
                command, env=child_environment(), capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise Missing(f"debootstrap failed:\n{done.stdout[-1000:]}{done.stderr}")
            shutil.rmtree(fresh / "var/cache/apt/archives", ignore_errors=True)
            fresh.rename(home)
    return home

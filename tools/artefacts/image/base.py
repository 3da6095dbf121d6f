"""A base made on this machine, for where the real one cannot be pulled.

It is Debian 13's Python 3.13 and what that depends on, from the mirror this machine installs from,
unpacked and not configured: that takes neither root nor, for another processor, its emulation. It
shows that the image can be built and run, on another base than the one that is released: what
Alpine's musl and its Python do differently is not tried by it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tools import arm64_python
from tools.artefacts.image.databases import DPKG, DPKG_FILES
from tools.environments import ROOT, digest, locked, run

HOME = ROOT / "build/.image"
PROCESSORS = {"linux/amd64": "amd64", "linux/arm64": "arm64"}
"""Platform → what Debian calls it."""

PACKAGES = ("base-files", "python3")


def local(platform: str) -> Path:
    """Return the root file system of the local base as a tar file, made where it is not there yet.

    Raises:
        Missing: It cannot be made here; the message says what is missing.
    """
    processor = PROCESSORS[platform]
    recipe = (Path(__file__), Path(arm64_python.__file__))
    archive = HOME / f"base-{processor}-{digest(*recipe)}.tar"
    with locked(archive.with_suffix(".lock")):
        if archive.exists():
            return archive
        print(f"making a local base for {platform}, once", file=sys.stderr)
        fresh = archive.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        root = fresh / "root"
        for package in arm64_python.unpack(fresh, PACKAGES, processor):
            record(package, root)
        partial = archive.with_suffix(".partial")
        run("tar", "--owner=0", "--group=0", "--numeric-owner", "-cf", partial, "-C", root, ".")
        shutil.rmtree(fresh)
        partial.rename(archive)
    return archive


def record(package: Path, root: Path) -> None:
    """Write a package and its files into the root's database, as dpkg does when it installs one."""

    def asked(question: str, *fields: str) -> str:
        command = ["dpkg-deb", question, str(package), *fields]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    status = root / DPKG
    status.parent.mkdir(parents=True, exist_ok=True)
    with status.open("a") as out:
        out.write(f"{asked('--field').strip()}\nStatus: install ok installed\n\n")
    name = asked("--field", "Package").strip()
    # mode, owner, size, date, time, ./path, and behind a link's path where it leads
    listed = (line.split(maxsplit=5)[5] for line in asked("--contents").splitlines())
    files = (path.split(" -> ")[0].removeprefix(".").rstrip("/") or "/." for path in listed)
    folder = root / DPKG_FILES
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.list").write_text("".join(f"{path}\n" for path in files))

"""A base made on this machine, for where the real one cannot be pulled.

Debian 13 with its Python 3.13, by debootstrap, from the mirror this machine installs from. It shows
that the image can be built and run, on another base than the one that is released: what Alpine's
musl and its Python do differently is not tried by it.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tools.arm64_python import KEYRING, SUITE, debian_mirror
from tools.environments import ROOT, Missing, digest, locked, run

HOME = ROOT / "build/.image"
PROCESSORS = {"linux/amd64": "amd64", "linux/arm64": "arm64"}
"""Platform → what Debian calls it."""

SPARED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/locale", "usr/share/man")
"""What is large and nothing is taken from."""


def local(platform: str) -> Path:
    """Return the root file system of the local base as a tar file, made where it is not there yet.

    Raises:
        Missing: It cannot be made here; the message says what is missing.
    """
    processor = PROCESSORS[platform]
    archive = HOME / f"base-{processor}-{digest(Path(__file__))}.tar"
    with locked(archive.with_suffix(".lock")):
        if archive.exists():
            return archive
        if not (program := shutil.which("debootstrap", path=f"{os.environ['PATH']}:/usr/sbin")):
            raise Missing("debootstrap makes the local base (Debian: apt-get install debootstrap)")
        if os.getuid():
            raise Missing("only root can make the local base: debootstrap enters it with chroot")
        print(f"making a local base for {platform}, once", file=sys.stderr)
        fresh = archive.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        options = ("--variant=minbase", "--include=python3", f"--keyring={KEYRING}")
        run(program, f"--arch={processor}", *options, SUITE, fresh, debian_mirror())
        for path in SPARED:
            shutil.rmtree(fresh / path)
        partial = archive.with_suffix(".partial")
        run("tar", "--numeric-owner", "--one-file-system", "-cf", partial, "-C", fresh, ".")
        shutil.rmtree(fresh)
        partial.rename(archive)
    return archive

#!/usr/bin/env python3
"""Make a small Debian root file system from this machine's own mirror, once.

    python3 tools/debian_root.py forky python3     # prints where it is

debootstrap makes it, as root, with the signatures of the archive checked, and nothing but the
packages named and what Debian itself cannot do without.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.arm64_python import KEYRING, debian_mirror
from tools.environments import ROOT, Missing, digest, locked, run

HOME = ROOT / "build/debian"
SCRIPTS = Path("/usr/share/debootstrap/scripts")
LIKE = "sid"
"""Whose script makes a suite that this machine's debootstrap is too old to know."""

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "AMD64": "amd64"}
"""What machines call themselves → what Debian and images call them."""


def architecture() -> str:
    """Return this machine's architecture by Debian's name."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def missing() -> str:
    """Return why this machine can make no root, empty where it can."""
    if not shutil.which("debootstrap"):
        return "needs debootstrap"
    if os.geteuid():
        return "needs root"
    try:
        debian_mirror()
    except Missing as problem:
        return str(problem)
    return ""


def debian_root(suite: str, packages: tuple[str, ...]) -> Path:
    """Return a root file system that nobody may change, made where it is not there yet.

    Args:
        suite: For instance `trixie`.
        packages: What is in it besides the essential packages and apt.

    Raises:
        Missing: It could not be made.
    """
    if reason := missing():
        raise Missing(f"a Debian root {reason}" if reason.startswith("needs") else reason)
    made_from = digest(extra=f"{suite} {architecture()} {' '.join(packages)}")
    home = HOME / f"{suite}-{architecture()}-{made_from}"
    with locked(HOME / f".{home.name}.lock"):
        if not home.exists():
            print(f"making {home.relative_to(ROOT)}: Debian {suite}", file=sys.stderr)
            fresh = home.with_name(f"{home.name}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            script = SCRIPTS / suite
            run(
                "debootstrap",
                "--variant=minbase",
                f"--include={','.join(packages)}",
                f"--keyring={KEYRING}",
                suite,
                fresh,
                debian_mirror(),
                script if script.exists() else SCRIPTS / LIKE,
            )
            shutil.rmtree(fresh / "var/cache/apt/archives", ignore_errors=True)
            fresh.rename(home)
    return home


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suite", help="for instance trixie")
    parser.add_argument("packages", nargs="*", help="what else is in it")
    arguments = parser.parse_args()
    try:
        print(debian_root(arguments.suite, tuple(arguments.packages)))
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

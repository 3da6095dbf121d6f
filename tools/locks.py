#!/usr/bin/env python3
"""Resolve every declared dependency into its lock, or check that no lock is stale.

python3 tools/locks.py            # write the locks, keeping pins that still satisfy
python3 tools/locks.py --upgrade  # take the newest of everything
python3 tools/locks.py --check    # write nothing; fail when a lock does not match
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.environments import ROOT, SUPPORTED, Missing, child_environment, uv

LOCKS = {
    # What ships comes first: what only tests is constrained by it, never the other way round.
    "functions/requirements.txt": "functions/requirements.in",
    "client/requirements.txt": "client/pyproject.toml",
    "requirements/uv.txt": "requirements/uv.in",
    "requirements/dev.txt": "requirements/dev.in",
    "requirements/local.txt": "requirements/local.in",
    "requirements/runtime.txt": "requirements/runtime.in",
    "requirements/sam.txt": "requirements/sam.in",
    "requirements/release.txt": "requirements/release.in",
    "requirements/lint.txt": "requirements/lint.in",
    "requirements/audit.txt": "requirements/audit.in",
    "requirements/checkov.txt": "requirements/checkov.in",
    "requirements/peers.txt": "requirements/peers.in",
}
"""Lock → what declares it."""


def resolve(lock: str, output: Path, *, upgrade: bool) -> None:
    """Write to `output` what `lock` should be, preferring the pins already in it.

    Raises:
        Missing: The declarations have no solution, or the index was not reached.
    """
    source = LOCKS[lock]
    command: list[str | Path] = [
        uv(), "pip", "compile", source, "--output-file", output,
        "--universal", "--python-version", SUPPORTED[-1], "--generate-hashes",
        "--no-header", "--no-emit-index-url", "--no-emit-find-links", "--quiet",
        *(["--upgrade"] if upgrade else []),
    ]  # fmt: skip
    # Links to local wheels would make a lock that only this machine can install.
    environment = child_environment() | {"UV_FIND_LINKS": "", "UV_NO_CONFIG": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Missing(f"{source} does not resolve:\n{done.stderr.strip()}")


def stale(lock: str) -> bool:
    """Return whether resolving again would change `lock`."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "lock.txt"
        if (ROOT / lock).exists():
            shutil.copy(ROOT / lock, fresh)
        resolve(lock, fresh, upgrade=False)
        return not (ROOT / lock).exists() or fresh.read_text() != (ROOT / lock).read_text()


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true")
    what.add_argument("--upgrade", action="store_true")
    arguments = parser.parse_args()
    try:
        if arguments.check:
            behind = [lock for lock in LOCKS if stale(lock)]
            for lock in behind:
                print(
                    f"{lock} does not match {LOCKS[lock]}: run `make lock` and commit it",
                    file=sys.stderr,
                )
            return 1 if behind else 0
        for lock in LOCKS:
            resolve(lock, ROOT / lock, upgrade=arguments.upgrade)
            print(lock)
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

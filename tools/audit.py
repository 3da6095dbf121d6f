#!/usr/bin/env python3
"""Ask the advisory databases about every package in every lock.

    python3 tools/audit.py

Exit code 1: there are advisories. 2: not every package could be looked up, so that nothing is
proved. What npm has is asked about as well, where npm is installed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.environments import ROOT, Missing, child_environment, make
from tools.lint import NODE_LOCK, skip
from tools.locks import LOCKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NETWORK = "run this where the package indexes' advisories can be reached"


@dataclass(frozen=True, slots=True)
class Advisory:
    """A known weakness of a package in a lock."""

    package: str
    names: str
    cure: str

    def __str__(self) -> str:
        return f"{self.package}: {self.names}; {self.cure}"


def read_python(lock: str, report: dict[str, Any]) -> list[Advisory]:
    """Return the advisories in pip-audit's report on a lock.

    Raises:
        Missing: It skipped a package, which it says in passing and counts as no finding.
    """
    packages = report["dependencies"]
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    if skipped or not packages:
        count = f"{len(skipped)} of {len(packages)}"
        raise Missing(f"{lock}: {count} packages could not be looked up: {NETWORK}")
    return [
        Advisory(
            f"{package['name']} {package['version']}",
            ", ".join([found["id"], *found["aliases"]]),
            f"fixed in {', '.join(found['fix_versions'])}: `make lock`"
            if found["fix_versions"]
            else "no fix yet",
        )
        for package in packages
        for found in package["vulns"]
    ]


def read_node(report: dict[str, Any]) -> list[Advisory]:
    """Return the advisories in npm's report.

    Raises:
        Missing: The registry did not answer.
    """
    if "vulnerabilities" not in report:
        said = report.get("message") or "it gave no reason"
        raise Missing(f"npm's packages could not be looked up ({said}): {NETWORK}")
    return [
        Advisory(f"{name} from npm", str(found["severity"]), "raise it in requirements/node")
        for name, found in report["vulnerabilities"].items()
    ]


def asked(command: Iterable[str | Path], what: str) -> dict[str, Any]:
    """Run a program that answers in JSON and return the answer.

    Raises:
        Missing: It answered with something else; it is said in its own last words.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Missing(f"{what} could not be looked up ({last}): {NETWORK}") from None
    if not isinstance(answer, dict):
        raise Missing(f"{what} could not be looked up (no report): {NETWORK}")
    return answer


def python_packages(lock: str) -> list[Advisory]:
    """Return the advisories about what a lock pins.

    Raises:
        Missing: Not all of it could be looked up.
    """
    program = make("audit") / "bin/pip-audit"
    options = ("--format=json", "--progress-spinner=off", "--require-hashes", "--disable-pip")
    return read_python(lock, asked([program, *options, "-r", lock], lock))


def node_packages() -> list[Advisory]:
    """Return the advisories about what npm installs.

    Raises:
        Missing: It could not be looked up, or there is no npm in CI.
    """
    if not (npm := shutil.which("npm")):
        skip("what comes from npm, because npm is not installed (Debian: apt-get install npm)")
        return []
    return read_node(
        asked([npm, "audit", "--json", "--prefix", NODE_LOCK.parent], "npm's packages")
    )


def main() -> int:
    """Run the command line."""
    found: dict[Advisory, None] = {}
    unknown = []
    look_ups: list[Callable[[], list[Advisory]]] = [
        *(partial(python_packages, lock) for lock in LOCKS),
        node_packages,
    ]
    for look_up in look_ups:
        try:
            found |= dict.fromkeys(look_up())
        except Missing as problem:
            unknown.append(str(problem))
    for line in (*found, *unknown):
        print(line, file=sys.stderr)
    if not (found or unknown):
        print("no advisory is known about any package in the locks")
    return 2 if unknown else int(bool(found))


if __name__ == "__main__":
    sys.exit(main())

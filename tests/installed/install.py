"""Install a released artefact the way its users do, and print which words then start its programs.

    python -m tests.installed.install ARTEFACT --into FOLDER --lock LOCK --wheels FOLDER

A wheel goes into a virtual environment, with pip and without a network: the dependencies are those
of the lock, their hashes checked. The single file is given the names of its programs. A Debian
package is installed for the whole system. Needs the standard library alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.installed.task import COMMAND, PROGRAMS


class NotInstalled(Exception):
    """An installer failed; the message is its own."""


def run(*command: str | Path) -> None:
    """Run an installer.

    Raises:
        NotInstalled: It failed.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as problem:
        raise NotInstalled(str(problem)) from None
    if done.returncode:
        raise NotInstalled(f"{command[0]}: {(done.stdout + done.stderr).strip()}")


def wheel(artefact: Path, folder: Path, lock: Path, wheels: Path) -> dict[str, list[str]]:
    """Install into a virtual environment of its own."""
    run(sys.executable, "-m", "venv", folder)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    pip = (python, "-I", "-m", "pip", "--isolated", "--disable-pip-version-check", "install")
    offline = ("--quiet", "--no-index", "--no-cache-dir")
    run(*pip, *offline, "--find-links", wheels, "--require-hashes", "-r", lock)
    run(*pip, *offline, "--no-deps", artefact)
    run(python, "-I", "-m", "pip", "check")
    ending = ".exe" if os.name == "nt" else ""
    return {name: [str(scripts / f"{name}{ending}")] for name in PROGRAMS}


def single_file(artefact: Path, folder: Path) -> dict[str, list[str]]:
    """Put the file into a folder, under the name of each program."""
    folder.mkdir(parents=True)
    first = Path(shutil.copy(artefact, folder / COMMAND))
    first.chmod(0o755)
    for name in PROGRAMS:
        if name != COMMAND and os.name == "nt":
            shutil.copy(first, folder / name)
        elif name != COMMAND:
            (folder / name).symlink_to(first)
    start = [] if starts_us("python3") else [sys.executable]
    return {name: [*start, str(folder / name)] for name in PROGRAMS}


def starts_us(name: str) -> bool:
    """Return whether a first line that names an interpreter starts the one that runs this."""
    found = shutil.which(name) if os.name == "posix" else None
    if not found:
        return False
    code = "import os, sys; print(os.path.realpath(sys.executable))"
    alone = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [found, "-c", code], env=alone, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() == os.path.realpath(sys.executable)


def debian_package(artefact: Path) -> dict[str, list[str]]:
    """Install for the whole system; what it depends on must be there."""
    run("dpkg", "--install", artefact)
    return {name: [f"/usr/bin/{name}"] for name in PROGRAMS}


def install(artefact: Path, folder: Path, lock: Path, wheels: Path) -> dict[str, list[str]]:
    """Install an artefact; the words that start each program.

    Raises:
        NotInstalled: It could not be.
    """
    match artefact.suffix:
        case ".whl":
            return wheel(artefact, folder, lock, wheels)
        case ".pyz":
            return single_file(artefact, folder)
        case ".deb":
            return debian_package(artefact)
    raise NotInstalled(f"{artefact.name}: nobody installs this")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artefact", type=Path)
    for name in ("into", "lock", "wheels"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        programs = install(arguments.artefact, arguments.into, arguments.lock, arguments.wheels)
    except NotInstalled as problem:
        print(problem, file=sys.stderr)
        return 1
    print(json.dumps(programs))
    return 0


if __name__ == "__main__":
    sys.exit(main())

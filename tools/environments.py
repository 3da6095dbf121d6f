#!/usr/bin/env python3
"""Make one of the project's environments under `.venv`, from its locks, and print its path.

Runs on a bare Python 3.11 or newer with nothing but the standard library, in an empty process
environment. An environment is made once for each content of its locks and each interpreter; a
second call only compares a digest.

    python3 tools/environments.py dev                # .venv/dev, the newest interpreter found
    python3 tools/environments.py dev --python 3.12  # .venv/dev-3.12
    python3 tools/environments.py --interpreters     # what was found, and where
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
SUPPORTED = ("3.13", "3.12", "3.11")
"""Python versions that the client and the tests support, best first."""

FUNCTIONS_PYTHON = "3.13"
"""The functions' Python: it compiles their bytecode, and Lambda runs them with it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """One isolated set of packages.

    Attributes:
        locks: Hashed requirements files, relative to the repository.
        about: What it is for, in a few words.
    """

    locks: tuple[str, ...]
    about: str


ENVIRONMENTS = {
    "dev": Environment(
        ("functions/requirements.txt", "client/requirements.txt", "requirements/dev.txt"),
        "what ships, and the tools that check and test it",
    ),
    "client": Environment(
        ("client/requirements.txt",), "the credential helper, as its users have it"
    ),
    "vendctl": Environment(("functions/requirements.txt",), "the platform team's command"),
    "local": Environment(("requirements/local.txt",), "the embedded stack"),
    "runtime": Environment(("requirements/runtime.txt",), "the Lambda runtime loop (Linux)"),
    "sam": Environment(("requirements/sam.txt",), "the SAM command line"),
    "release": Environment(("requirements/release.txt",), "what describes and signs a release"),
    "lint": Environment(("requirements/lint.txt",), "what checks workflows and the Dockerfile"),
    "audit": Environment(("requirements/audit.txt",), "what looks the locks' packages up"),
    "checkov": Environment(("requirements/checkov.txt",), "the infrastructure scanner"),
    "peers": Environment(("requirements/peers.txt",), "what the benchmarks compare with"),
}


class Missing(Exception):
    """The machine lacks something; the message names it and the cure."""


def in_ci() -> bool:
    """Return whether this run must prove everything, so that nothing may be missing."""
    return os.environ.get("CI", "") not in {"", "0", "false"}


def interpreter_version(path: Path) -> str | None:
    """Return `3.X` of the CPython at `path`, or None when it does not run.

    A version manager's shim exists for versions that are not selected and then fails, so only an
    interpreter that answers counts; what it answers with is the real executable.
    """
    try:
        answer = subprocess.run(
            [path, "-I", "-c", "import sys; print(sys.implementation.name, *sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.fullmatch(r"cpython (\d+) (\d+)\n", answer.stdout)
    return f"{match[1]}.{match[2]}" if match else None


def candidates(version: str) -> Iterator[Path]:
    """Yield the paths where an interpreter of `version` may be, the likeliest first."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        yield Path(sys.executable)
    names = (f"python{version}", "python3", "python")
    folders = [Path(name or ".") for name in os.environ.get("PATH", os.defpath).split(os.pathsep)]
    for folder in folders:
        for name in names:
            yield folder / name
    # What a version manager has installed is there even when its shim, for want of a setting or a
    # home, does not work.
    for folder in folders:
        if folder.name == "shims":
            for found in sorted((folder.parent / "versions").glob(f"{version}*"), reverse=True):
                yield found / "bin" / f"python{version}"
    home = Path(os.environ.get("HOME") or Path.home())
    for pattern in (
        f".pyenv/versions/{version}*/bin/python{version}",
        f".local/share/uv/python/cpython-{version}*/bin/python{version}",
        f".local/bin/python{version}",
    ):
        yield from sorted(home.glob(pattern), reverse=True)
    for place in ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin", f"/opt/python{version}/bin"):
        yield Path(place) / f"python{version}"


def find_interpreter(version: str) -> Path | None:
    """Return a working CPython of `version`, or None."""
    seen: set[Path] = set()
    for path in candidates(version):
        # access() first: it says no, where is_file() fails in a folder that nobody may look into.
        if path in seen or not os.access(path, os.X_OK) or not path.is_file():
            continue
        seen.add(path)
        if interpreter_version(path) == version:
            return path
    return None


def choose_interpreter(version: str | None) -> tuple[str, Path]:
    """Return the version and path to use: the one asked for, or the best that is here.

    Raises:
        Missing: There is none; the message says what to install.
    """
    for wanted in (version,) if version else SUPPORTED:
        if path := find_interpreter(wanted):
            return wanted, path
    wanted = version or " or ".join(SUPPORTED)
    raise Missing(
        f"no working Python {wanted} was found on PATH, under ~/.pyenv/versions or in /usr.\n"
        f"Install one (Debian: apt-get install python3; pyenv: pyenv install {wanted.split()[0]}),"
        " then run the same command again."
    )


def child_environment() -> dict[str, str]:
    """Return the process environment for uv and pip: complete, and the same on every machine."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    kept.setdefault("HOME", str(Path.home()))
    kept.setdefault("PATH", os.defpath)
    return kept | {
        "UV_SYSTEM_CERTS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "UV_LINK_MODE": kept.get("UV_LINK_MODE", "hardlink"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def run(*command: str | Path, quiet: bool = True) -> None:
    """Run a command and say all it printed when it fails.

    Raises:
        Missing: It failed.
    """
    done = subprocess.run(
        [str(word) for word in command],
        env=child_environment(),
        cwd=ROOT,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        check=False,
    )
    if done.returncode:
        raise Missing(f"`{' '.join(map(str, command))}` failed:\n{(done.stdout or '').strip()}")


def has_pip() -> bool:
    """Return whether the Python that runs this has pip; Debian's may be without."""
    asked = [sys.executable, "-m", "pip", "--version"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def uv() -> Path:
    """Return the pinned uv, installing it first where it is not there yet.

    Raises:
        Missing: Neither pip nor venv nor another uv is at hand, or the index was not reached.
    """
    lock = ROOT / "requirements/uv.txt"
    home = VENV / f"uv-{digest(lock)}"
    binary = home / "bin" / ("uv.exe" if os.name == "nt" else "uv")
    if binary.exists():
        return binary
    fresh = home.with_name(f"{home.name}.{os.getpid()}")
    options = ("--require-hashes", "--target", fresh, "-r", lock)
    pip = ("install", "--quiet", "--no-deps", "--only-binary=:all:", *options)
    try:
        if has_pip():
            run(sys.executable, "-m", "pip", *pip)
        elif found := shutil.which("uv"):
            run(found, "pip", "install", "--quiet", "--python", sys.executable, *options)
        else:
            run(sys.executable, "-m", "venv", f"{fresh}-pip")
            run(Path(f"{fresh}-pip") / "bin/python", "-m", "pip", *pip)
        with suppress(OSError):  # another process was first
            fresh.rename(home)
    except Missing as problem:
        raise Missing(
            f"uv could not be installed with {sys.executable}.\n{problem}\n"
            "It takes pip, or the venv module (Debian: apt-get install python3-venv), and a way to "
            "the package index."
        ) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(f"{fresh}-pip", ignore_errors=True)
    return binary


def digest(*files: Path, extra: str = "") -> str:
    """Return a short digest of the files' bytes."""
    total = hashlib.sha256(extra.encode())
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()[:16]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, so that two `make` at once do not build one environment twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as held:
        if os.name != "nt":
            import fcntl  # noqa: PLC0415  POSIX only

            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def make(name: str, version: str | None = None) -> Path:
    """Return the folder of environment `name`, made or renewed when its locks have changed.

    Raises:
        Missing: See the message.
    """
    environment = ENVIRONMENTS[name]
    home = VENV / (f"{name}-{version}" if version else name)
    stamp = home / "made-from"
    locks = [ROOT / lock for lock in environment.locks]
    if not version and stamp.exists() and stamp.read_text().startswith(digest(*locks) + " "):
        return home
    chosen, interpreter = choose_interpreter(version)
    made_from = f"{digest(*locks)} {chosen} {interpreter}"
    with locked(VENV / f".{home.name}.lock"):
        if stamp.exists() and stamp.read_text() == made_from:
            return home
        print(
            f"making {home.relative_to(ROOT)}: {environment.about} (Python {chosen})",
            file=sys.stderr,
        )
        installer = uv()
        shutil.rmtree(home, ignore_errors=True)
        run(installer, "venv", "--quiet", "--no-project", "--python", interpreter, home)
        for lock in locks:
            run(
                installer,
                "pip",
                "install",
                "--quiet",
                "--python",
                home,
                "--require-hashes",
                "--no-deps",
                "-r",
                lock,
            )
        run(installer, "pip", "check", "--quiet", "--python", home)
        stamp.write_text(made_from)
    return home


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", choices=ENVIRONMENTS)
    parser.add_argument(
        "--python", metavar="3.X", help="make it for this version, in a folder of its own"
    )
    parser.add_argument(
        "--supported", action="store_true", help="print the supported versions as JSON"
    )
    parser.add_argument(
        "--interpreters", action="store_true", help="print the supported interpreters found"
    )
    arguments = parser.parse_args()
    try:
        if arguments.supported:
            print(json.dumps(SUPPORTED))
        elif arguments.interpreters:
            for version in SUPPORTED:
                print(version, find_interpreter(version) or "missing")
        elif arguments.name:
            print(make(arguments.name, arguments.python))
        else:
            parser.error("name an environment")
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Find or fetch the functions' Python for arm64, so that their bundle can be tried before it ships.

On an arm64 machine it is the one that is installed. Elsewhere qemu-user runs the one of Debian 13,
unpacked into `build/` from this machine's own Debian mirror and checked by apt's signatures; no
root, and nothing of the system is touched. It is emulated: starting it takes seconds, not
milliseconds.

    python3 tools/arm64_python.py -c 'import platform; print(platform.machine())'
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.environments import (
    FUNCTIONS_PYTHON,
    ROOT,
    Missing,
    child_environment,
    find_interpreter,
    locked,
    run,
)

HOME = ROOT / "build/.arm64-python"
SUITE = "trixie"
PACKAGES = (f"python{FUNCTIONS_PYTHON}-minimal", f"libpython{FUNCTIONS_PYTHON}-stdlib")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def debian_mirror() -> str:
    """Return the address of the Debian mirror this machine installs from.

    Raises:
        Missing: It is not a Debian machine.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb") and KEYRING.exists()):
        raise Missing("the arm64 Python comes from Debian's packages, and this is not Debian")
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)"],
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    for line in listed.stdout.splitlines():
        if line.startswith("Debian Debian "):
            return line.split()[2]
    raise Missing("apt knows no Debian mirror yet: run `apt-get update`, then this again")


def unpack(folder: Path, packages: tuple[str, ...], processor: str) -> list[Path]:
    """Fetch packages with a private state of apt, and unpack them as a root file system.

    Args:
        folder: Made; the file system is its `root`.
        packages: What is installed, with all that it depends on.
        processor: As Debian calls it.

    Returns:
        The packages' files.

    Raises:
        Missing: The mirror was not reached, or does not have them.
    """
    for part in ("lists/partial", "cache/archives/partial", "root/usr/lib"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(
        f"deb [signed-by={KEYRING}] {debian_mirror()} {SUITE} main\n"
    )
    settings = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Architecture": processor,
        "APT::Architectures": processor,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    run(*apt, "update")
    run(*apt, "--download-only", "--yes", "install", *packages)
    fetched = sorted((folder / "cache/archives").glob("*.deb"))
    for package in fetched:
        run("dpkg-deb", "--extract", package, folder / "root")
    return fetched


def arm64_python() -> list[str]:
    """Return the words of a command that runs an arm64 CPython of the functions' version.

    Raises:
        Missing: It cannot be had on this machine; the message says what is missing.
    """
    if platform.machine() in {"aarch64", "arm64"} and sys.platform == "linux":
        if native := find_interpreter(FUNCTIONS_PYTHON):
            return [str(native)]
        raise Missing(f"no Python {FUNCTIONS_PYTHON} was found (pyenv install {FUNCTIONS_PYTHON})")
    emulator = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if not emulator:
        raise Missing("qemu-aarch64 is not installed (Debian: apt-get install qemu-user)")
    with locked(HOME.with_name(f"{HOME.name}.lock")):
        if not HOME.exists():
            fresh = HOME.with_name(f"{HOME.name}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            unpack(fresh, PACKAGES, "arm64")
            # Debian's programs look for the loader in /lib, which its base-files makes a link.
            (fresh / "root/lib").symlink_to("usr/lib")
            (fresh / "root").rename(HOME)
            shutil.rmtree(fresh)
    return [emulator, "-L", str(HOME), str(HOME / f"usr/bin/python{FUNCTIONS_PYTHON}")]


def main() -> int:
    """Run that Python with the given arguments."""
    try:
        words = arm64_python()
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    return subprocess.call([*words, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())

"""Assemble the image's root file system from the base that this runs in, and try it.

    python3 -m tools.artefacts.image.root CLIENT ROOT

The base is any Linux with a Python: its interpreter and standard library are taken, the shared
libraries that these load, and nothing else. There is no shell, and nothing is setuid or writable.
The same base and client give the same files.
"""

from __future__ import annotations

import ctypes
import fnmatch
import os
import platform
import shutil
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

from tools.artefacts.image import databases

USER = 65532
"""Nobody special: the number that images without a root user commonly have."""

CLIENT = Path("usr/lib/ecr-vend")
PROGRAMS = {
    "ecr-vend": "ecr_vend.command_line",
    "docker-credential-ecr-vend": "ecr_vend.dialects.docker",
    "ecr-vend-credential-provider": "ecr_vend.dialects.kubelet",
}
"""Program under `/usr/bin` → the module it runs."""

# Isolated and without site: no variable and no folder puts another module in the place of ours.
LAUNCHER = """#!{python} -IS
import sys
sys.path.insert(0, "/{client}")
from {module} import main
main()
"""

DROPPED = (
    # Installers, tests, documentation and what needs a screen or a terminal.
    "*-packages", "ensurepip", "venv", "test", "tests", "idlelib", "tkinter", "turtle*", "lib2to3",
    "pydoc*", "doctest.py", "unittest", "pdb.py", "cProfile.py", "profile.py", "pstats.py",
    "_pyrepl", "curses", "config-*", "EXTERNALLY-MANAGED", "sitecustomize.py", "*.a",
    # Databases, none of which the client keeps.
    "sqlite3", "dbm",
    # The extension modules of all these.
    "_test*", "_xxtest*", "_ctypes_test*", "xx*", "_tkinter*", "readline*", "_curses*", "_sqlite3*",
    "_dbm*", "_gdbm*",
    # Compiled anew.
    "__pycache__",
)  # fmt: skip
"""Names in the standard library that are left out wherever they occur."""

ETC = {
    "passwd": f"ecr-vend:x:{USER}:{USER}:ecr-vend:/home/ecr-vend:/nonexistent\n",
    "group": f"ecr-vend:x:{USER}:\n",
    # What `docker run --add-host` and Kubernetes' hostAliases write must come before DNS.
    "nsswitch.conf": "hosts: files dns\n",
}

RELEASES = ("os-release", "alpine-release", "debian_version")
"""Where scanners read which distribution the files are from."""

TRIED = """
import importlib, pathlib, sys
sys.path.insert(0, "/{client}")
for path in sorted(pathlib.Path("/{client}/ecr_vend").rglob("*.py")):
    parts = path.relative_to("/{client}").with_suffix("").parts
    importlib.import_module(".".join(parts).removesuffix(".__init__"))
import botocore.session, certifi, httpx, ssl
ssl.create_default_context(cafile=certifi.where())
"""


def put(root: Path, path: Path) -> None:
    """Copy a file of the base to its place under `root`, with every link on the way to it."""
    at = Path("/")
    parts = path.parts[1:]
    for position, part in enumerate(parts, 1):
        at /= part
        inside = root / at.relative_to("/")
        if at.is_symlink():
            target = Path(os.path.normpath(at.parent / at.readlink()))
            inside.parent.mkdir(parents=True, exist_ok=True)
            if not inside.is_symlink():
                inside.symlink_to(at.readlink())
            put(root, target.joinpath(*parts[position:]))
            return
    inside.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(at, inside)
    shutil.copymode(at, inside)


def standard_library(root: Path) -> list[Path]:
    """Copy what is kept of the standard library; the base's extension modules among that."""

    def dropped(_: str, names: list[str]) -> set[str]:
        return {name for name in names if any(fnmatch.fnmatchcase(name, one) for one in DROPPED)}

    library = Path(sysconfig.get_path("stdlib"))
    copied = root / library.relative_to("/")
    shutil.copytree(library, copied, ignore=dropped)
    return sorted(library / path.relative_to(copied) for path in copied.rglob("*.so"))


def libraries(extensions: list[Path]) -> list[Path]:
    """Return the shared libraries that this interpreter has with all of `extensions` loaded.

    Asked of the kernel: what a library needs in turn, and where the loader finds it, differs
    between C libraries.
    """
    for path in extensions:
        ctypes.CDLL(str(path))
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL("libgcc_s.so.1")  # glibc loads it when a thread ends, or else aborts
    lines = Path("/proc/self/maps").read_text().splitlines()
    mapped = {line.split(maxsplit=5)[-1] for line in lines}
    loaded = {Path(path) for path in mapped if path.startswith("/") and ".so" in Path(path).name}
    return sorted(loaded - set(extensions))


def loader(program: Path) -> Path | None:
    """Return the path under which a 64-bit program asks for its loader, None where it is static."""
    content = program.read_bytes()
    (offset,) = struct.unpack_from("<Q", content, 0x20)
    size, count = struct.unpack_from("<HH", content, 0x36)
    for header in range(offset, offset + size * count, size):
        (kind,) = struct.unpack_from("<I", content, header)
        if kind == 3:  # PT_INTERP
            (start,) = struct.unpack_from("<Q", content, header + 8)
            return Path(content[start : content.index(b"\0", start)].decode())
    return None


def interpreter(root: Path) -> Path:
    """Copy Python and all it loads; its path."""
    python = Path(sys.executable).resolve()
    put(root, python)
    if asked := loader(python):
        put(root, asked)
    for library in libraries(standard_library(root)):
        put(root, library)
        for link in library.parent.glob("*.so*"):
            if link.is_symlink() and link.resolve() == library:
                put(root, link)
    return python


def programs(root: Path, client: Path, python: Path) -> None:
    """Copy the client as it is, and write what starts each of its programs."""
    shutil.copytree(client, root / CLIENT)
    (root / "usr/bin").mkdir(parents=True, exist_ok=True)
    for name, module in PROGRAMS.items():
        text = LAUNCHER.format(python=python, client=CLIENT, module=module)
        (root / "usr/bin" / name).write_text(text)
        (root / "usr/bin" / name).chmod(0o755)


def compiled(root: Path, python: Path) -> None:
    """Compile all modules, in a way that repeats exactly and that no time stamp makes stale."""
    options = ("-q", "-f", "-j", "1", "-s", root, "-p", "/", "--invalidation-mode")
    subprocess.run(
        [python, "-S", "-m", "compileall", *options, "unchecked-hash", root],
        env={"PYTHONHASHSEED": "0"},
        check=True,
    )


def described(root: Path) -> None:
    """Write the user, and copy what tells the distribution and the packages that files are from."""
    for name, text in ETC.items():
        (root / "etc").mkdir(exist_ok=True)
        (root / "etc" / name).write_text(text)
    (root / "home/ecr-vend").mkdir(parents=True)
    for name in RELEASES:
        if (release := Path("/etc") / name).exists():
            put(root, release)
    packages = databases.installed(Path("/"))
    owner = {path: package.name for package in packages for path in package.files}
    for name in {owner[path] for path in _paths(root) if path in owner}:
        if (notice := Path("/usr/share/doc") / name / "copyright").exists():
            put(root, notice)
    databases.carry(packages, _paths(root), root)


def _paths(root: Path) -> list[str]:
    """Return the paths of all files and links under `root`, in one order everywhere."""
    found = (path for path in root.rglob("*") if path.is_symlink() or path.is_file())
    return sorted(path.relative_to(root).as_posix() for path in found)


def settle(root: Path) -> None:
    """Leave nothing writable or setuid, whatever it was in the base and whichever the umask.

    Only programs can be run, and libraries, since the kernel runs the loader among them.
    """
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            program = path.parent.name == "bin" or ".so" in path.name
            runs = path.is_dir() or (program and path.stat().st_mode & 0o100)
            path.chmod(0o755 if runs else 0o644)


def tried(root: Path, python: Path) -> None:
    """Run the programs' modules and a program in `root`, as the user that the image has."""

    def enter() -> None:
        os.chroot(root)
        os.chdir("/")
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)

    imports: list[str | Path] = [python, "-IS", "-c", TRIED.format(client=CLIENT)]
    for command in (imports, ["/usr/bin/ecr-vend", "version"]):
        subprocess.run(command, env={}, preexec_fn=enter, check=True)


def main() -> None:
    """Run the command line."""
    client, root = (Path(word).absolute() for word in sys.argv[1:])
    root.mkdir()
    python = interpreter(root)
    programs(root, client, python)
    compiled(root, python)
    described(root)
    settle(root)
    tried(root, python)


if __name__ == "__main__":
    main()

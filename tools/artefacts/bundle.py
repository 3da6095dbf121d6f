#!/usr/bin/env python3
"""Build the functions' bundle: our packages, their locked dependencies, and bytecode.

Two targets from one lock and one set of rules (`bundle_rules.py`):

    bundle.py lambda   # build/lambda and build/lambda.zip, for arm64 and Lambda's Python
    bundle.py host     # build/host, for the embedded stack and this machine

Only the first is ever released. A bundle is named by the content of all that it is made from, so
an unchanged one is not built again. The same content gives the same bytes, on any machine whose
FUNCTIONS_PYTHON compiles and compresses alike. Runs on the standard library, in an empty process
environment. Prints the folder that was built.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.artefacts.archives import files, write_zip
from tools.artefacts.bundle_rules import RELEASE, SOURCES, kept, shipped
from tools.environments import (
    FUNCTIONS_PYTHON,
    ROOT,
    Missing,
    child_environment,
    digest,
    find_interpreter,
    locked,
    make,
    run,
    uv,
)
from tools.release.version import module

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILD = ROOT / "build"
LOCK = ROOT / "functions/requirements.txt"
RULES = (ROOT / "tools/artefacts/bundle.py", ROOT / "tools/artefacts/bundle_rules.py")
EPOCH = 315532800
"""1980-01-01T00:00:00Z, the oldest time a zip file can hold: the time of every file in a bundle."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a bundle is built for.

    Attributes:
        name: `lambda` or `host`.
        interpreter: The Python that compiles the bytecode, of the version that will run it.
        options: What tells uv which wheels to choose.
    """

    name: str
    interpreter: Path
    options: tuple[str, ...]

    def identity(self) -> str:
        """Return what a build depends on besides its files: the Python and the platform."""
        code = "import sys, sysconfig; print(sys.version, sysconfig.get_platform())"
        answer = subprocess.run(
            [self.interpreter, "-I", "-c", code], capture_output=True, text=True, check=True
        )
        return f"{answer.stdout}{self.options}"


def lambda_target() -> Target:
    """Return Lambda's runtime on arm64: Amazon Linux 2023, which has glibc 2.34.

    Raises:
        Missing: No Python of the functions' version is at hand.
    """
    wanted = FUNCTIONS_PYTHON
    interpreter = find_interpreter(wanted)
    if not interpreter:
        raise Missing(
            f"The Lambda bundle carries bytecode of Python {wanted}, and no working Python "
            f"{wanted} was found on PATH, under ~/.pyenv/versions or in /usr.\n"
            f"Install one (pyenv install {wanted}, or uv python install {wanted}), then run this "
            "again."
        )
    platform = ("--python-platform", "aarch64-manylinux_2_34", "--python-version", wanted)
    return Target("lambda", interpreter, platform)


def host_target() -> Target:
    """Return this machine, and the interpreter of the embedded stack, which runs the functions.

    Raises:
        Missing: That environment could not be made.
    """
    home = make("local")
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return Target("host", python, ("--python", str(python)))


TARGETS = {"lambda": lambda_target, "host": host_target}


def source_files(functions: Path) -> Iterator[tuple[str, Path]]:
    """Yield what ships of our own packages."""
    for package in SOURCES:
        for name, path in files(functions / package):
            if kept(f"{package}/{name}"):
                yield f"{package}/{name}", path


def write(folder: Path, name: str, content: bytes) -> None:
    """Write one file of a bundle."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def compile_all(folder: Path, interpreter: Path) -> None:
    """Compile every module under `folder` with unchecked hashes, in a way that repeats exactly.

    Unchecked, because the time stamps of unpacked files differ from those of the build, and
    bytecode that is found stale is compiled anew at every cold start. One process and a fixed hash
    seed, because both show in the bytes.

    Raises:
        Missing: A module does not compile.
    """
    kept = {key: value for key, value in child_environment().items() if key[:6] != "PYTHON"}
    options = ("-q", "-f", "-j", "1", "-s", folder, "--invalidation-mode", "unchecked-hash")
    done = subprocess.run(
        [interpreter, "-s", "-m", "compileall", *options, folder],
        env=kept | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Missing(f"the bundle does not compile:\n{done.stdout}{done.stderr}".strip())


def dependencies(target: Target, identity: str) -> Path:
    """Return the folder of trimmed and compiled dependencies, built where it is not there yet.

    They are kept apart from our own code, because they take seconds and rarely change.

    Raises:
        Missing: A wheel for the target does not exist, or the index was not reached.
    """
    home = BUILD / ".dependencies" / f"{target.name}-{digest(LOCK, *RULES, extra=identity)}"
    if home.exists():
        return home
    raw, fresh = (home.with_name(f"{home.name}.{part}") for part in ("raw", "fresh"))
    for left in home.parent.glob(f"{target.name}-*"):  # of other contents, or of a build that died
        shutil.rmtree(left)
    locked_only = ("--only-binary", ":all:", "--require-hashes", "--no-deps", "-r", LOCK)
    run(uv(), "pip", "install", "--quiet", "--target", raw, *target.options, *locked_only)
    for name, path in files(raw):
        if kept(name):
            write(fresh, *shipped(name, path.read_bytes()))
    shutil.rmtree(raw)
    compile_all(fresh, target.interpreter)
    fresh.rename(home)
    return home


def settle(folder: Path) -> None:
    """Give every file and folder the one time and mode that all bundles have."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def replace(old: Path, new: Path) -> None:
    """Put the folder `new` in the place of `old`, which is whole at every moment but one."""
    away = old.with_name(f".{old.name}.old")
    shutil.rmtree(away, ignore_errors=True)
    if old.exists():
        old.rename(away)
    new.rename(old)
    shutil.rmtree(away, ignore_errors=True)


def build(name: str, out: Path | None = None, *, functions: Path = ROOT / "functions") -> Path:
    """Return the folder of an up-to-date bundle, built where it was not.

    Args:
        name: `lambda` or `host`.
        out: Where to build it; `build/NAME` by default.
        functions: Where our packages are.

    Raises:
        Missing: See the message.
    """
    out = (out or BUILD / name).absolute()
    with locked(BUILD / ".bundle.lock"):
        target = TARGETS[name]()
        identity = target.identity()
        sources = list(source_files(functions))
        release = module()
        listing = "".join(f"\n{inside} {digest(path)}" for inside, path in sources) + release
        content = digest(LOCK, *RULES, extra=f"{identity}{listing}")
        # Beside the bundle, not in it: the content names paths of this machine.
        stamp = out.with_name(f".{out.name}.made-from")
        if out.exists() and stamp.exists() and stamp.read_text() == content:
            return out
        print(f"building the {name} bundle in {out}", file=sys.stderr)
        fresh = out.with_name(f".{out.name}.new")
        ours = out.with_name(f".{out.name}.ours")
        for left in (fresh, ours):
            shutil.rmtree(left, ignore_errors=True)
        stamp.unlink(missing_ok=True)
        for inside, path in sources:
            write(ours, inside, path.read_bytes())
        write(ours, RELEASE, release.encode())
        compile_all(ours, target.interpreter)
        shutil.copytree(dependencies(target, identity), fresh)
        shutil.copytree(ours, fresh, dirs_exist_ok=True)
        shutil.rmtree(ours)
        settle(fresh)
        replace(out, fresh)
        stamp.write_text(content)
    return out


def pack(folder: Path) -> Path:
    """Return `FOLDER.zip`, written with sorted names, one time and one mode."""
    archive = folder.with_name(f"{folder.name}.zip")
    write_zip(folder, archive)
    return archive


def megabytes(*paths: Path) -> str:
    """Return the size of the files together, for people."""
    return f"{sum(path.stat().st_size for path in paths) / 1e6:.1f} MB"


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--out", type=Path, help="the folder to build; build/TARGET if not given")
    parser.add_argument("--unpacked", action="store_true", help="build the folder alone, no zip")
    arguments = parser.parse_args()
    try:
        folder = build(arguments.target, arguments.out)
        print(folder)
        if arguments.target == "lambda" and not arguments.unpacked:
            unpacked = [path for _, path in files(folder)]
            archive = pack(folder)
            print(archive)
            print(f"{megabytes(archive)} zipped, {megabytes(*unpacked)} unpacked", file=sys.stderr)
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

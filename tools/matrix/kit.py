"""What a trial takes along, in one folder: artefacts, dependencies, the trial, and no source.

The folder is what a container or another root sees of this machine, so nothing in it is of the
checkout but `tests/installed`, `tests/vectors` and the client's lock.
"""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from tools.artefacts.archives import ar_members
from tools.environments import ROOT, Missing, digest, run
from tools.release import dist

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILD = ROOT / "build/matrix"
LOCK = ROOT / "client/requirements.txt"
TRIAL = ("tests/installed", "tests/vectors", "tests/client")
"""What of the tests is in it; of `tests/client` the one fake that needs nothing else."""

ENDINGS = {"wheel": "-any.whl", "pyz": ".pyz", "deb": ".deb"}
RELEASE = "ecr_vend/release.json"


@dataclass(frozen=True, slots=True)
class Kit:
    """The folder.

    Attributes:
        folder: Where it is on this machine.
        artefacts: Kind of artefact → its file in the folder.
    """

    folder: Path
    artefacts: dict[str, Path]

    def expected(self, kind: str) -> dict[str, str]:
        """Return what the program must say that a kind of artefact installs.

        Raises:
            Missing: The artefact does not say what it was built from.
        """
        file = self.artefacts[kind]
        said = json.loads(inside(file))
        return {"version": self.version, "commit": said["commit"], "build": said["build"]}

    @property
    def version(self) -> str:
        """The version that the artefacts are of, by the wheel's name."""
        return self.artefacts["wheel"].name.split("-")[1]


def inside(artefact: Path) -> str:
    """Return the document in an artefact that says what was built from which commit.

    Raises:
        Missing: There is none.
    """
    if artefact.suffix == ".deb":
        data = BytesIO(ar_members(artefact.read_bytes())["data.tar"])
        with tarfile.open(fileobj=data) as packed:
            for member in packed:
                if member.name.endswith(f"/{RELEASE}") and (opened := packed.extractfile(member)):
                    return opened.read().decode()
        raise Missing(f"{artefact.name} has no {RELEASE}")
    with zipfile.ZipFile(artefact) as zipped:
        return zipped.read(RELEASE).decode()


def released(folder: Path) -> dict[str, Path]:
    """Return the artefacts in a folder by kind, which is built first where it is not there.

    Raises:
        Missing: They could not be built, or some are not there.
    """
    if not folder.exists():
        if folder != ROOT / "dist":
            raise Missing(f"{folder} is not there: name a folder that `make dist` built")
        dist.build(folder)
    found: dict[str, Path] = {}
    for kind, ending in ENDINGS.items():
        named = [path for path in folder.iterdir() if path.name.endswith(ending)]
        if len(named) > 1:
            raise Missing(f"{folder} has several of *{ending}: {[path.name for path in named]}")
        if named:
            found[kind] = named[0]
    if lacking := {"wheel", "pyz"} - set(found):
        raise Missing(f"{folder} has no {' and no '.join(sorted(lacking))}: build it (make dist)")
    if sys.platform == "win32":
        wheels = sorted(folder.glob(f"*-win_{architecture_of_windows()}.whl"))
        found["wheel"] = wheels[0] if wheels else found["wheel"]
    return found


def architecture_of_windows() -> str:
    """Return this machine's architecture as a wheel's name has it."""
    import platform  # noqa: PLC0415 only there

    return platform.machine().lower()


@contextmanager
def packed(folder: Path) -> Iterator[Kit]:
    """Have the folder within a block, made from what was released.

    Args:
        folder: Of the artefacts.

    Raises:
        Missing: See the message.
    """
    artefacts = released(folder)
    wheels = dependencies()
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kit-", dir=BUILD) as made:
        yield filled(Path(made), artefacts, wheels)


def filled(kit: Path, artefacts: dict[str, Path], wheels: Path) -> Kit:
    """Fill an empty folder, which all users can then read."""
    for part in TRIAL:
        shutil.copytree(ROOT / part, kit / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(LOCK, kit / "lock.txt")
    shutil.copytree(wheels, kit / "wheels")
    (kit / "dist").mkdir()
    taken = {kind: Path(shutil.copy(path, kit / "dist")) for kind, path in artefacts.items()}
    for path in (kit, *kit.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    return Kit(kit, taken)


def dependencies() -> Path:
    """Return a folder with the client's locked dependencies, fetched once for each lock.

    Raises:
        Missing: They were not to be had.
    """
    home = BUILD / f"wheels-{digest(LOCK)}"
    if home.exists():
        return home
    with tempfile.TemporaryDirectory() as scratch:
        venv, fresh = Path(scratch) / "venv", Path(scratch) / "wheels"
        python = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        wanted = ("--only-binary", ":all:", "--require-hashes", "--no-deps", "-r", LOCK)
        try:
            run(sys.executable, "-m", "venv", venv)
            run(python, "-m", "pip", "download", "--quiet", "--dest", fresh, *wanted)
        except Missing as problem:
            raise Missing(f"the client's dependencies were not fetched:\n{problem}") from None
        home.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(fresh, home)
    return home

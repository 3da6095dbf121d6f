"""The cells of the matrix: system, architecture and Python, of `tests/installed/systems.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from tools.environments import ROOT, SUPPORTED, Missing

if TYPE_CHECKING:
    from pathlib import Path

LIST = ROOT / "tests/installed/systems.toml"
ON_GITHUB = frozenset({"native", "container"})
"""The kinds of cells that a workflow runs; the others show the same where no image can be had."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One system, architecture and Python.

    Attributes:
        name: `SYSTEM-PYTHON-ARCHITECTURE`.
        system: Its system's name.
        kind: `native`, `container`, `root` or `emulated`; see `places`.
        os: `linux`, `macos` or `windows`.
        architecture: `amd64` or `arm64`.
        python: For instance `3.14`.
        get: How Python comes there.
        artefacts: What is installed, of `wheel`, `pyz` and `deb`.
        image: Of a container.
        suite: Of a Debian root.
        runner: GitHub's runner for it; empty where none runs it.
    """

    name: str
    system: str
    kind: str
    os: str
    architecture: str
    python: str
    get: str
    artefacts: tuple[str, ...]
    image: str
    suite: str
    runner: str


def cells(file: Path = LIST) -> list[Cell]:
    """Return every cell, in the list's order."""
    listed = tomllib.loads(file.read_text(encoding="utf-8"))
    return [
        cell(system, architecture, python, listed["runners"])
        for system in listed["system"]
        for architecture in system["architectures"]
        for python in system["pythons"]
    ]


def cell(system: dict[str, Any], architecture: str, python: str, runners: dict[str, Any]) -> Cell:
    """Return one cell of a system."""
    how = system["pythons"][python]
    return Cell(
        name=f"{system['name']}-{python}-{architecture}",
        system=system["name"],
        kind=system["kind"],
        os=system["os"],
        architecture=architecture,
        python=python,
        get=how["get"],
        artefacts=tuple(how.get("artefacts", system["artefacts"])),
        image=how.get("image", system.get("image", "")),
        suite=system.get("suite", ""),
        runner=runners[system["os"]][architecture] if system["kind"] in ON_GITHUB else "",
    )


def matching(pattern: str) -> list[Cell]:
    """Return the cells whose names a pattern of the shell's fits.

    Raises:
        Missing: It fits none.
    """
    if found := [cell for cell in cells() if fnmatchcase(cell.name, pattern)]:
        return found
    raise Missing(f"no cell is called {pattern}; --list names them all")


def for_workflows() -> list[dict[str, str]]:
    """Return what a workflow's `matrix` is made of: the cells that a runner of GitHub has."""
    return [
        {
            "name": found.name,
            "runner": found.runner,
            "kind": found.kind,
            "python": found.python,
            # What the runner itself must have; the cell's own Python where it is the runner's.
            "setup-python": found.python if found.kind == "native" else SUPPORTED[0],
        }
        for found in cells()
        if found.runner
    ]

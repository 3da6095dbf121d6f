"""What differs where the client and all it needs is `ecr-vend.pyz`, as it is or unpacked.

A distribution's package and the container image unpack it into a folder, which Python then runs in
the file's place.
"""

from __future__ import annotations

import sys
from pathlib import Path

MODULE = "-m"
"""In front of the module that the file is to run in the place of the program it is named after."""


def archive() -> str | None:
    """Return the path of the file that this module is in, None where it is a file of its own."""
    found = getattr(__spec__.loader, "archive", None)
    return str(found) if found else None


def program() -> str | None:
    """Return the file, or the folder it was unpacked into; None where our package is installed."""
    if file := archive():
        return file
    folder = Path(__file__).parents[1]
    return str(folder) if (folder / "__main__.py").exists() else None


def command(module: str, *options: str) -> list[str]:
    """Return the words that run a module of ours in another process.

    Args:
        module: Its name; the file knows those that `tools/artefacts/pyz.py` lists.
        options: Options of Python.
    """
    if found := program():
        return [sys.executable, *options, found, MODULE, module]
    return [sys.executable, *options, "-m", module]

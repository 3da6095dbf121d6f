"""What differs where the whole client is one file, `ecr-vend.pyz`, that nothing unpacks."""

from __future__ import annotations

import sys

MODULE = "-m"
"""In front of the module that the file is to run in the place of the program it is named after."""


def archive() -> str | None:
    """Return the path of the file that this module is in, None where it is a file of its own."""
    found = getattr(__spec__.loader, "archive", None)
    return str(found) if found else None


def command(module: str, *options: str) -> list[str]:
    """Return the words that run a module of ours in another process.

    Args:
        module: Its name; the file knows those that `tools/pyz.py` lists.
        options: Options of Python.
    """
    if file := archive():
        return [sys.executable, *options, file, MODULE, module]
    return [sys.executable, *options, "-m", module]

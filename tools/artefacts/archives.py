"""Archives whose bytes depend on nothing but what is in them."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLDEST = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip file can hold: that of every file in ours."""


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the path inside `folder` and the place of every file, in one order everywhere."""
    found = (path for path in folder.rglob("*") if path.is_file())
    yield from sorted((path.relative_to(folder).as_posix(), path) for path in found)


def write_zip(folder: Path, archive: Path, *, head: bytes = b"", mode: int = 0o644) -> None:
    """Write all files under `folder` with sorted names, one time and one mode.

    Args:
        folder: What is put in.
        archive: The file, replaced as a whole.
        head: What stands before the first file, for instance a `#!` line.
        mode: The file's own mode.
    """
    fresh = archive.with_name(f".{archive.name}.{os.getpid()}")
    with fresh.open("wb") as out:
        out.write(head)
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
            for name, path in files(folder):
                entry = zipfile.ZipInfo(name, OLDEST)
                entry.create_system = 3  # Unix, whose modes these are, wherever it is built
                entry.external_attr = 0o100644 << 16
                zipped.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    fresh.chmod(mode)
    fresh.replace(archive)

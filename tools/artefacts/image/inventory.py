"""What an image has inside, asked of the image itself."""

from __future__ import annotations

import re
import tarfile
from typing import TYPE_CHECKING

from tools.artefacts.image import layout
from tools.artefacts.image.root import CLIENT

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = ("usr/lib", "usr/bin", "usr/local/lib", "usr/local/bin")
"""Where the interpreter may be."""

VERSION = re.compile(rb"\0(3\.[0-9]+\.[0-9]+[a-z0-9]*)\+?\0")


def root_file_system(image: Path, manifest: str, folder: Path) -> Path:
    """Unpack an image's layers, as the user who runs this, and return the folder."""
    for layer in layout.layers(image, manifest):
        with tarfile.open(layer) as packed:
            packed.extraction_filter = getattr(tarfile, "tar_filter", lambda member, _: member)
            packed.extractall(folder)  # noqa: S202 Python before 3.11.4 has no filters
    return folder


def system(root: Path) -> dict[str, str]:
    """Return what os-release says: https://www.freedesktop.org/software/systemd/man/os-release.html."""
    text = (root / "etc/os-release").read_text()
    return dict(re.findall(r'^([A-Z_]+)="?(.*?)"?$', text, re.MULTILINE))


def metadata(root: Path) -> list[Path]:
    """Return the METADATA of each Python package."""
    return sorted((root / CLIENT).glob("*.dist-info/METADATA"))


def python(root: Path) -> str:
    """Return the version of Python as the interpreter's own code has it.

    The programs cannot be run here, since they may be another processor's, and no file names it.

    Raises:
        ValueError: There is none.
    """
    for folder in PYTHON:
        for path in sorted((root / folder).glob("*python3.*")):
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            if found := VERSION.search(content):
                return found[1].decode()
    raise ValueError("there is no Python in the image")

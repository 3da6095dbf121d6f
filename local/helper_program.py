"""Puts the real `docker-credential-ecr-vend` of this checkout on a private path.

It is installed as an editable install would be: its front stands in the client's own environment,
beside the Python that it starts, and the package is found in `client/src`.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from local.process import ROOT
from tools.environments import make

if TYPE_CHECKING:
    from pathlib import Path

NAME = "docker-credential-ecr-vend"


def install_helper(folder: Path) -> Path:
    """Make `folder` with the helper in it, and return it.

    Raises:
        Missing: The client's environment could not be made.
    """
    home = make("client")
    packages = next(home.glob("lib/python3.*/site-packages"))
    replace(packages / "ecr_vend.pth", f"{ROOT / 'client/src'}\n")
    front = home / "bin" / NAME
    replace(front, (ROOT / "client/front" / NAME).read_text())
    front.chmod(0o755)
    folder.mkdir()
    (folder / NAME).symlink_to(front)
    return folder


def replace(file: Path, text: str) -> None:
    """Give a file its text, unless it has it, in one step: another stack may be reading it."""
    if file.exists() and file.read_text() == text:
        return
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_text(text)
    if file.exists():
        shutil.copymode(file, fresh)
    fresh.replace(file)

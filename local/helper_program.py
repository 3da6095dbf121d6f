"""Puts the real client of this checkout on a private path: the helper, and `ecr-vend`.

It is installed as an editable install would be: the helper's front stands in the client's own
environment, beside the Python that it starts, and the package is found in `client/src`.
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
COMMAND = "ecr-vend"


def install_client(folder: Path) -> Path:
    """Make `folder` with both programs in it, and return it.

    Raises:
        Missing: The client's environment could not be made.
    """
    home = make("client")
    packages = next(home.glob("lib/python3.*/site-packages"))
    replace(packages / "ecr_vend.pth", f"{ROOT / 'client/src'}\n")
    programs = {
        NAME: (ROOT / "client/front" / NAME).read_text(),
        COMMAND: f'#!/bin/sh\nexec "{home}/bin/python" -I -m ecr_vend.command_line "$@"\n',
    }
    folder.mkdir()
    for name, text in programs.items():
        program = home / "bin" / name
        replace(program, text)
        program.chmod(0o755)
        (folder / name).symlink_to(program)
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

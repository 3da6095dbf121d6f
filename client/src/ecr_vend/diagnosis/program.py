"""The programs: which versions, and which helper registry clients start."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_vend import __version__
from ecr_vend.diagnosis import FAIL, OK, WARN, Case, Finding
from ecr_vend.errors import clean
from ecr_vend.log import LEVEL, OFF

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "docker-credential-ecr-vend"
ANSWERING = 5.0
"""Seconds the helper may take to say its version."""


def versions(_: Case) -> Iterator[Finding]:
    """Tell the versions of all that takes part."""
    found = [f"ecr-vend {__version__}", f"Python {platform.python_version()}"]
    for name in ("botocore", "httpx"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            cure = "install ecr-vend again, with its dependencies"
            yield Finding("versions", FAIL, f"{name} is not installed", cure)
    yield Finding("versions", OK, f"{', '.join(found)}, {platform.system()}")


def log(case: Case) -> Iterator[Finding]:
    """Tell whether and where a log is written, if the variables say anything of it."""
    level, file = case.environ.get("ECR_VEND_LOG", ""), case.environ.get("ECR_VEND_LOG_FILE")
    if level == LEVEL:
        yield Finding("log", OK, f"written to {file or 'stderr'}, and every call starts Python")
    elif level not in OFF or file:
        detail = f"no log is written: ECR_VEND_LOG is {clean(level)!r}, and not {LEVEL!r}"
        cure = f"set ECR_VEND_LOG={LEVEL}, or unset ECR_VEND_LOG and ECR_VEND_LOG_FILE"
        yield Finding("log", WARN, detail, cure)


def helper(case: Case) -> Iterator[Finding]:
    """Find the helper as registry clients do, and ask it who it is."""
    path = case.environ.get("PATH", os.defpath)
    folders = list(dict.fromkeys(folder for folder in path.split(os.pathsep) if folder))
    found = [one for folder in folders if (one := shutil.which(PROGRAM, path=folder))]
    if not found:
        for folder in folders:
            if (file := Path(folder) / PROGRAM).exists():
                detail = f"{file} is not executable"
                yield Finding("helper", FAIL, detail, f"run `chmod +x {file}`")
                return
        detail = f"{PROGRAM} is not on the PATH, so no registry client finds it"
        yield Finding("helper", FAIL, detail, f"add its folder to the PATH{_where()}")
        return
    others = sorted({os.path.realpath(one) for one in found} - {os.path.realpath(found[0])})
    yield from asked(found[0], case)
    if others:
        detail = f"{', '.join(others)} on the PATH too, behind {found[0]}"
        yield Finding("helper", WARN, detail, "remove the one that you do not mean")


def asked(program: str, case: Case) -> Iterator[Finding]:
    """Ask a helper for its version."""
    try:
        answer = subprocess.run(
            [program, "version"],
            env=dict(case.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWERING,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        detail = f"{program} does not run: {error}"
        yield Finding("helper", FAIL, detail, "install ecr-vend again")
        return
    said = answer.stdout.strip()
    if "no Python was found" in said:
        cure = "install ecr-vend again, or put the Python that has it on the PATH"
        yield Finding("helper", FAIL, f"{program} finds no Python that has ecr-vend", cure)
    elif "ecr-vend" not in said or answer.returncode:
        yield Finding("helper", FAIL, f"{program} is another program", "remove or rename it")
    elif not said.endswith(f" v{__version__}"):
        detail = f"{program} is {said.rpartition(' ')[2]}, this program v{__version__}"
        yield Finding("helper", WARN, detail, "remove the installation that you do not mean")
    else:
        yield Finding("helper", OK, program)


def _where() -> str:
    """Return where the helper is installed, for the cure."""
    for folder in (Path(sys.argv[0]).absolute().parent, Path(sys.executable).parent):
        if (folder / PROGRAM).exists():
            return f": {folder}"
    return ""

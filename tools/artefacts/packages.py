"""The client's Python packages: its source distribution, and a wheel for each kind of system.

The same sources give the same bytes: times inside are SOURCE_DATE_EPOCH, by default the last
commit's. What differs between the wheels is in `client/hatch_build.py`.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.environments import ROOT, Missing, child_environment, uv
from tools.release.version import commit, epoch

PLATFORMS = ("any", "win_amd64", "win_arm64")


def wheels(folder: Path) -> list[Path]:
    """Build every wheel into `folder`; their paths in the order of PLATFORMS.

    Raises:
        Missing: A build failed; the message is the build's.
    """
    return [_built("--wheel", folder, ECR_VEND_WHEEL=platform) for platform in PLATFORMS]


def source_distribution(folder: Path) -> Path:
    """Build what distributions and `pip install --no-binary` build from.

    Raises:
        Missing: The build failed; the message is the build's.
    """
    return _built("--sdist", folder)


def _built(kind: str, folder: Path, **variables: str) -> Path:
    """Have uv build the client and return what it made."""
    told = {"ECR_VEND_COMMIT": commit(), "SOURCE_DATE_EPOCH": epoch(), **variables}
    with tempfile.TemporaryDirectory() as fresh:
        done = subprocess.run(
            [
                uv(),
                "build",
                "--quiet",
                kind,
                "--no-create-gitignore",
                "--out-dir",
                fresh,
                ROOT / "client",
            ],
            env=child_environment() | told,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            what = " ".join((kind.removeprefix("--"), *variables.values()))
            raise Missing(f"the {what} of the client was not built:\n{done.stderr.strip()}")
        (made,) = Path(fresh).iterdir()
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(made, folder))

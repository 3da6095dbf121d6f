#!/usr/bin/env python3
"""Build the client's wheels into `dist/`: one for POSIX systems, one for each Windows.

    python3 tools/wheels.py

The same sources give the same bytes: times inside are SOURCE_DATE_EPOCH, by default the last
commit's. What differs between the wheels is in `client/hatch_build.py`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.environments import ROOT, Missing, child_environment, uv
from tools.release import commit, epoch

PLATFORMS = ("any", "win_amd64", "win_arm64")


def build(folder: Path) -> list[Path]:
    """Build every wheel into `folder`; their paths in the order of PLATFORMS.

    Raises:
        Missing: A build failed; the message is the build's.
    """
    built = []
    for platform in PLATFORMS:
        environment = child_environment() | {
            "ECR_VEND_WHEEL": platform,
            "ECR_VEND_COMMIT": commit(),
            "SOURCE_DATE_EPOCH": epoch(),
        }
        with tempfile.TemporaryDirectory() as fresh:
            done = subprocess.run(
                [uv(), "build", "--quiet", "--wheel", "--out-dir", fresh, ROOT / "client"],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise Missing(f"the {platform} wheel was not built:\n{done.stderr.strip()}")
            (wheel,) = Path(fresh).glob("*.whl")
            folder.mkdir(parents=True, exist_ok=True)
            built.append(Path(shutil.copy(wheel, folder)))
    return built


def main() -> int:
    """Run the command line."""
    try:
        for wheel in build(ROOT / "dist"):
            print(wheel.relative_to(ROOT))
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

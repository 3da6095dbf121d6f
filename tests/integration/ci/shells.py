"""Scripts out of CI definitions: run by a shell, and read by shellcheck."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.tools_at_hand import require_tool

if TYPE_CHECKING:
    from collections.abc import Mapping

SHELLS = ("dash", "busybox", "bash")


def run(
    shell: str, script: str, environ: Mapping[str, str], *options: str, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script that ends at the first failure, as those of CI systems do."""
    program = [str(require_tool(shell)), *(["sh"] if shell == "busybox" else [])]
    return subprocess.run(
        [*program, *options, "-ec", script],
        env=environ,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def complaints(script: str) -> str:
    """Return what shellcheck, as `make check` runs it, says of a script."""
    done = subprocess.run(
        [Path(sys.executable).with_name("shellcheck"), "--shell=sh", "--severity=warning", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr

"""What a wheel calls `docker-credential-ecr-vend`: the sh front, or on Windows an entry point.

Never both: installers let a script of that name win over an entry point without a word. One index
serves all systems: pip prefers a wheel for its own platform, so Windows takes `win_*` and every
other system `any`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

NAME = "docker-credential-ecr-vend"
COMMANDS = {
    "ecr-vend": "ecr_vend.command_line:main",
    "ecr-vend-credential-provider": "ecr_vend.dialects.kubelet:main",
}
"""The other programs, entry points on every system."""

RELEASE = "ecr_vend/release.json"
"""The file that says what was built from which commit."""


def platform() -> str:
    """Return the platform tag to build for: ECR_VEND_WHEEL, else this machine's kind."""
    return os.environ.get("ECR_VEND_WHEEL") or ("win_amd64" if sys.platform == "win32" else "any")


class EntryPoints(MetadataHookInterface):
    """Gives every wheel its entry points, and the Windows ones the helper as well."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `scripts`, which pyproject.toml declares dynamic."""
        helper = {} if platform() == "any" else {NAME: "ecr_vend.dialects.docker:main"}
        metadata["scripts"] = COMMANDS | helper


def release(build: str) -> str:
    """Return what a build says of itself: see `ecr_vend.release`."""
    commit = os.environ.get("ECR_VEND_COMMIT")
    if commit is None:
        commit = ""
        with contextlib.suppress(OSError):
            asked = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
            here = Path(__file__).resolve().parent
            done = subprocess.run(asked, cwd=here, capture_output=True, text=True, check=False)
            commit = done.stdout.strip()
    return json.dumps({"commit": commit, "build": build}) + "\n"


def shared() -> dict[str, str]:
    """Return what is made from the sources beside this file: see `ecr_vend.shared_files`."""
    sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))
    try:
        from ecr_vend import shared_files  # noqa: PLC0415 only this wheel has it

        return shared_files.made()
    finally:
        del sys.path[0]


class Front(BuildHookInterface[Any]):
    """Gives every build its release, and the POSIX wheel the front, manual page and completions."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the release; to a wheel its tag, script and shared files as well."""
        self.made = Path(tempfile.mkdtemp())
        in_source = self.target_name == "sdist"
        # An unpacked source distribution has its release; an editable wheel is a checkout.
        if version != "editable" and not (Path(self.root) / "src" / RELEASE).exists():
            written = self.made / "release.json"
            build = "source distribution" if in_source else f"wheel {platform()}"
            written.write_bytes(release(build).encode())
            build_data["force_include"][str(written)] = f"src/{RELEASE}" if in_source else RELEASE
        if in_source:
            return
        build_data["tag"] = f"py3-none-{platform()}"
        if platform() != "any":
            return
        build_data["shared_scripts"][f"front/{NAME}"] = NAME
        for place, text in shared().items():
            path = self.made / Path(place).name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            build_data["shared_data"][str(path)] = place

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was made for the wheel that is built."""
        shutil.rmtree(self.made)

"""What a wheel calls `docker-credential-ecr-vend`: the sh front, or on Windows an entry point.

Never both: installers let a script of that name win over an entry point without a word. One index
serves all systems: pip prefers a wheel for its own platform, so Windows takes `win_*` and every
other system `any`.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

NAME = "docker-credential-ecr-vend"
COMMANDS = {
    "ecr-vend": "ecr_vend.command_line:main",
    "ecr-vend-credential-provider": "ecr_vend.dialects.kubelet:main",
}
"""The other programs, entry points on every system."""


def platform() -> str:
    """Return the platform tag to build for: ECR_VEND_WHEEL, else this machine's kind."""
    return os.environ.get("ECR_VEND_WHEEL") or ("win_amd64" if sys.platform == "win32" else "any")


class EntryPoints(MetadataHookInterface):
    """Gives every wheel its entry points, and the Windows ones the helper as well."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `scripts`, which pyproject.toml declares dynamic."""
        helper = {} if platform() == "any" else {NAME: "ecr_vend.dialects.docker:main"}
        metadata["scripts"] = COMMANDS | helper


class Front(BuildHookInterface[Any]):
    """Gives all other wheels the sh front."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Set the wheel's tag and its script."""
        build_data["tag"] = f"py3-none-{platform()}"
        if platform() == "any":
            build_data["shared_scripts"][f"front/{NAME}"] = NAME

"""What a test needs from the machine, and what happens where it is not there.

One rule for all: in CI (the variable `CI` is set) a missing tool is a failure, so that a green run
means that everything ran; elsewhere it is a skip whose reason pytest prints at the end.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from tools.environments import in_ci

DEBIAN = {
    "buildah": "buildah",
    "busybox": "busybox",
    "chromium": "chromium",
    "dash": "dash",
    "debootstrap": "debootstrap",
    "diffoscope": "diffoscope-minimal",
    "docker": "docker.io",
    "docker-credential-ecr-login": "amazon-ecr-credential-helper",
    "docker-registry": "docker-registry",
    "dockerd": "docker.io",
    "fish": "fish",
    "man": "man-db",
    "mksh": "mksh",
    "node": "nodejs",
    "openssl": "openssl",
    "podman": "podman",
    "qemu-aarch64": "qemu-user",
    "qemu-aarch64-static": "qemu-user-static",
    "ruby": "ruby",
    "skopeo": "skopeo",
    "zsh": "zsh",
}
"""Tool → the Debian package that brings it. `.ci/run` installs them; a test holds it to that."""


def missing(what: str) -> NoReturn:
    """Fail in CI, skip elsewhere; `what` names what is missing and the cure."""
    if in_ci():
        pytest.fail(f"{what}; in CI nothing may be missing", pytrace=False)
    pytest.skip(what)


def require_tool(name: str, path: str | None = None) -> Path:
    """Return where the program `name` is, or end the test the way `missing` does.

    Args:
        name: Of the program.
        path: Folders to look in, instead of the PATH.
    """
    if found := shutil.which(name, path=path):
        return Path(found)
    cure = f" (Debian: apt-get install {DEBIAN[name]})" if name in DEBIAN else ""
    missing(f"{name} is not installed{cure}")

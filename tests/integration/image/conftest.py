"""The client's image, built once on a base made here, and unpacked as an engine would."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.client.machine import machine, service
from tests.tools_at_hand import missing, require_tool
from tools.artefacts import pyz
from tools.artefacts.image import base, builders, layout
from tools.artefacts.image import build as image_build
from tools.artefacts.image.root import USER
from tools.environments import Missing
from tools.release.build_record import BuildRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["machine", "service"]

READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 99
root=$1 user=$2; shift 2
exec chroot --userspec="$user:$user" --groups= "$root" "$@"
"""
"""Enters a root file system that nobody can write to, in a mount namespace of its own."""


@dataclass(frozen=True)
class Image:
    """An image of this machine's platform.

    Attributes:
        folder: What `make image` leaves.
        client: The single file that it was built of.
        layout: Its OCI layout.
        manifest: The digest of its manifest.
        root: Its root file system, with the owners and modes it has in a container.
    """

    folder: Path
    client: Path
    layout: Path
    manifest: str
    root: Path

    @property
    def python(self) -> str:
        """Return the interpreter inside."""
        launcher = (self.root / "usr/bin/ecr-vend").read_text().splitlines()[0]
        return launcher.removeprefix("#!").split()[0]

    def run(
        self,
        *words: str,
        given: str = "",
        variables: Mapping[str, str] | None = None,
        root: Path | None = None,
        read_only: bool = True,
        user: int = USER,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the image's user, with no other variables, /proc, /dev or HOME.

        Args:
            words: The program and its arguments.
            given: Its stdin.
            variables: Its variables.
            root: A copy of the root file system.
            read_only: Whether it is mounted so.
            user: Another user.
        """
        inside = str(root or self.root)
        enter = ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", inside, str(user)]
        if not read_only:
            enter = ["chroot", f"--userspec={user}:{user}", "--groups=", inside]
        return subprocess.run(
            [*enter, *words],
            env={"PATH": f"{os.defpath}:/usr/sbin:/sbin", **(variables or {})},
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def ordered(folder: Path, client: Path, platform: str | None = None) -> None:
    """Build the image as `make image BASE=local` does."""
    folder.mkdir()
    record = BuildRecord()
    built = image_build.build(
        folder,
        platforms=[platform or image_build.this_platform()],
        base_name="local",
        builder=builders.choose("buildah"),
        record=record,
        client=client,
    )
    assert [min(step["bytes"].values()) > 0 for step in record.steps] == [True]
    image_build.finish(built, folder, folder / "image")


def opened(left: Path, client: Path, folder: Path) -> Image:
    """Unpack what a build has left into `folder`, with owners and modes, and let its user in."""
    image = layout.unpack(left / image_build.ARCHIVE, folder / "layout")
    (manifest,) = layout.manifests(image).values()
    root = folder / "root"
    for layer in layout.layers(image, manifest):
        with tarfile.open(layer) as packed:
            for entry in packed:
                packed.extract(entry, root, numeric_owner=True, filter="fully_trusted")
    root.chmod(0o755)
    for path in root.parents[:-1]:
        path.chmod(path.stat().st_mode | 0o011)
    return Image(left, client, image, manifest, root)


@pytest.fixture(scope="package")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    require_tool("buildah")
    if os.getuid():
        missing("only root can enter the image as its user: run the tests as root")
    folder = tmp_path_factory.mktemp("image")
    client = pyz.build(folder / "dist")
    try:
        ordered(folder / "built", client)
    except Missing as problem:
        missing(str(problem))
    return opened(folder / "built/image", client, folder)


@pytest.fixture(scope="package")
def base_root(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return dpkg's own records of the base that the image was made of."""
    folder = tmp_path_factory.mktemp("base")
    archive = base.local(image_build.this_platform())
    shutil.unpack_archive(archive, folder, filter="fully_trusted")
    return folder

"""The image is built and runs on the other processor, and both make one image."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.conftest import Image, opened, ordered
from tests.tools_at_hand import missing, require_tool
from tools.artefacts.image import build, layout
from tools.environments import ROOT, Missing, in_ci

if TYPE_CHECKING:
    from collections.abc import Iterator

ARM64 = "linux/arm64"
NAME = f"ecr-vend-aarch64-{os.getpid()}"
"""What the kernel knows the emulator by. What a killed run left behind hinders no other."""
MAGIC = bytes.fromhex("7f454c460201010000000000000000000200b700")
MASK = bytes.fromhex("ffffffffffffff00fffffffffffffffffeffffff")


@pytest.fixture
def emulated(tmp_path: Path) -> Iterator[None]:
    """Let the kernel run arm64 programs, in any root file system, for the time of a test.

    The kernel must allow it, which it does not in most containers; that is skipped in CI too, with
    the kernel's words.
    """
    if build.this_platform() == ARM64:
        pytest.skip("this machine is of arm64, and so is the image of all other tests")
    if not in_ci():
        missing("the image was not built for arm64: emulated it takes minutes (CI=true)")
    emulator = require_tool("qemu-aarch64-static")
    kernel = tmp_path / "binfmt_misc"
    kernel.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "binfmt_misc", "binfmt_misc", kernel],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"the image was not built for arm64: {mounted.stderr.strip()}")

    def escaped(pattern: bytes) -> bytes:
        return b"".join(b"\\x%02x" % byte for byte in pattern)

    # F: the emulator is opened now, since no root file system that is entered has it.
    fields = (NAME.encode(), b"M", b"", escaped(MAGIC), escaped(MASK), bytes(emulator), b"F")
    try:
        (kernel / "register").write_bytes(b":" + b":".join(fields))
        yield
    finally:
        with suppress(OSError):
            (kernel / NAME).write_text("-1")
        subprocess.run(["umount", kernel], check=True)


@pytest.mark.timeout(1800)
def test_the_image_of_both_processors_is_one(image: Image, emulated: None, tmp_path: Path) -> None:
    try:
        ordered(tmp_path / "built", image.client, ARM64)
    except Missing as problem:
        missing(str(problem))
    other = tmp_path / "built/image"
    there = opened(other, image.client, tmp_path)
    said = there.run("/usr/bin/ecr-vend", "version")
    assert "build    image" in said.stdout, said.stderr
    assert "platform Linux aarch64" in said.stdout

    folders = [str(image.folder), str(other)]
    command = [sys.executable, str(ROOT / "tools/artefacts/image/build.py"), "--merge", *folders]
    subprocess.run([*command, "--out", str(tmp_path / "both")], check=True, capture_output=True)
    both = layout.unpack(tmp_path / "both" / build.ARCHIVE, tmp_path / "merged")
    assert layout.manifests(both) == {build.this_platform(): image.manifest, ARM64: there.manifest}
    bills = [bill for folder in (image.folder, other) for bill in folder.glob("*.cdx.json")]
    again = tmp_path / "both"
    same = [bill.read_bytes() == (again / bill.name).read_bytes() for bill in bills]
    assert same == [True, True]

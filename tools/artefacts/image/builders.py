"""The programs that build an image from a Dockerfile: buildah, or docker with buildx."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tools.artefacts.image import base, layout
from tools.environments import ROOT, Missing, child_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKERFILE = ROOT / "client/Dockerfile"
LOCAL = "localhost/ecr-vend-base"
NOT_PULLED = (
    "pinging container registry",
    "reading manifest",
    "initializing source docker",
    "failed to resolve source metadata",
    "failed to do request",
)
"""What builders say when a base is not to be had, each in its own words."""


@dataclass(frozen=True, slots=True)
class Order:
    """One image to build.

    Attributes:
        platform: For instance `linux/arm64`.
        context: The folder that the Dockerfile copies.
        arguments: The Dockerfile's arguments.
        epoch: The time of every file in it.
    """

    platform: str
    context: Path
    arguments: Mapping[str, str]
    epoch: str


class Builder(Protocol):
    """What builds one image into an OCI layout."""

    def build(self, order: Order, out: Path) -> None:
        """Build into `out`.

        Raises:
            Missing: It did not build; the message says why.
        """


def called(words: list[str | Path], base_name: str, epoch: str) -> None:
    """Run a builder and turn its failure into a sentence.

    Raises:
        Missing: It failed.
    """
    done = subprocess.run(
        words,
        env=child_environment() | {"SOURCE_DATE_EPOCH": epoch},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if not done.returncode:
        return
    said = done.stdout.strip()
    if any(words in said for words in NOT_PULLED):
        raise Missing(
            f"the base {base_name} could not be pulled:\n{said.splitlines()[-1]}\n"
            "Name one that this machine reaches (make image BASE=…), or have one made here from "
            "Debian's packages, for trying it out: make image BASE=local"
        )
    if "Exec format error" in said or "exec format error" in said:
        raise Missing(
            "this machine cannot run programs of that platform: register qemu for them (Debian: "
            "apt-get install qemu-user-static binfmt-support), or leave the platform out.\n"
            f"{said.splitlines()[-1]}"
        )
    raise Missing(f"`{Path(words[0]).name} {words[1]} …` failed:\n{said}")


class Buildah:
    """Builds without a daemon, with all that it keeps in a folder of the work tree."""

    def __init__(self, program: str, home: Path = base.HOME) -> None:
        """Take the program, and where it keeps its images."""
        self.store: list[str | Path] = [
            program, "--storage-driver", "vfs",
            "--root", home / "storage", "--runroot", home / "run",
        ]  # fmt: skip

    def build(self, order: Order, out: Path) -> None:
        """See `Builder`."""
        arguments = dict(order.arguments)
        pull = "--pull"
        if arguments["BASE"] == "local":
            arguments["BASE"] = self.local(order.platform)
            pull = "--pull-never"
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        name = f"localhost/ecr-vend:{out.name}-{os.getpid()}"
        # chroot: what needs neither privileges nor another program, and does in CI's containers.
        options = ["--isolation", "chroot", "--layers=false", "--force-rm", "--format", "oci", pull]
        # Which buildah it was would differ where nothing else does.
        options.append("--identity-label=false")
        words = ("--platform", order.platform, "--timestamp", order.epoch, "--tag", name)
        build = [*self.store, "build", *options, *words, *given, "--file", DOCKERFILE]
        called([*build, order.context], arguments["BASE"], order.epoch)
        called([*self.store, "push", name, f"oci:{out}"], name, order.epoch)
        called([*self.store, "rmi", "--force", name], name, order.epoch)

    def local(self, platform: str) -> str:
        """Return the name of the base that is made here, imported where it was not yet."""
        archive = base.local(platform)
        name = f"{LOCAL}:{archive.stem.removeprefix('base-')}"
        asked = [*self.store, "inspect", name]
        if not subprocess.run(asked, capture_output=True, check=False).returncode:
            return name
        file = archive.with_suffix(".containerfile")
        file.write_text(f"FROM scratch\nADD {archive.name} /\nENV PATH=/usr/bin\n")
        build = [*self.store, "build", "--platform", platform, "--tag", name, "--file", file]
        called([*build, archive.parent], name, "0")
        return name


class Docker:
    """Builds with docker's buildx."""

    def __init__(self, program: str) -> None:
        """Take the program."""
        self.program = program

    def build(self, order: Order, out: Path) -> None:
        """See `Builder`."""
        if order.arguments["BASE"] == "local":
            raise Missing("the local base is made for buildah (Debian: apt-get install buildah)")
        given = [f"--build-arg={name}={value}" for name, value in order.arguments.items()]
        archive = out.with_suffix(".tar")
        words: list[str | Path] = [
            self.program, "buildx", "build", "--platform", order.platform,
            "--provenance=false", "--sbom=false", *given,
            f"--output=type=oci,dest={archive},oci-mediatypes=true,rewrite-timestamp=true",
            "--file", DOCKERFILE, order.context,
        ]  # fmt: skip
        called(words, order.arguments["BASE"], order.epoch)
        layout.unpack(archive, out)
        archive.unlink()


def choose(name: str | None) -> Builder:
    """Return the builder asked for, or the one that is here.

    Raises:
        Missing: There is none.
    """
    if name != "docker" and (program := shutil.which("buildah")):
        return Buildah(program)
    if name != "buildah" and (program := shutil.which("docker")):
        asked = [program, "buildx", "ls"]
        if not subprocess.run(asked, capture_output=True, check=False).returncode:
            return Docker(program)
    wanted = name or "buildah"
    raise Missing(
        f"{wanted} is not here: an image is built by buildah (Debian: apt-get install buildah) or "
        "by docker with buildx and a running daemon"
    )

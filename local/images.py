"""Pushes and pulls images as a pipeline does: by a registry client that asks the helper.

skopeo where it is installed, and our own client of the same API where it is not.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from local.helper_program import NAME
from local.oci import MANIFEST, Client, Image, Refused, digest

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 60
"""Seconds for one run of a program."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a push or a pull.

    Attributes:
        ok: Whether it succeeded.
        said: The image's digest, or the words of the refusal.
    """

    ok: bool
    said: str


class Tool(Protocol):
    """A registry client; `environment` has the identity, the helper and docker's files."""

    name: str

    def push(self, place: str, image: Image, environment: Mapping[str, str]) -> Moved:
        """Push `image` to `HOST/REPOSITORY:TAG`."""

    def pull(self, place: str, environment: Mapping[str, str]) -> Moved:
        """Pull `HOST/REPOSITORY:TAG`, with all its layers."""


@dataclass(frozen=True, slots=True)
class Helper:
    """An answer of `docker-credential-ecr-vend get`.

    Attributes:
        ok: Whether it gave a credential.
        username: Of the credential.
        secret: Of the same.
        said: What it said where it gave none.
    """

    ok: bool
    username: str = ""
    secret: str = ""
    said: str = ""


def ask_helper(host: str, environment: Mapping[str, str]) -> Helper:
    """Run `docker-credential-ecr-vend get` for `host`."""
    program = shutil.which(NAME, path=environment["PATH"])
    done = subprocess.run(
        [program or NAME, "get"],
        input=host,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        return Helper(ok=False, said=(done.stdout + done.stderr).strip())
    given = json.loads(done.stdout)
    return Helper(ok=True, username=given["Username"], secret=given["Secret"])


class OwnClient:
    """Our own client of the registry API."""

    name = "our own registry client (skopeo is not installed)"

    def push(self, place: str, image: Image, environment: Mapping[str, str]) -> Moved:
        """Push with the credential that the helper gives."""
        host, repository, tag = parts(place)
        given = ask_helper(host, environment)
        if not given.ok:
            return Moved(ok=False, said=given.said)
        try:
            pushed = Client(host, given.username, given.secret).push(repository, tag, image)
        except Refused as refusal:
            return Moved(ok=False, said=refusal.message)
        return Moved(ok=True, said=pushed)

    def pull(self, place: str, environment: Mapping[str, str]) -> Moved:
        """Pull with the credential that the helper gives."""
        host, repository, tag = parts(place)
        given = ask_helper(host, environment)
        if not given.ok:
            return Moved(ok=False, said=given.said)
        try:
            image = Client(host, given.username, given.secret).pull(repository, tag)
        except Refused as refusal:
            return Moved(ok=False, said=refusal.message)
        return Moved(ok=True, said=image.digest)


class Skopeo:
    """The skopeo that is installed here."""

    def __init__(self, program: str) -> None:
        self._program = program
        version = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        self.name = "skopeo " + version.stdout.split()[-1]

    def push(self, place: str, image: Image, environment: Mapping[str, str]) -> Moved:
        """Push from an OCI layout."""
        with tempfile.TemporaryDirectory() as folder:
            layout = Path(folder)
            write_layout(layout, image)
            moved = self._copy(
                "--dest-tls-verify=false", f"oci:{layout}:image", f"docker://{place}", environment
            )
        return Moved(ok=True, said=image.digest) if moved is None else Moved(ok=False, said=moved)

    def pull(self, place: str, environment: Mapping[str, str]) -> Moved:
        """Pull into an OCI layout; skopeo checks every digest."""
        with tempfile.TemporaryDirectory() as folder:
            layout = Path(folder)
            moved = self._copy(
                "--src-tls-verify=false", f"docker://{place}", f"oci:{layout}:image", environment
            )
            if moved is not None:
                return Moved(ok=False, said=moved)
            index = json.loads((layout / "index.json").read_text())
            return Moved(ok=True, said=index["manifests"][0]["digest"])

    def _copy(
        self, option: str, source: str, target: str, environment: Mapping[str, str]
    ) -> str | None:
        done = subprocess.run(
            [self._program, "--insecure-policy", "copy", "--quiet", option, source, target],
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.stderr.strip() if done.returncode else None


def tool() -> Tool:
    """Return the registry client to use here."""
    found = shutil.which("skopeo")
    return Skopeo(found) if found else OwnClient()


def parts(place: str) -> tuple[str, str, str]:
    """Split `HOST/REPOSITORY:TAG`."""
    host, _, rest = place.partition("/")
    repository, _, tag = rest.rpartition(":")
    return host, repository, tag


def write_layout(folder: Path, image: Image) -> None:
    """Write an image as an OCI layout with the one tag `image`."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    for content in (*image.blobs.values(), image.manifest):
        (blobs / digest(content).removeprefix("sha256:")).write_bytes(content)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    entry = {
        "mediaType": MANIFEST,
        "digest": image.digest,
        "size": len(image.manifest),
        "annotations": {"org.opencontainers.image.ref.name": "image"},
    }
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))

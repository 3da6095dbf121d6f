"""A small client of the OCI distribution API: push an image, pull it, check every digest.

It is what the story and the tests use where skopeo is not installed. It speaks plain HTTP to a
registry on loopback, and nothing else.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Refused(Exception):
    """The registry said no.

    Attributes:
        status: HTTP status.
        code: The distribution specification's error code, where the answer had one.
        message: The registry's words.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}".replace(" :", ":"))
        self.status = status
        self.code = code
        self.message = message


class Corrupt(Exception):
    """What was pulled is not what its digest says."""


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest and the blobs it names, by digest."""

    manifest: bytes
    blobs: Mapping[str, bytes] = field(repr=False)

    @property
    def digest(self) -> str:
        """The image's own digest."""
        return digest(self.manifest)


def digest(content: bytes) -> str:
    """Return the digest of some bytes, as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def small_image(text: str) -> Image:
    """Return an image of one layer with one file that holds `text`; the same for the same."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        entry = tarfile.TarInfo("hello.txt")
        content = text.encode()
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    layer = gzip.compress(tar.getvalue(), mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/hello.txt"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(tar.getvalue())]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "size": len(config), "digest": digest(config)},
        "layers": [{"mediaType": LAYER, "size": len(layer), "digest": digest(layer)}],
    }
    return Image(json.dumps(manifest).encode(), {digest(config): config, digest(layer): layer})


@dataclass(frozen=True, slots=True)
class Client:
    """One registry and one credential for it.

    Attributes:
        registry: `host:port`.
        username: Of the Basic login; empty for none at all.
        password: Of the same.
        source: Address on this machine to connect from; empty for any.
    """

    registry: str
    username: str = ""
    password: str = field(default="", repr=False)
    source: str = ""

    def push(self, repository: str, tag: str, image: Image) -> str:
        """Push an image and return its digest.

        Raises:
            Refused: The registry did not take it.
        """
        for blob_digest, content in image.blobs.items():
            self.push_blob(repository, blob_digest, content)
        self.call(
            "PUT",
            f"/v2/{repository}/manifests/{tag}",
            body=image.manifest,
            headers={"Content-Type": json.loads(image.manifest)["mediaType"]},
        )
        return image.digest

    def push_blob(self, repository: str, blob_digest: str, content: bytes) -> None:
        """Upload one blob: begin, send, complete.

        Raises:
            Refused: The registry did not take it.
        """
        begun = self.call("POST", f"/v2/{repository}/blobs/uploads/")
        binary = {"Content-Type": "application/octet-stream"}
        sent = self.call("PATCH", next_place(begun), body=content, headers=binary)
        place = next_place(sent)
        self.call("PUT", f"{place}{'&' if '?' in place else '?'}digest={blob_digest}")

    def pull(self, repository: str, reference: str) -> Image:
        """Pull an image with all its blobs.

        Raises:
            Refused: The registry did not give it.
            Corrupt: Some part is not what its digest says.
        """
        answer = self.call(
            "GET", f"/v2/{repository}/manifests/{reference}", headers={"Accept": MANIFEST}
        )
        if reference.startswith("sha256:"):
            verify(reference, answer.body)
        manifest = json.loads(answer.body)
        blobs = {}
        for part in (manifest["config"], *manifest["layers"]):
            content = self.call("GET", f"/v2/{repository}/blobs/{part['digest']}").body
            verify(part["digest"], content)
            blobs[part["digest"]] = content
        return Image(answer.body, blobs)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one request.

        Raises:
            Refused: The status is 400 or above.
        """
        sent = dict(headers or {})
        if self.username:
            login = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            sent["Authorization"] = f"Basic {login}"
        connection = http.client.HTTPConnection(
            self.registry,
            timeout=30,
            source_address=(self.source, 0) if self.source else None,
        )
        try:
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            content = response.read()
            found = dict(response.getheaders())
        finally:
            connection.close()
        if response.status >= 400:
            raise refusal(response.status, content)
        return Answer(response.status, found, content)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a registry answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def next_place(answer: Answer) -> str:
    """Return where an upload goes on: each answer of one says it anew, with its state in the query.

    It may be a whole URL or only a path.
    """
    return urlsplit(answer.headers["Location"])._replace(scheme="", netloc="").geturl()


def verify(expected: str, content: bytes) -> None:
    """Check bytes against their digest.

    Raises:
        Corrupt: They do not match.
    """
    if digest(content) != expected:
        raise Corrupt(f"expected {expected}, got {digest(content)}")


def refusal(status: int, content: bytes) -> Refused:
    """Return the exception for an error answer, whether or not it has the specification's shape."""
    try:
        first = json.loads(content)["errors"][0]
        return Refused(status, str(first["code"]), str(first["message"]))
    except (ValueError, LookupError, TypeError):
        return Refused(status, "", content.decode(errors="replace").strip())

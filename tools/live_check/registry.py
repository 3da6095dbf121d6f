"""A registry over HTTP with a Basic login: a small push, pulls, and the status of each."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

import httpx

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TAG = "check"
CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
LAYER = b"ecr-vend live check\n"
REFUSED = frozenset({401, 403})


def digest(content: bytes) -> str:
    """Return a digest as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def described(content: bytes, kind: str) -> dict[str, object]:
    """Return a manifest's description of a blob."""
    media = f"application/vnd.oci.image.{kind}"
    return {"mediaType": media, "size": len(content), "digest": digest(content)}


IMAGE = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(CONFIG, "config.v1+json"),
        "layers": [described(LAYER, "layer.v1.tar")],
    }
).encode()


@dataclass(frozen=True, slots=True)
class Registry:
    """One registry.

    Attributes:
        url: Its scheme, host and port.
    """

    url: str

    def login(self, password: str) -> Login:
        """Return this registry with a password for the user AWS."""
        return Login(self, password)


@dataclass(frozen=True, slots=True)
class Login:
    """A registry with a password."""

    registry: Registry
    password: str = field(repr=False)

    def call(
        self, method: str, path: str, content: bytes = b"", kind: str = "application/octet-stream"
    ) -> httpx.Response:
        """Return the answer to one request; a redirect is an answer, and is not followed."""
        headers = {"Accept": MANIFEST, "Content-Type": kind} if method != "POST" else {}
        return httpx.request(
            method,
            path if path.startswith("http") else self.registry.url + path,
            auth=("AWS", self.password),
            headers=headers,
            content=content,
            timeout=30,
            trust_env=True,
        )

    def pull(self, repository: str) -> int:
        """Return the status of asking for the manifest."""
        return self.call("GET", f"/v2/{repository}/manifests/{TAG}").status_code

    def begin_push(self, repository: str) -> int:
        """Return the status of beginning an upload."""
        return self.call("POST", f"/v2/{repository}/blobs/uploads/").status_code

    def layer(self, repository: str) -> httpx.Response:
        """Return the answer to asking for the layer: on AWS, where it is to be had."""
        return self.call("GET", f"/v2/{repository}/blobs/{digest(LAYER)}")

    def push(self, repository: str) -> None:
        """Push the image.

        Raises:
            httpx.HTTPStatusError: The registry did not take it.
        """
        for content in (CONFIG, LAYER):
            begun = self.call("POST", f"/v2/{repository}/blobs/uploads/").raise_for_status()
            sent = self.call("PATCH", begun.headers["Location"], content).raise_for_status()
            place = sent.headers["Location"]
            ending = f"{place}{'&' if '?' in place else '?'}digest={digest(content)}"
            self.call("PUT", ending).raise_for_status()
        self.call("PUT", f"/v2/{repository}/manifests/{TAG}", IMAGE, MANIFEST).raise_for_status()


def refused(status: int) -> bool:
    """Return whether a status is a refusal; others may be the registry's own trouble."""
    return status in REFUSED

"""References to images, as docker and the kubelet read them.

The grammar is that of https://pkg.go.dev/github.com/distribution/reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecr_vend import hosts

COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
REFERENCE = re.compile(
    rf"(?P<path>{COMPONENT}(?:/{COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?"
)
TRANSPORT = re.compile(r"(?:docker|oci)://")
"""What skopeo and helm write before a reference."""

LONGEST = 255
"""Characters of host and repository together."""

HUB = "docker.io"


@dataclass(frozen=True, slots=True)
class Image:
    """A reference to an image.

    Attributes:
        host: The registry, `host` or `host:port` in lower case, as `hosts.bare` gives it.
        repository: For instance `team/app`.
        tag: For instance `1.2`, or None.
        digest: For instance `sha256:…`, or None.
    """

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None


def parse(text: str) -> Image | None:
    """Return the image that `text` names; None when it names none.

    Without a registry it is Docker Hub's, as it is for docker.
    """
    text = TRANSPORT.sub("", text, count=1) if TRANSPORT.match(text) else text
    first, slash, rest = text.partition("/")
    named = slash and (
        "." in first or ":" in first or first == "localhost" or first != first.lower()
    )
    host = hosts.bare(first) if named else HUB
    match = REFERENCE.fullmatch(rest if named else text)
    if not host or not match:
        return None
    path, tag, digest = match.group("path", "tag", "digest")
    if not named and "/" not in path:
        path = f"library/{path}"
    if len(host) + 1 + len(path) > LONGEST:
        return None
    return Image(host, path, tag, digest)

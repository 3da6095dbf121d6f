"""What a request to the registry API (`/v2/`) needs from IAM: pure, no emulator in sight.

The API is the OCI distribution specification's; the actions are those of Amazon ECR's
documentation for the same calls. A path that is not in the table below is not served.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"{COMPONENT}(?:/{COMPONENT})*")
KEYWORDS = {"blobs", "manifests", "tags"}
"""The words that end a repository's name in a path, so none of its parts may be one of them."""

DIGEST = r"[a-z0-9]+:[0-9a-f]+"
TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
ROUTES: tuple[tuple[str, re.Pattern[str], Mapping[str, tuple[str, ...]]], ...] = (
    (
        "manifest",
        re.compile(rf"manifests/(?:{DIGEST}|{TAG})"),
        {
            "GET": ("ecr:BatchGetImage",),
            "HEAD": ("ecr:BatchGetImage",),
            "PUT": ("ecr:PutImage",),
            "DELETE": ("ecr:BatchDeleteImage",),
        },
    ),
    ("tags", re.compile(r"tags/list"), {"GET": ("ecr:ListImages",)}),
    (
        "blob",
        re.compile(rf"blobs/{DIGEST}"),
        {
            "GET": ("ecr:GetDownloadUrlForLayer",),
            "HEAD": ("ecr:BatchCheckLayerAvailability",),
        },
    ),
    ("uploads", re.compile(r"blobs/uploads/?"), {"POST": ("ecr:InitiateLayerUpload",)}),
    (
        "upload",
        re.compile(r"blobs/uploads/[A-Za-z0-9-]+"),
        {
            "GET": ("ecr:UploadLayerPart",),
            "PATCH": ("ecr:UploadLayerPart",),
            "PUT": ("ecr:UploadLayerPart", "ecr:CompleteLayerUpload"),
            "DELETE": ("ecr:UploadLayerPart",),
        },
    ),
)
"""Route → the rest of the path after the repository → method → every action it needs."""


@dataclass(frozen=True, slots=True)
class Need:
    """One IAM action on one repository, or on `*` of the registry."""

    action: str
    repository: str


@dataclass(frozen=True, slots=True)
class Served:
    """A request that the registry has an answer to.

    Attributes:
        needs: All that IAM must allow; empty for the login check, which only takes a password.
        mount: What a mount of another repository's layer needs besides. Where IAM refuses it the
            registry starts an ordinary upload, as the specification says.
    """

    needs: tuple[Need, ...]
    mount: Need | None = None


@dataclass(frozen=True, slots=True)
class NotServed:
    """A request that is refused whoever asks.

    Attributes:
        status: 404 for a path that does not exist, 405 for a method it does not have.
        code: The distribution specification's error code.
        message: One sentence.
    """

    status: int
    code: str
    message: str


def is_registry_path(path: str) -> bool:
    """Return whether `path` belongs to the registry API."""
    return path == "/v2" or path.startswith("/v2/")


def needs_of(method: str, path: str, query: Mapping[str, Sequence[str]]) -> Served | NotServed:
    """Return what IAM must allow for a request.

    Args:
        method: In capitals.
        path: Decoded, starting with `/v2`.
        query: Decoded parameters, each with its values.
    """
    if path in ("/v2", "/v2/"):
        return Served(()) if method in ("GET", "HEAD") else wrong_method(method, path)
    if path == "/v2/_catalog":
        if method != "GET":
            return wrong_method(method, path)
        return Served((Need("ecr:DescribeRepositories", "*"),))
    parts = path.removeprefix("/v2/").split("/")
    end = next((at for at, part in enumerate(parts) if part in KEYWORDS), 0)
    repository, rest = "/".join(parts[:end]), "/".join(parts[end:])
    if not REPOSITORY.fullmatch(repository) or not 2 <= len(repository) <= 256:
        return NotServed(404, "NAME_INVALID", f"no repository of a valid name is in {path}")
    for route, pattern, methods in ROUTES:
        if not pattern.fullmatch(rest):
            continue
        actions = methods.get(method)
        if actions is None:
            return wrong_method(method, path)
        if route == "uploads":
            return upload(repository, actions, query)
        return Served(tuple(Need(action, repository) for action in actions))
    return NotServed(404, "UNSUPPORTED", f"the registry does not serve {path}")


def upload(
    repository: str, actions: tuple[str, ...], query: Mapping[str, Sequence[str]]
) -> Served | NotServed:
    """Return the needs of an upload's start: whole in one request, by mount, or neither."""
    if "digest" in query:
        actions = (*actions, "ecr:UploadLayerPart", "ecr:CompleteLayerUpload")
    needs = tuple(Need(action, repository) for action in actions)
    if "mount" not in query:
        return Served(needs)
    source = query.get("from", [""])
    if len(source) != 1 or not REPOSITORY.fullmatch(source[0]):
        return NotServed(400, "NAME_INVALID", "a mount names one repository in `from`")
    return Served(needs, mount=Need("ecr:GetDownloadUrlForLayer", source[0]))


def wrong_method(method: str, path: str) -> NotServed:
    """Return the refusal of a method that `path` does not have."""
    return NotServed(405, "UNSUPPORTED", f"the registry does not take {method} on {path}")

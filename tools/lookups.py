"""What a tag stands for today: the commit of an action's release, the digest of an image.

Both are asked for where they are published, over the network, without an account.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tools.environments import Missing

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 60
"""How long one answer may take."""

LARGEST = 4 << 20
"""How many bytes a registry may answer with: what the OCI asks registries to take."""

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""An image for several platforms. The digest of one platform's would build no other."""


@dataclass(frozen=True, slots=True)
class Action:
    """One use of an action.

    Attributes:
        place: File and line.
        name: As it is used: OWNER/NAME, perhaps with a folder behind it.
        ref: What stands behind the `@`: a commit, a tag or a branch.
        release: The version in the comment, empty where there is none.
    """

    place: str
    name: str
    ref: str
    release: str

    @property
    def repository(self) -> str:
        """Return OWNER/NAME."""
        return "/".join(self.name.split("/")[:2])


@dataclass(frozen=True, slots=True)
class Image:
    """An image in a registry.

    Attributes:
        host: Of the registry, as the image is named: `docker.io` too.
        name: Of the repository.
        tag: What it is called today.
        digest: `sha256:…`, empty where it is not pinned.
    """

    host: str
    name: str
    tag: str
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Image:
        """Return the image that a text names in full.

        Raises:
            Missing: Host or tag is not there, or the digest is none.
        """
        pattern = r"([^/@\s]+[.:][^/@\s]*)/([^:@\s]+):([\w.-]+)(?:@(sha256:[0-9a-f]{64}))?"
        if not (found := re.fullmatch(pattern, text)):
            raise Missing(f"{text} is no image as HOST/NAME:TAG@sha256:DIGEST")
        return cls(found[1], found[2], found[3], found[4] or "")

    def __str__(self) -> str:
        return f"{self.host}/{self.name}:{self.tag}" + (f"@{self.digest}" if self.digest else "")

    def at(self, digest: str) -> Image:
        """Return the same image, pinned."""
        return replace(self, digest=digest)


def tags(repository: str) -> dict[str, str]:
    """Return the tags of a repository on GitHub, and the commit of each.

    Raises:
        Missing: GitHub was not reached, or has no such repository.
    """
    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    asked = ["git", "ls-remote", "--tags", f"{server}/{repository}"]
    try:
        done = subprocess.run(
            asked,
            # A private or missing repository is asked for a password otherwise.
            env=os.environ | {"GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"`{' '.join(asked)}` had no answer in {SECONDS} s: try again") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Missing(
            f"the tags of {repository} could not be read ({said}): run this where {server} can be "
            "reached"
        )
    found: dict[str, str] = {}
    for line in done.stdout.splitlines():
        commit, _, ref = line.partition("\t")
        name = ref.removeprefix("refs/tags/")
        # An annotated tag comes twice: the tag, then with `^{}` the commit it stands for.
        if name.endswith("^{}"):
            found[name.removesuffix("^{}")] = commit
        else:
            found.setdefault(name, commit)
    return found


def newest(action: Action, known: Mapping[str, str], *, upgrade: bool) -> tuple[str, str]:
    """Return the commit and the release that a use of an action is pinned to.

    Args:
        action: Where the newest is not asked for, `@v4` becomes the newest v4, a commit the release
            of that commit.
        known: The tags of its repository, and the commit of each.
        upgrade: Take the newest release, whatever it was.

    Raises:
        Missing: No release fits.
    """
    releases = {
        name: commit for name, commit in known.items() if re.fullmatch(r"v\d+\.\d+\.\d+", name)
    }
    if not upgrade:
        releases = {
            name: commit
            for name, commit in releases.items()
            if action.ref == commit or f"{name}.".startswith(f"{action.ref}.")
        }
    if not releases:
        raise Missing(f"{action.place}: {action.repository} has no release vX.Y.Z of {action.ref}")
    best = max(releases, key=lambda name: [int(part) for part in name[1:].split(".")])
    return releases[best], best


def image_digest(image: Image) -> str:
    """Return the digest of what an image's tag stands for, of all platforms together.

    It is computed from the bytes, not taken from the registry's word.

    Raises:
        Missing: The registry was not reached, or has no such image for several platforms.
    """
    host = "registry-1.docker.io" if image.host == "docker.io" else image.host
    scheme = "http" if host.partition(":")[0] == "127.0.0.1" else "https"
    url = f"{scheme}://{host}/v2/{image.name}/manifests/{image.tag}"
    headers = {"Accept": ", ".join(INDEXES)}
    try:
        try:
            kind, body = fetch(url, headers)
        except urllib.error.HTTPError as refused:
            if refused.code != 401:
                raise
            token = anonymous_token(refused.headers.get("WWW-Authenticate", ""))
            kind, body = fetch(url, headers | {"Authorization": f"Bearer {token}"})
    except (OSError, ValueError, KeyError) as problem:  # an HTTPError and a URLError are OSErrors
        raise Missing(
            f"the digest of {image} could not be looked up ({problem}): run this where {host} can "
            "be reached"
        ) from None
    if kind not in INDEXES:
        raise Missing(f"{image} is of one platform only ({kind}): name an image for several")
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def anonymous_token(challenge: str) -> str:
    """Return the token for whoever has no account, from where the registry's challenge says.

    See https://distribution.github.io/distribution/spec/auth/token/.

    Raises:
        ValueError: It is no such challenge.
        OSError: The token was not to be had.
        KeyError: The answer holds none.
    """
    asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = asked.pop("realm", "")
    if not challenge.lower().startswith("bearer ") or not realm.startswith(
        ("https:", "http://127.0.0.1")
    ):
        raise ValueError(f"the registry asks for {challenge or 'nothing'!r} instead of a token")
    query = urllib.parse.urlencode(
        {key: asked[key] for key in ("service", "scope") if key in asked}
    )
    _, body = fetch(f"{realm}?{query}", {})
    answer = json.loads(body)
    return str(answer.get("token") or answer["access_token"])


def fetch(url: str, headers: Mapping[str, str]) -> tuple[str, bytes]:
    """Return the media type and the bytes at an address.

    Raises:
        OSError: It was not reached, or answered with an error.
        ValueError: It answered with more than a manifest may be.
    """
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 schemes are our own
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 the same
        body = answer.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise ValueError(f"more than {LARGEST} bytes")
        return answer.headers.get_content_type(), body

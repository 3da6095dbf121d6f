"""Bazel's credential helper protocol: a URI in, the headers for it out.

https://github.com/EngFlow/credential-helper-spec. The one command is `get`, so that
`docker-credential-ecr-vend` is a helper for Bazel too, told apart by the JSON on stdin.

Bazel asks for each URI that it fetches, those a registry redirects to included (layers come from
Amazon S3). So for a host that is not ours the answer is that no headers are needed. The
specification would rather have an error there, but that would fail the download.

`expires` has whole seconds: Bazel parses `yyyy-MM-dd'T'HH:mm:ssXXX` (its GetCredentialsResponse).
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ecr_vend import hosts, registries, tokens
from ecr_vend.errors import Problem
from ecr_vend.setting_values import loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING: dict[str, Any] = {"headers": {}}


def answer(request: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the headers for a URI, and until when to use them.

    Raises:
        Problem: The request is not one, or the token of a managed host could not be had.
    """
    uri = request.get("uri")
    if not isinstance(uri, str) or not uri:
        raise Problem("not_understood", detail="it has no `uri`, which Bazel sends")
    scheme, colon, _ = uri.partition("://")
    asked = hosts.bare(uri) if colon and scheme.lower() in {"http", "https"} else None
    registry = registries.answered(asked, environ)
    if not registry:
        return NOTHING
    if scheme.lower() == "http" and not loopback(
        re.sub(r":[0-9]+$", "", registry.name).strip("[]")
    ):
        raise Problem("plain_http", host=registry.name)
    token = tokens.obtain(registry, environ)
    basic = base64.b64encode(f"AWS:{token.password.reveal()}".encode()).decode()
    expires = datetime.fromtimestamp(int(token.refresh), UTC)
    return {
        "headers": {"Authorization": [f"Basic {basic}"]},
        "expires": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
    }

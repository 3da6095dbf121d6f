"""SigV4 for httpx, by hand: importing botocore's signer takes longer than a vend.

Source: AWS, "Create a signed AWS API request" (IAM User Guide). The tests compare every part with
botocore's.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ecr_vend.keys import Keys

SERVICE = "execute-api"
ALGORITHM = "AWS4-HMAC-SHA256"


class SigV4(httpx.Auth):
    """Signs each request for API Gateway at the moment it is sent."""

    requires_request_body = True

    def __init__(
        self, credentials: Keys, region: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._credentials = credentials
        self._region = region
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the signature's headers."""
        keys = self._credentials
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock()))
        request.headers["X-Amz-Date"] = stamp
        if keys.token:
            request.headers["X-Amz-Security-Token"] = keys.token
        # Only what AWS must see unchanged: a proxy may alter the others on the way.
        signed = {
            name: " ".join(request.headers[name].split())
            for name in ("content-type", "host", "x-amz-date", "x-amz-security-token")
            if name in request.headers
        }
        path, _, query = request.url.raw_path.decode().partition("?")
        canonical = "\n".join(
            [
                request.method,
                # Escaped once more, as every service but S3 does it: `%20` becomes `%2520`.
                quote(without_dots(path), safe="/~"),
                "&".join(f"{name}={value}" for name, value in sorted(pairs(query))),
                *(f"{name}:{value}" for name, value in signed.items()),
                "",
                ";".join(signed),
                hashlib.sha256(request.content).hexdigest(),
            ]
        )
        scope = f"{stamp[:8]}/{self._region}/{SERVICE}/aws4_request"
        key = f"AWS4{keys.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        to_sign = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        request.headers["Authorization"] = (
            f"{ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders={';'.join(signed)}, "
            f"Signature={signature}"
        )
        yield request


def without_dots(path: str) -> str:
    """Return an absolute path without `.`, `..` and empty segments (RFC 3986, 5.2.4)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


def pairs(query: str) -> list[tuple[str, str]]:
    """Return the names and values of a query as they are written."""
    found = (part.partition("=") for part in query.split("&") if query)
    return [(name, value) for name, _, value in found]

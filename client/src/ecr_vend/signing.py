"""SigV4 for httpx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

if TYPE_CHECKING:
    from collections.abc import Generator

    from botocore.credentials import ReadOnlyCredentials

SERVICE = "execute-api"


class SigV4(httpx.Auth):
    """Signs each request for API Gateway at the moment it is sent."""

    requires_request_body = True

    def __init__(self, credentials: ReadOnlyCredentials, region: str) -> None:
        self._credentials = credentials
        self._region = region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the signature's headers."""
        # Only what AWS must see unchanged: a proxy may alter the others on the way.
        signed = {
            name: request.headers[name]
            for name in ("Host", "Content-Type")
            if name in request.headers
        }
        described = AWSRequest(
            method=request.method, url=str(request.url), data=request.content, headers=signed
        )
        SigV4Auth(self._credentials, SERVICE, self._region).add_auth(described)
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
            if value := described.headers.get(name):
                request.headers[name] = value
        yield request

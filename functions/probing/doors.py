"""The ways to the service and to the registry: a function's version, the API, and HTTP."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session

from probing.proofs import Answer, Unreachable
from vending.errors import Code
from vending.token import Token

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.credentials import Credentials

PATIENCE = 5
"""Seconds for a connection, and for an answer."""

USER_AGENT = "ecr-vend-prober"


class FunctionDoor:
    """Invokes one version, or the alias, of the vending function with the probe's own shape."""

    def __init__(self, client: Any, function: str) -> None:
        self._client = client
        self._function = function

    def granted(self) -> Answer:
        """Ask as the prober.

        Raises:
            Unreachable: The function did not answer.
        """
        return self._ask("granted")

    def refused(self) -> Iterator[tuple[str, str, Answer]]:
        """Ask as somebody whom nothing is granted.

        Raises:
            Unreachable: The function did not answer.
        """
        claim = "a caller whom nothing is granted is refused"
        yield claim, Code.NOT_GRANTED, self._ask("stranger")

    def _ask(self, who: str) -> Answer:
        try:
            given = self._client.invoke(
                FunctionName=self._function, Payload=json.dumps({"probe": who}).encode()
            )
            payload = json.loads(given["Payload"].read())
        except (BotoCoreError, ClientError, ValueError) as problem:
            raise Unreachable(f"{self._function}: {type(problem).__name__}") from None
        if "FunctionError" in given or "statusCode" not in payload:
            # The payload is not quoted: what a function answers may hold a token.
            raise Unreachable(f"{self._function}: it failed")
        return answered(int(payload["statusCode"]), str(payload["body"]))


class ApiDoor:
    """Calls the API as everybody does, in the name of the prober's own role."""

    def __init__(
        self, endpoint: str, repository: str, *, credentials: Credentials, region: str
    ) -> None:
        self._url = f"{endpoint}/v1/tokens"
        self._repository = repository
        self._signer = SigV4Auth(credentials, "execute-api", region)
        self._http = http_session()

    def granted(self) -> Answer:
        """Ask for the prober's repository.

        Raises:
            Unreachable: The API did not answer.
        """
        return self._ask(self._repository)

    def refused(self) -> Iterator[tuple[str, str, Answer]]:
        """Ask for what is not granted, and without a signature.

        Raises:
            Unreachable: The API did not answer.
        """
        other = self._ask(f"{self._repository}-other")
        yield "what is not granted is refused", Code.NOT_GRANTED, other
        # By API Gateway, whose own refusals have no code.
        unsigned = self._ask(self._repository, signed=False)
        yield "a request without a signature is refused", "", unsigned

    def _ask(self, repository: str, *, signed: bool = True) -> Answer:
        body = json.dumps({"pull": [repository]}).encode()
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        request = AWSRequest("POST", self._url, data=body, headers=headers)
        if signed:
            self._signer.add_auth(request)
        return answered(*sent(self._http, request))


class HttpRegistry:
    """A registry over HTTP, with the token as the password of Basic authentication."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = http_session()

    def status(self, method: str, path: str, token: Token) -> int:
        """Return the status of one request.

        Raises:
            Unreachable: The registry did not answer.
        """
        basic = base64.b64encode(f"AWS:{token.reveal()}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "User-Agent": USER_AGENT}
        status, _ = sent(self._http, AWSRequest(method, self._url + path, headers=headers))
        return status


def http_session() -> Any:
    """Return what sends requests: botocore's own, since it ships with the SDK."""
    return URLLib3Session(timeout=PATIENCE)


def sent(http: Any, request: AWSRequest) -> tuple[int, str]:
    """Send a request and return the status and text of its answer; redirects are not followed.

    Raises:
        Unreachable: There was none.
    """
    try:
        response = http.send(request.prepare())
        text = response.text
    except (BotoCoreError, OSError) as problem:
        raise Unreachable(f"{request.method} {request.url}: {type(problem).__name__}") from None
    return response.status_code, text


def answered(status: int, body: str) -> Answer:
    """Return the service's answer; API Gateway's own errors have no code."""
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    found: Mapping[str, Any] = said if isinstance(said, dict) else {}
    if status != 200:
        return Answer(status, str(found.get("code") or ""))
    password = found.get("password")
    token = Token(password) if isinstance(password, str) and password else None
    return Answer(status, token=token, scope=found.get("scope"))

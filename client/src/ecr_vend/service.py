"""The vending service over HTTPS."""

from __future__ import annotations

import contextlib
import os
import random
import re
import ssl
import time
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

import httpx

from ecr_vend import answers, credentials, log, single_file
from ecr_vend.errors import Problem
from ecr_vend.network import authorities, proxy_for
from ecr_vend.setting_values import REGION
from ecr_vend.signing import SigV4

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ecr_vend.deadline import Deadline
    from ecr_vend.keys import Keys
    from ecr_vend.secret import Secret
    from ecr_vend.settings import Settings
    from ecr_vend.web_identity import WebIdentity

CONNECT = 3.0
READ = 12.0
"""Seconds an attempt may wait: a cold start and a vend take two to three."""

READ_SLOW = 30.0
"""Of a revocation, which the service writes to every registry first, and of a page of records: API
Gateway waits for 29."""

MOST_ATTEMPTS = 4
FIRST_PAUSE = 0.25
LARGEST = 1 << 20
"""Bytes of the largest answer worth reading; a token has about 3 kB."""

API_HOST = re.compile(r"[a-z0-9-]+\.execute-api(?:-fips)?\.([a-z0-9-]+)\.[a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Service:
    """One deployed ecr-vend, as one caller.

    Attributes:
        endpoint: Its URL.
        region: The region to sign for.
        credentials: Who calls.
        transport: How requests travel; the network when None.
        clock: The time, seconds since the epoch.
        sleep: Waits for some seconds.
        chance: A random number from 0 to 1.
    """

    endpoint: str
    region: str
    credentials: Keys
    transport: httpx.BaseTransport | None = None
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def vend(
        self, request: Mapping[str, object], deadline: Deadline
    ) -> tuple[Secret, float, float]:
        """Ask for a token.

        Args:
            request: The body of `POST /v1/tokens`, its registry a first name.
            deadline: When to give up, retries included.

        Returns:
            The password, when it was asked for, and when it ends: this machine's clock.

        Raises:
            Problem: There is no token; its text says why.
        """
        response, sent = self._ask("POST", "/v1/tokens", request, deadline)
        password, ends = answers.vended(
            response, endpoint=self.endpoint, registry=str(request["registry"]), sent=sent
        )
        return password, sent, ends

    def explain(self, request: Mapping[str, object], deadline: Deadline) -> dict[str, object]:
        """Return what the service would decide about a request, its dry run.

        Raises:
            Problem: It did not answer, or did not take the request.
        """
        asked = {**request, "dry_run": True}
        return answers.body(self._ask("POST", "/v1/tokens", asked, deadline)[0])

    def whoami(self, deadline: Deadline) -> dict[str, object]:
        """Return who the service takes the caller for, and the caller's own grants.

        Raises:
            Problem: It did not answer.
        """
        return answers.body(self._ask("GET", "/v1/whoami", None, deadline)[0])

    def revoke(self, request: Mapping[str, object], deadline: Deadline) -> dict[str, object]:
        """Revoke something, and return how it stands; asking again revokes nothing twice.

        Raises:
            Problem: It is not done everywhere, or the service did not answer.
        """
        return self._revoking("POST", "", request, deadline)

    def revocations(self, deadline: Deadline) -> dict[str, object]:
        """Return what was revoked.

        Raises:
            Problem: The service did not answer, or the caller may not see it.
        """
        return self._revoking("GET", "", None, deadline)

    def lift(self, revocation: str, deadline: Deadline) -> dict[str, object]:
        """Lift the block of a caller, and return how it stands.

        Raises:
            Problem: It is not lifted, or the service did not answer.
        """
        return self._revoking("DELETE", f"/{quote(revocation, safe='')}", None, deadline)

    def vends(self, query: Mapping[str, str], deadline: Deadline) -> dict[str, object]:
        """Return a page of what was vended.

        Raises:
            Problem: The service did not answer, or the caller may not see it.
        """
        path = f"/v1/vends?{urlencode(query, quote_via=quote)}"
        return answers.body(self._ask("GET", path, None, deadline, read=READ_SLOW)[0])

    def access(self, query: Mapping[str, str], deadline: Deadline) -> dict[str, object]:
        """Return who could have had access to a repository.

        Raises:
            Problem: As `vends`.
        """
        path = f"/v1/access?{urlencode(query, quote_via=quote)}"
        return answers.body(self._ask("GET", path, None, deadline, read=READ_SLOW)[0])

    def shown(self, vend_id: str, deadline: Deadline) -> dict[str, object]:
        """Return one vend.

        Raises:
            Problem: There is none, or as `vends`.
        """
        path = f"/v1/vends/{quote(vend_id, safe='')}"
        return answers.body(self._ask("GET", path, None, deadline)[0])

    def lookup(self, token: Mapping[str, str], deadline: Deadline) -> dict[str, object]:
        """Return the vend that a token came from.

        Args:
            token: `token`, or `auth` as docker writes it.
            deadline: When to give up, retries included.

        Raises:
            Problem: It came from none, or as `vends`.
        """
        return answers.body(self._ask("POST", "/v1/vends/lookup", token, deadline)[0])

    def _revoking(
        self, method: str, below: str, body: Mapping[str, object] | None, deadline: Deadline
    ) -> dict[str, object]:
        path = f"/v1/revocations{below}"
        return answers.body(self._ask(method, path, body, deadline, read=READ_SLOW)[0])

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        deadline: Deadline,
        *,
        read: float = READ,
    ) -> tuple[httpx.Response, float]:
        """Return the answer of a request that was served, and when it was sent.

        Args:
            method: HTTP's.
            path: Below the endpoint.
            body: The JSON object, or None.
            deadline: When to give up, retries included.
            read: Seconds that one attempt may wait for an answer.

        Raises:
            Problem: It was not, however often it was tried.
        """
        with self._client() as client:
            for attempt in range(MOST_ATTEMPTS):
                sent = self.clock()
                request = client.build_request(method, f"{self.endpoint}{path}", json=body)
                response, problem = self._attempt(client, request, deadline, read)
                log.note(
                    f"{method} {self.endpoint}{path}",
                    attempt=attempt + 1,
                    status=response.status_code if response is not None else None,
                    request_id=response and response.headers.get("x-amzn-RequestId"),
                    failed=problem,
                )
                if response is not None and response.status_code == 200:
                    return response, sent
                if response is not None:
                    problem = self._problem(response)
                assert problem is not None  # noqa: S101 there is one whenever there is no answer
                pause = self._pause(attempt, response)
                last = attempt == MOST_ATTEMPTS - 1
                if last or not problem.unavailable or pause >= deadline.left():
                    raise problem
                self.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _attempt(
        self, client: httpx.Client, request: httpx.Request, deadline: Deadline, read: float
    ) -> tuple[httpx.Response | None, Problem | None]:
        """Send the request once; the answer, or why there is none and another try may help."""
        left = max(deadline.left(), 0.1)
        timeout = httpx.Timeout(min(read, left), connect=min(CONNECT, left))
        try:
            request.extensions["timeout"] = timeout.as_dict()
            return self._read(client.send(request, stream=True), deadline), None
        except httpx.TimeoutException as error:
            slow = "a connection" if isinstance(error, httpx.ConnectTimeout) else "an answer"
            detail = f"it took too long to get {slow}"
        except httpx.LocalProtocolError:
            # Its text quotes the header that cannot be sent, and one holds the session token.
            detail = "its request cannot be formed"
        except httpx.RequestError as error:
            if reason := certificate_fault(error):
                raise Problem("not_trusted", endpoint=self.endpoint, detail=reason) from None
            detail = str(error) or type(error).__name__
        return None, Problem("unreachable", endpoint=self.endpoint, detail=detail)

    def _read(self, response: httpx.Response, deadline: Deadline) -> httpx.Response:
        """Return the answer with its content, which is not read for ever however it comes.

        Raises:
            Problem: It is none of ours, being so large.
            httpx.RequestError: It did not come whole, or in time.
        """
        response.headers.pop("Content-Encoding", None)  # as none was asked for, nothing is unpacked
        content = b""
        with contextlib.closing(response):
            for part in response.iter_bytes():
                content += part
                if len(content) > LARGEST:
                    most = LARGEST >> 20
                    raise Problem("answer_too_large", endpoint=self.endpoint, most=most)
                if deadline.left() <= 0:
                    raise httpx.ReadTimeout("", request=response.request)
        return httpx.Response(response.status_code, headers=response.headers, content=content)

    def _problem(self, response: httpx.Response) -> Problem:
        return answers.problem(
            response,
            endpoint=self.endpoint,
            region=self.region,
            key_id=str(self.credentials.access_key),
        )

    def _pause(self, attempt: int, response: httpx.Response | None) -> float:
        """Return the seconds to wait: what the service asks for, and a random share of a doubling.

        Random, so that the many who failed together do not come back together.
        """
        asked = answers.retry_after(response) if response is not None else None
        return (asked or 0.0) + FIRST_PAUSE * float(2**attempt) * (0.5 + self.chance())

    def _client(self) -> httpx.Client:
        from ecr_vend import __version__

        secure = self.endpoint.startswith("https://")
        return httpx.Client(
            auth=SigV4(self.credentials, self.region),
            transport=self.transport,
            headers={
                "User-Agent": f"ecr-vend/{__version__}",
                "Accept": "application/json",
                # So that what is read has the size it came with.
                "Accept-Encoding": "identity",
            },
            # A service that needs none gets none back, whatever bytes it set.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            # Plain HTTP, on loopback alone, needs no authorities, which take long to load.
            verify=secure and trust(self.environ),
            proxy=proxy_for(self.endpoint) if secure else None,
            trust_env=False,
        )


def connect(
    chosen: Settings, environ: Mapping[str, str], web_identity: WebIdentity | None = None
) -> Service:
    """Return the service that settings name, called with the credentials they choose.

    Where a pod asks by its service account, it is called with that account's role alone.

    Raises:
        Problem: No endpoint or region is set, or no credentials can be had.
    """
    if not chosen.endpoint:
        raise Problem("endpoint_not_set", config=str(chosen.config))
    region = signing_region(chosen.endpoint, chosen.region, environ)
    if not region:
        raise Problem("region_not_set", config=str(chosen.config))
    if web_identity:
        found = web_identity.keys(region, environ)
    else:
        found = credentials.find(environ, chosen.profile)
        if chosen.role:
            found = credentials.assume(chosen.role, found, region, environ, chosen.profile)
    return Service(chosen.endpoint, region, found, environ=environ)


def trust(environ: Mapping[str, str]) -> ssl.SSLContext | bool:
    """Return whose certificates are believed: those a variable names, or httpx's own choice.

    Raises:
        Problem: They cannot be read.
    """
    if not (named := authorities(environ)):
        if not single_file.archive():
            return True
        import certifi  # httpx would unpack it into a file first, where one can be written

        return ssl.create_default_context(cadata=certifi.contents())
    variable, bundle = named
    try:
        if bundle.is_dir():
            return ssl.create_default_context(capath=bundle)
        return ssl.create_default_context(cafile=bundle)
    except OSError as error:
        what = f"{bundle} cannot be used: {error.strerror or error}"
        raise Problem("bad_config", where=variable, what=what) from None


def certificate_fault(error: BaseException | None) -> str:
    """Return why a certificate was not believed, empty when that was not the trouble."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""


def signing_region(endpoint: str, region: str | None, environ: Mapping[str, str]) -> str | None:
    """Return the region to sign for: as set, as the endpoint's name tells, or the environment's.

    None where there is none, or what the environment names is none.
    """
    named = API_HOST.fullmatch(urlsplit(endpoint).hostname or "")
    if found := region or (named[1] if named else None):
        return found
    found = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    return found if REGION.fullmatch(found) else None

"""The ASGI application in front of the emulator: the registry's lock, and no way in as root."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from local import internals
from local.registry_api import NotServed, is_registry_path, needs_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from local.passwords import Passwords

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

API_CALL = re.compile(r"/restapis/[a-z0-9]+/[A-Za-z0-9_-]+/_user_request_/.*")
"""The one place where a request without credentials gets the emulator's own answer."""
DROPPED_HEADERS = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded")


@dataclass
class Gate:
    """Stands between the socket and the emulator.

    Attributes:
        emulator: The emulator's ASGI application.
        passwords: The registry passwords it has handed out.
        account: Of the registry.
        region: Of the registry that a request means when it names none.
        ready: Called once the emulator has started.
    """

    emulator: Application
    passwords: Passwords
    account: str
    region: str
    ready: Callable[[], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let the emulator do so."""
        if scope["type"] == "lifespan":
            await self.emulator(scope, receive, self.announcing(send))
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif is_registry_path(scope["path"]):
            await self.registry(scope, receive, send)
        else:
            await self.api(scope, receive, send)

    def announcing(self, send: Send) -> Send:
        """Return `send` that says when the emulator has started."""

        async def announce(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                self.ready()

        return announce

    async def api(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an AWS API call, or a call of a deployed API.

        The emulator takes some well-known keys for the root user and checks no signature of
        theirs, takes no key at all for root in places, and has control paths that ask for nothing.
        Only a request that names a key of an IAM identity goes on, and there its signature counts.
        """
        headers = read_headers(scope)
        query = parse_qs(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)
        keys = internals.claimed_keys(headers, query)
        to_an_api = API_CALL.fullmatch(scope["path"]) is not None
        if scope["path"].startswith(("/_ministack", "/_localstack", "/_aws")):
            message = "The emulator's control paths are closed."
        elif sum(name.lower() == b"authorization" for name, _ in scope["headers"]) > 1:
            message = "A request has one Authorization header."
        elif any(internals.is_root(key) for key in keys):
            message = "Root credentials are refused here: sign as an IAM user or role."
        elif to_an_api and keys and not for_execute_api(headers):
            message = "Credential should be scoped to correct service: 'execute-api'."
        elif not keys and not to_an_api:
            message = "The request is not signed."
        else:
            await self.emulator(as_if_over_tls(scope), receive, send)
            return
        await refuse(send, message, as_json=to_an_api or "x-amz-target" in headers)

    async def registry(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a registry request whose password is known and whose session IAM allows it."""
        holder = self.passwords.holder(read_headers(scope).get("authorization", ""))
        if holder is None:
            realm = f"https://{self.account}.dkr.ecr.{self.region}.amazonaws.com/"
            challenge = f'Basic realm="{realm}",service="ecr.amazonaws.com"'
            await answer(send, 401, "Not Authorized\n", "text/plain", challenge=challenge)
            return
        if self.passwords.expired(holder):
            message = "Your authorization token has expired. Reauthenticate and try again."
            await registry_error(send, 403, "DENIED", message)
            return
        query = parse_qs(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)
        needed = needs_of(scope["method"], scope["path"], query)
        if isinstance(needed, NotServed):
            await registry_error(send, needed.status, needed.code, needed.message)
            return
        address = (scope.get("client") or ("", 0))[0]
        region = self.region_of(read_headers(scope).get("host", ""))

        def refused(action: str, repository: str) -> str | None:
            return internals.refusal(holder.access_key, action, repository, region, address)

        for need in needed.needs:
            if sentence := refused(need.action, need.repository):
                await registry_error(send, 403, "DENIED", sentence)
                return
        # `ns` would choose another region's repositories than the ones IAM was asked about.
        dropped = {"ns"}
        if needed.mount and refused(needed.mount.action, needed.mount.repository):
            dropped |= {"mount", "from"}
        await self.emulator(self.without_credentials(scope, query, dropped, region), receive, send)

    def region_of(self, host: str) -> str:
        """Return the region whose registry a request is for.

        A client that writes the host of a registry of this account means that one; whatever else
        it writes, such as this machine's address, the default one.
        """
        named = re.fullmatch(rf"{self.account}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com", host)
        return named[1] if named else self.region

    def without_credentials(
        self, scope: Scope, query: dict[str, list[str]], dropped: set[str], region: str
    ) -> Scope:
        """Return the scope that the registry of a region sees: its own, with no password."""
        kept = {name: values for name, values in query.items() if name not in dropped}
        headers = [
            (name, value)
            for name, value in scope["headers"]
            if name.lower() not in (b"authorization", b"host")
        ]
        host = f"{self.account}.dkr.ecr.{region}.amazonaws.com".encode()
        return {
            **scope,
            "query_string": urlencode(kept, doseq=True).encode(),
            "headers": [(b"host", host), *headers],
        }


def for_execute_api(headers: dict[str, str]) -> bool:
    """Return whether a request is signed for API Gateway; the emulator does not look."""
    scope = re.search(
        r"Credential=[^,\s]*/([^/,\s]+)/aws4_request", headers.get("authorization", "")
    )
    return scope is not None and scope[1] == "execute-api"


def as_if_over_tls(scope: Scope) -> Scope:
    """Return the scope with the transport that policies see, and the address that functions see.

    Loopback counts as TLS. Both headers are this gate's to say, never the caller's.
    """
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name.lower().decode("latin-1") not in DROPPED_HEADERS
    ]
    address = (scope.get("client") or ("", 0))[0].encode()
    seen = [(b"x-forwarded-for", address), (b"x-forwarded-proto", b"https")]
    return {**scope, "headers": [*headers, *seen]}


def read_headers(scope: Scope) -> dict[str, str]:
    """Return the headers by lower-case name; the last of a repeated one."""
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }


async def refuse(send: Send, message: str, *, as_json: bool) -> None:
    """Answer an AWS call with 403, in JSON or in the XML of the older services."""
    if as_json:
        body = json.dumps({"__type": "AccessDeniedException", "message": message})
        await answer(send, 403, body, "application/x-amz-json-1.0")
    else:
        error = f"<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>"
        await answer(send, 403, f"<ErrorResponse>{error}</ErrorResponse>", "text/xml")


async def registry_error(send: Send, status: int, code: str, message: str) -> None:
    """Answer in the distribution specification's shape of an error."""
    body = json.dumps({"errors": [{"code": code, "message": message}]})
    await answer(send, status, body, "application/json; charset=utf-8")


async def answer(send: Send, status: int, body: str, kind: str, *, challenge: str = "") -> None:
    """Send one whole answer."""
    content = body.encode()
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(content)).encode()),
        (b"docker-distribution-api-version", b"registry/2.0"),
    ]
    if challenge:
        headers.append((b"www-authenticate", challenge.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})

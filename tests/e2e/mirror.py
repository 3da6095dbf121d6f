"""A registry that is not ECR, behind a lock that takes ECR's passwords: what an alias is for.

The registry is Debian's `docker-registry`. The lock asks the embedded stack's registry whether it
knows the login of each request, as a proxy in front of a company's mirror does.
"""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import BufferedReader

    Headers = Sequence[tuple[str, str]]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
NOT_HANDED_ON = {"authorization", "connection", "content-length", "date", "transfer-encoding"}

TLS_HANDSHAKE = b"\x16"
"""The first byte of a client that speaks TLS."""


class Lock(BaseHTTPRequestHandler):
    """Hands a request on to the registry, if its login is one that was vended."""

    protocol_version = "HTTP/1.1"
    server: Mirror
    rfile: BufferedReader

    def __getattr__(self, name: str) -> Any:
        """Answer every method in the one way."""
        if name.removeprefix("do_") in METHODS:
            return self.answer
        raise AttributeError(name)

    def handle_one_request(self) -> None:
        """Answer one request, and a client that tries TLS first in words that make it go on."""
        if self.rfile.peek(1)[:1] == TLS_HANDSHAKE:
            self.wfile.write(b"HTTP/1.0 400 Bad Request\r\n\r\nno TLS here\n")
            self.close_connection = True
        else:
            super().handle_one_request()

    def answer(self) -> None:
        """Answer one request."""
        body = self.body()
        login = self.headers.get("Authorization", "")
        if not login or ask(self.server.judge, "GET", "/v2/", [("Authorization", login)])[0] != 200:
            challenge = [
                ("WWW-Authenticate", 'Basic realm="mirror"'),
                ("Docker-Distribution-Api-Version", "registry/2.0"),
            ]
            self.send(401, challenge, b"no login that was vended\n")
            return
        # Pairs, not a mapping: clients repeat Accept, once for each kind of manifest.
        kept = [one for one in self.headers.items() if one[0].lower() not in NOT_HANDED_ON]
        self.send(*ask(self.server.registry, self.command, self.path, kept, body))

    def body(self) -> bytes:
        """Read the request's body, in chunks or of a known length."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def send(self, status: int, headers: Headers, content: bytes) -> None:
        """Send one whole answer, and end the connection."""
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in NOT_HANDED_ON:
                self.send_header(name, value)
        # The answer to HEAD has the length of what it leaves out.
        absent = dict(headers).get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", absent or str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 the base's name
        """Say nothing."""


class Mirror(ThreadingHTTPServer):
    """The lock's server.

    Attributes:
        registry: Host and port of the registry behind it.
        judge: Host and port of the registry that knows the logins.
    """

    def __init__(self, registry: str, judge: str) -> None:
        super().__init__(("127.0.0.1", 0), Lock)
        self.registry, self.judge = registry, judge


def ask(
    host: str, method: str, path: str, headers: Headers, body: bytes = b""
) -> tuple[int, Headers, bytes]:
    """Make one request and return the status, the headers and the body of its answer."""
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        named = {name.lower() for name, _ in headers}
        if "host" not in named:
            connection.putheader("Host", host)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.getheaders(), response.read()
    finally:
        connection.close()


@contextmanager
def mirror(registry: str, judge: str) -> Iterator[str]:
    """Put the lock in front of a registry and give its host and port.

    Args:
        registry: Host and port of the registry.
        judge: Host and port of the registry that knows the logins.
    """
    with Mirror(registry, judge) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()

"""A registry on this machine's loopback that answers `/v2/` and nothing else."""

from __future__ import annotations

import base64
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class FakeRegistry:
    """Says to every login what it is told to.

    Attributes:
        status: The status to answer with.
        logins: The `user:password` of each request, in order.
        name: Its `host:port`.
    """

    status: int = 200
    logins: list[str] = field(default_factory=list)
    name: str = ""


@contextmanager
def registry() -> Iterator[FakeRegistry]:
    """Run a registry within a block."""
    fake = FakeRegistry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/v2/"
            given = self.headers["Authorization"].removeprefix("Basic ")
            fake.logins.append(base64.b64decode(given).decode())
            self.send_response(fake.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.name = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.001,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

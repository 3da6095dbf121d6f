"""A forward proxy on loopback that knows CONNECT alone, as a company's proxy does for TLS."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class ConnectProxy:
    """Answers CONNECT with a way to one server, whatever name was asked for.

    Attributes:
        upstream: Where all ways lead.
        password: What `Proxy-Authorization` must be; nothing when None.
        asked: The names asked for, in order.
    """

    upstream: tuple[str, int]
    password: str | None = None
    asked: list[str] = field(default_factory=list)
    address: str = ""


def relay(source: socket.socket, target: socket.socket) -> None:
    """Hand on what comes until it ends."""
    with suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)


def serve_proxy(proxy: ConnectProxy) -> Iterator[ConnectProxy]:
    """Run a proxy until the generator is closed."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            method, name, _ = self.rfile.readline().decode().split(" ")
            headers = {}
            while line := self.rfile.readline().decode().strip():
                key, _, value = line.partition(": ")
                headers[key.lower()] = value
            proxy.asked.append(name)
            if proxy.password and headers.get("proxy-authorization") != proxy.password:
                self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return
            assert method == "CONNECT"
            with socket.create_connection(proxy.upstream) as upstream:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=relay, args=(upstream, self.connection))
                back.start()
                relay(self.connection, upstream)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy.address = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()

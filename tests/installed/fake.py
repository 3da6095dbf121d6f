"""A fake of the embedded stack, of the standard library alone: just what a trial asks of it."""

from __future__ import annotations

import base64
import itertools
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from tests.client.fake_service import REFUSAL, FakeService, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

REGISTRY_HOST = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
GRANTED = {"repository": "payments/api", "tag": "1", "digest": f"sha256:{'1' * 64}"}
OTHER = {"repository": "search/indexer", "tag": "1", "digest": f"sha256:{'2' * 64}"}
SHORT = 6
"""Seconds that a token for `short` lives."""


class Service(FakeService):
    """Vends by what a session is for, and remembers whose each token is and until when."""

    def __init__(self) -> None:
        super().__init__()
        self.purposes: dict[str, str] = {}
        self.vends: list[str] = []
        self.ends: dict[str, float] = {}
        self._lock = threading.Lock()

    def answer(self, request: dict[str, Any], key_id: str) -> tuple[int, dict[str, Any]]:
        """Vend a token that names its number and its caller."""
        with self._lock:
            self.vends.append(key_id)
            number = len(self.vends)
        purpose = self.purposes.get(key_id, "refused")
        if purpose == "refused":
            return 403, REFUSAL
        life = SHORT if purpose == "short" else 900
        status, document = FakeService(life=life).answer(request, key_id)
        password = f"{number}:{document['password']}"
        self.ends[password] = time.time() + life
        return status, document | {"password": password}

    def status(self, password: str, repository: str) -> int:
        """Return what the registry answers to a password that asks for a repository's manifest."""
        if password not in self.ends:
            return 401
        over = self.ends[password] <= time.time()
        return 403 if over or not repository.startswith("payments/") else 200


@contextmanager
def registry(service: Service) -> Iterator[str]:
    """Run the registry that a service's tokens are for; its `host:port`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            login = self.headers["Authorization"].removeprefix("Basic ")
            password = base64.b64decode(login).decode().removeprefix("AWS:")
            repository = self.path.removeprefix("/v2/").partition("/manifests/")[0]
            self.send_response(service.status(password, repository))
            self.send_header("Docker-Content-Digest", GRANTED["digest"])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class FakeStack:
    """The fake, running; use it as a context manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._service = Service()
        self._numbers = itertools.count(1)
        self._names: dict[str, str] = {}
        self._registry = ""

    def described(self) -> dict[str, Any]:
        """Return the `service` of a task."""
        return {
            "kind": "a fake of it",
            "registry": self._registry,
            "registry_host": REGISTRY_HOST,
            "settings": {
                "AWS_EC2_METADATA_DISABLED": "true",
                "ECR_VEND_ENDPOINT": self._service.url,
                "ECR_VEND_REGION": "us-east-1",
                "ECR_VEND_REGISTRIES": f"{self._registry}={REGISTRY_HOST}",
            },
            "granted": GRANTED,
            "other": OTHER,
            "longest": SHORT,
        }

    def session(self, purpose: str, name: str) -> dict[str, str]:
        """Return the variables of an identity."""
        key_id = f"ASIAFAKE{next(self._numbers):012}"
        self._service.purposes[key_id] = purpose
        self._names[key_id] = name
        return {
            "AWS_ACCESS_KEY_ID": key_id,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": "session",
        }

    def vends(self, name: str) -> int:
        """Return how many tokens were asked for by sessions of a name."""
        return sum(self._names.get(key_id) == name for key_id in self._service.vends)

    def __enter__(self) -> Self:
        """Start it."""

        @contextmanager
        def vending() -> Iterator[None]:
            for _ in serve(self._service):
                yield

        self._stack.enter_context(vending())
        self._registry = self._stack.enter_context(registry(self._service))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self._stack.close()

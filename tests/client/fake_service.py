"""A vending service on this machine's loopback, for tests that need processes."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
CONSUMERS = {
    "docker": HOST,
    "docker, after an echo": f"{HOST}\n",
    "go-containerregistry, first": f"{HOST}/team/app",
    "nerdctl 1": f"{HOST}:443",
    "nerdctl 2": f"https://{HOST}:443",
    "nerdctl 3": f"http://{HOST}:443",
    "nerdctl 4": f"https://{HOST}",
    "nerdctl 5": f"http://{HOST}",
    "rules_oci on Windows": f"{HOST} \r\n",
    "docker-py": f"https://{HOST}/v2/",
}
"""The forms of HOST that each consumer of the protocol passes."""

REFUSAL = {
    "type": "https://github.com/ecr-vend/ecr-vend/blob/main/docs/errors.md#not_granted",
    "title": "Not granted",
    "status": 403,
    "detail": "Nothing of what was asked is granted; ask platform@example.com for team/app.",
    "code": "not_granted",
    "vend_id": "v-01jd8w0000000000000000000",
}


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class FakeService:
    """Answers `POST /v1/tokens` with a password that names who signed and what was asked.

    Attributes:
        life: Seconds a token lasts.
        delay: Seconds before each answer.
        refuse: Status and document to answer with in the place of a token.
        asked: The documents received, in order.
        hold: When set, answers wait for it.
    """

    life: int = 900
    delay: float = 0.0
    refuse: tuple[int, dict[str, Any]] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    hold: threading.Event | None = None
    url: str = ""

    def answer(self, request: dict[str, Any], key_id: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(request)
        number = len(self.asked)
        if self.hold:
            self.hold.wait(30)
        time.sleep(self.delay)
        if self.refuse:
            return self.refuse
        return 200, {
            "vend_id": "v-01jd8w0000000000000000000",
            "registry": request["registry"],
            "username": "AWS",
            "password": f"token-{number}-of-{key_id}-" + "A" * 2800,
            "expires_at": stamp(datetime.now(UTC) + timedelta(seconds=self.life)),
            "scope": {"pull": ["team/*"]},
            "dropped": [],
            "policy_revision": "1",
        }


def serve(service: FakeService) -> Iterator[FakeService]:
    """Run a service until the generator is closed."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            key_id = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
            status, document = service.answer(json.loads(body), key_id)
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}/live"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

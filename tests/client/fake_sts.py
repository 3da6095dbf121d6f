"""AWS STS on this machine's loopback, as far as AssumeRoleWithWebIdentity needs it."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


@dataclass
class FakeSts:
    """Gives out an access key that is another one for every role and token.

    Attributes:
        refuse: The code of the error to answer with, which quotes the token.
        status: The status of such an answer.
        asked: The parameters of each request, in order.
        signed: Whether any request was signed, as this one never is.
    """

    refuse: str = ""
    status: int = 400
    asked: list[dict[str, str]] = field(default_factory=list)
    signed: bool = False
    url: str = ""

    def answer(self, asked: dict[str, str]) -> tuple[int, str]:
        self.asked.append(asked)
        token = asked["WebIdentityToken"]
        if self.refuse:
            return self.status, (
                f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type>'
                f"<Code>{self.refuse}</Code><Message>Incorrect token: {token}</Message></Error>"
                "<RequestId>r-1</RequestId></ErrorResponse>"
            )
        return 200, (
            f'<AssumeRoleWithWebIdentityResponse xmlns="{NAMESPACE}">'
            "<AssumeRoleWithWebIdentityResult><Credentials>"
            f"<AccessKeyId>{key_of(asked['RoleArn'], token)}</AccessKeyId>"
            "<SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>"
            "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
            "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        )


def key_of(role: str, token: str) -> str:
    """Return the access key that a role and a token get."""
    return "ASIA" + hashlib.sha256(f"{role} {token}".encode()).hexdigest()[:12].upper()


def serve(sts: FakeSts) -> Iterator[FakeSts]:
    """Run STS until the generator is closed."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            sts.signed = sts.signed or "Authorization" in self.headers
            status, document = sts.answer(dict(parse_qsl(body)))
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sts.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.001,), daemon=True)
    thread.start()
    try:
        yield sts
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

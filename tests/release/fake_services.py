"""Sigstore's services and GitHub's token endpoint on the loopback, as a workflow meets them."""

from __future__ import annotations

import base64
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlparse

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.release.fake_rekor import b64, compact, dsse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.release.fake_sigstore import Run, Sigstore

BEARER = "for-this-job-only"


@contextmanager
def serving(sigstore: Sigstore, run: Run) -> Iterator[str]:
    """Serve for one run of a workflow, and yield the address."""
    handler = type("Bound", (Handler,), {"sigstore": sigstore, "run": run})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers for Fulcio, Rekor and GitHub, whichever path is asked for."""

    sigstore: Sigstore
    run: Run

    def do_GET(self) -> None:
        """Give the run's token, as GitHub does to a job that may ask for it."""
        asked = urlparse(self.path)
        allowed = self.headers["Authorization"] == f"bearer {BEARER}"
        if asked.path != "/token" or not allowed:
            return self.answer(403, {})
        audience = parse_qs(asked.query)["audience"][0]
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": self.run.issuer,
            "sub": f"repo:{self.run.repository}:ref:{self.run.ref}",
            "iat": now,
            "exp": now + 300,
        }
        parts = (compact({"alg": "RS256", "typ": "JWT"}), compact(claims), b"unsigned")
        return self.answer(200, {"value": ".".join(map(url64, parts))})

    def do_POST(self) -> None:
        """Give a certificate, or enter a signature into the log."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        match self.path:
            case "/api/v2/signingCert":
                self.answer(200, self.certificate(asked))
            case "/api/v1/log/entries" | "/api/v1/log/entries/":
                self.answer(201, {"f" * 64: self.entry(asked)})
            case _:
                self.answer(404, {})

    def certificate(self, asked: dict[str, str]) -> dict[str, Any]:
        """Return the certificate for the key that is asked for."""
        request = x509.load_pem_x509_csr(base64.b64decode(asked["certificateSigningRequest"]))
        public = request.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        given = (self.sigstore.certificate(public, self.run), self.sigstore.root)
        chain = [one.public_bytes(Encoding.PEM).decode() for one in given]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}

    def entry(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the entry in the form of Rekor's API."""
        body = compact({key: asked[key] for key in ("apiVersion", "kind", "spec")})
        if asked["kind"] == "dsse":
            proposed = asked["spec"]["proposedContent"]
            envelope = json.loads(proposed["envelope"])
            body = dsse(envelope, base64.b64decode(proposed["verifiers"][0]))
        made: dict[str, Any] = self.sigstore.log.enter(body, self.sigstore.now, asked["kind"])
        proof = made["inclusionProof"]
        return {
            "body": b64(body),
            "integratedTime": int(made["integratedTime"]),
            "logID": self.sigstore.log.id.hex(),
            "logIndex": int(made["logIndex"]),
            "verification": {
                "signedEntryTimestamp": made["inclusionPromise"]["signedEntryTimestamp"],
                "inclusionProof": {
                    "logIndex": int(proof["logIndex"]),
                    "treeSize": int(proof["treeSize"]),
                    "rootHash": base64.b64decode(proof["rootHash"]).hex(),
                    "hashes": [base64.b64decode(one).hex() for one in proof["hashes"]],
                    "checkpoint": proof["checkpoint"]["envelope"],
                },
            },
        }

    def answer(self, status: int, document: dict[str, Any]) -> None:
        """Send one JSON document."""
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def url64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")

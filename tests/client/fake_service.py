"""A vending service on this machine's loopback, for tests that need processes."""

from __future__ import annotations

import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

VEND_ID = "v-01jd8w0000000000000000000"
GRANT = {
    "name": "team-ci",
    "registry": HOST,
    "access": "push",
    "repositories": ["team/*", "base/python"],
    "max_ttl_seconds": 1800,
    "expires_on": None,
    "break_glass": False,
    "bind_source_ip": False,
}
"""A grant as `GET /v1/whoami` shows it."""

REFUSAL = {
    "type": "https://github.com/ecr-vend/ecr-vend/blob/main/docs/errors.md#not_granted",
    "title": "Not granted",
    "status": 403,
    "detail": "Nothing of what was asked is granted; ask platform@example.com for team/app.",
    "code": "not_granted",
    "vend_id": VEND_ID,
}


REVOCATION: dict[str, Any] = {
    "id": "r-1",
    "kind": "caller",
    "target": "aws:111122223333:AROAEXAMPLE12",
    "reason": "key leaked",
    "revoked_by": "arn:aws:sts::111122223333:assumed-role/oncall/jo",
    "revoked_at": "2026-11-23T20:00:00.250Z",
    "blocked": True,
    "lifted_by": None,
    "lifted_at": None,
    "denied_until": "2026-11-23T21:16:00Z",
    "registries": {HOST: "denied"},
}
"""A revocation as `/v1/revocations` shows it."""

VEND: dict[str, Any] = {
    "caller_key": "aws:111122223333:AROAEXAMPLE12",
    "vend_id": "v-01jd8w0123456789abcdefghjk",
    "schema_version": 1,
    "outcome": "issued",
    "asked_at": "2026-11-23T20:00:00.250Z",
    "ended_at": "2026-11-23T20:00:00.750Z",
    "caller": {"account": "111122223333", "name": "payments-ci", "session": "run-1", "kind": "x"},
    "user_agent": "ecr-vend/0.1.0",
    "asked": {"repositories": {}, "access": "pull", "ttl_seconds": None, "grant": None},
    "reason": "",
    "scope": {"push": ["payments/api"]},
    "grants": ["payments-ci"],
    "dropped": [{"repository": "payments/ledger", "access": "push", "rule": "deny embargo"}],
    "break_glass": False,
    "probe": False,
    "code": None,
}
"""A vend as `/v1/vends` shows it, in part."""

COULD: dict[str, Any] = {
    "callers": "role arn:aws:iam::111122223333:role/payments-ci",
    "many": False,
    "grant": "payments-ci",
    "owner": "payments@example.com",
    "break_glass": True,
    "unless": ["embargo"],
    "from": "2026-11-02T00:00:00.000Z",
    "to": "2026-12-01T00:00:00.000Z",
}
"""Who could have had access, as `/v1/access` says it."""

LIFTED = {"id": "r-2", "blocked": False, "lifted_by": "arn:bo", "lifted_at": "2026-11-23T21:00:00Z"}


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class FakeService:
    """Answers `POST /v1/tokens` with a password that names who signed and what was asked.

    Attributes:
        life: Seconds a token lasts.
        delay: Seconds before each answer.
        refuse: Status and document to answer with in the place of anything else.
        asked: The requests for a token, in order.
        hold: When set, answers wait for it.
        dry_runs: The requests for a dry run, in order.
        decision: What a dry run answers otherwise than `dry_run` does.
        whoamis: Who asked `GET /v1/whoami`, by access key id, in order.
        grants: The caller's grants.
        planned: Its grants in monitor mode.
        auditing: What was asked of `/v1/vends`: method, path, and query or body, in order.
        pages: What its next answers have: vends, and where to go on.
        listed: When there are some, its answers are of these, so many as `limit` says.
        one: The vend that it shows.
        archive: Answers what is asked about the archive and of records, where there is one.
        revoking: What was asked of `/v1/revocations`: method, path and body, in order.
        revocations: What was revoked.
        assumed: The AssumeRole calls that STS got: their parameters and who signed, in order.
        refuse_role: Status, code and message with which STS answers in the place of credentials.
    """

    life: int = 900
    delay: float = 0.0
    refuse: tuple[int, dict[str, Any]] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    hold: threading.Event | None = None
    dry_runs: list[dict[str, Any]] = field(default_factory=list)
    decision: dict[str, Any] = field(default_factory=dict)
    whoamis: list[str] = field(default_factory=list)
    grants: list[dict[str, Any]] = field(default_factory=lambda: [dict(GRANT)])
    planned: list[dict[str, Any]] = field(default_factory=list)
    auditing: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    pages: list[tuple[list[dict[str, Any]], str | None]] = field(
        default_factory=lambda: [([VEND], None)]
    )
    listed: list[dict[str, Any]] = field(default_factory=list)
    one: dict[str, Any] = field(default_factory=lambda: dict(VEND))
    archive: Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]] | None = None
    revoking: list[tuple[str, str, dict[str, Any] | None]] = field(default_factory=list)
    revocations: list[dict[str, Any]] = field(
        default_factory=lambda: [dict(REVOCATION), REVOCATION | LIFTED]
    )
    assumed: list[dict[str, str]] = field(default_factory=list)
    refuse_role: tuple[int, str, str] | None = None
    url: str = ""

    @property
    def sts(self) -> str:
        """Return the URL of its STS."""
        return self.url.removesuffix("/live")

    def answer(self, request: dict[str, Any], key_id: str) -> tuple[int, dict[str, Any]]:
        asked = self.dry_runs if request.get("dry_run") else self.asked
        asked.append(request)
        number = len(asked)
        if self.hold:
            self.hold.wait(30)
        time.sleep(self.delay)
        if self.refuse:
            return self.refuse
        if request.get("dry_run"):
            return 200, self.dry_run(request) | self.decision
        return 200, {
            "vend_id": VEND_ID,
            "registry": request["registry"],
            "username": "AWS",
            "password": f"token-{number}-of-{key_id}-" + "A" * 2800,
            "expires_at": stamp(datetime.now(UTC) + timedelta(seconds=self.life)),
            "scope": {"pull": ["team/*"]},
            "dropped": [],
            "policy_revision": "1",
        }

    def dry_run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a dry run, which allows what was asked for."""
        lists = {"pull": "pull", "push": "push", "pull_through": "pull-through"}
        scope = {lists[key]: request[key] for key in lists if key in request}
        return {
            "vend_id": VEND_ID,
            "dry_run": True,
            "decision": "allow",
            "refusal": None,
            "registry": request["registry"],
            "scope": scope or {request.get("access", "pull"): ["team/*"]},
            "dropped": [],
            "expires_at": stamp(datetime.now(UTC) + timedelta(seconds=self.life)),
            "grants": [grant["name"] for grant in self.grants],
            "session_policy": {"Version": "2012-10-17", "Statement": []},
            "session_policy_size": 612,
            "policy_revision": "1",
        }

    def revoke(
        self, method: str, path: str, body: dict[str, Any] | None
    ) -> tuple[int, dict[str, Any]]:
        """Return the answer of `/v1/revocations`."""
        self.revoking.append((method, path.removeprefix("/live"), body))
        if self.refuse:
            return self.refuse
        return 200, {"revocations": self.revocations} if method == "GET" else REVOCATION

    def audit(self, method: str, path: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the answer of `/v1/vends`."""
        self.auditing.append((method, path.removeprefix("/live"), asked))
        if self.refuse:
            return self.refuse
        if self.archive and "/v1/vends" not in path and not path.endswith("/v1/access"):
            return self.archive(path.removeprefix("/live"), asked)
        if path.endswith("/v1/access"):
            return 200, {"could": [COULD], "policies": [{"from": COULD["from"]}]}
        if path.endswith("/v1/vends") and self.listed:
            left = [one for one in self.listed if one["vend_id"] < asked.get("after", "~")]
            page = left[: int(asked["limit"])]
            return 200, {
                "vends": page,
                "next": page[-1]["vend_id"] if len(page) < len(left) else None,
                "could": {},
            }
        if path.endswith("/v1/vends"):
            vends, after = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
            return 200, {"vends": vends, "next": after, "could": {VEND["vend_id"]: ["push"]}}
        return 200, self.one

    def post(self, path: str, body: dict[str, Any], key_id: str) -> tuple[int, dict[str, Any]]:
        """Return the answer of a POST."""
        if path.endswith("/v1/revocations"):
            return self.revoke("POST", path, body)
        if path.endswith(("/v1/vends/lookup", "/v1/records")):
            return self.audit("POST", path, body)
        return self.answer(body, key_id)

    def get(self, target: str, key_id: str) -> tuple[int, dict[str, Any]]:
        """Return the answer of a GET."""
        path, _, query = target.partition("?")
        if path.endswith("/v1/revocations"):
            return self.revoke("GET", path, None)
        if "/v1/vends" in path or "/v1/archive" in path or path.endswith("/v1/access"):
            return self.audit("GET", path, dict(parse_qsl(query)))
        return self.whoami(key_id) if path.endswith("/v1/whoami") else (404, {})

    def whoami(self, key_id: str) -> tuple[int, dict[str, Any]]:
        """Return the answer to `GET /v1/whoami`, whose caller is named after the key."""
        self.whoamis.append(key_id)
        if self.refuse:
            return self.refuse
        name = key_id.lower()
        return 200, {
            "caller": {
                "kind": "role",
                "partition": "aws",
                "account": "111122223333",
                "principal_id": f"AROA{key_id[4:]}",
                "name": name,
                "session": "run-1",
                "arn": f"arn:aws:sts::111122223333:assumed-role/{name}/run-1",
                "key": f"aws:111122223333:AROA{key_id[4:]}",
            },
            "source_ip": "203.0.113.7",
            "grants": self.grants,
            "monitored": self.planned,
            "policy_revision": "1",
            "time": stamp(datetime.now(UTC)),
        }

    def assume_role(self, query: str, key_id: str) -> tuple[int, str]:
        """Return STS's answer to AssumeRole: a key that is named after its number."""
        self.assumed.append({"signed_by": key_id, **dict(parse_qsl(query))})
        if self.refuse_role:
            status, code, message = self.refuse_role
            error = (
                f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            )
            return status, f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"
        ends = stamp(datetime.now(UTC) + timedelta(minutes=15))
        return 200, (
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>ASIAROLE{len(self.assumed):08}</AccessKeyId>"
            "<SecretAccessKey>secret-of-the-role</SecretAccessKey>"
            f"<SessionToken>session-of-the-role</SessionToken><Expiration>{ends}</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )


def serve(service: FakeService, context: ssl.SSLContext | None = None) -> Iterator[FakeService]:
    """Run a service until the generator is closed, over TLS where a context is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/":
                status, text = service.assume_role(body.decode(), self.key_id())
                self.send(status, text.encode())
                return
            self.reply(*service.post(self.path, json.loads(body), self.key_id()))

        def do_DELETE(self) -> None:
            self.reply(*service.revoke("DELETE", self.path, None))

        def do_GET(self) -> None:
            self.reply(*service.get(self.path, self.key_id()))

        def key_id(self) -> str:
            signed = self.headers["Authorization"] or ""
            return signed.partition("Credential=")[2].partition("/")[0]

        def reply(self, status: int, document: dict[str, Any]) -> None:
            self.send(status, json.dumps(document).encode())

        def send(self, status: int, content: bytes) -> None:
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
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    service.url = f"http://127.0.0.1:{server.server_port}/live"
    thread = threading.Thread(target=server.serve_forever, args=(0.001,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

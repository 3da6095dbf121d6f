"""Callers by the hundred: each in a thread of its own, with a connection that it keeps."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.credentials import Credentials

    from tests.e2e.running import Stack

ROLES = ("payments-ci", "payments-publisher", "payments-developer", "search-publisher")
"""The seeded roles that the embedded stack's policy grants something."""

SESSIONS = 3
"""Sessions of each role: callers share identities, as the jobs of one pipeline do."""

PATIENCE = 120.0
"""Seconds that a caller waits for its answer: longer than the line, so that only who means to
hang up does."""

KINDS: Mapping[str, int] = {
    "vend": 60,
    "dry run": 8,
    "whoami": 8,
    "not granted": 8,
    "invalid": 4,
    "unknown registry": 3,
    "refused by IAM": 3,
    "hang up": 6,
}
"""What callers ask, and how often among a hundred."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a caller wrote down of one request. Of a token it keeps the digest.

    Attributes:
        kind: What it asked, of `KINDS`.
        arn: Of the session that asked.
        seconds: Until the whole answer, or until it hung up.
        status: HTTP status; 0 where there was no answer.
        code: The problem's code, or empty.
        vend_id: In the answer, or empty.
        digest: SHA-256 of the token in the answer, or empty.
        own: Whether the body is one that the service makes, and not API Gateway.
        broken: Why there was no answer; or empty.
    """

    kind: str
    arn: str
    seconds: float
    status: int = 0
    code: str = ""
    vend_id: str = ""
    digest: str = ""
    own: bool = False
    broken: str = ""


@dataclass
class Crowd:
    """All callers, and what they noted.

    Attributes:
        stack: Whom they ask.
        seed: Of what each of them asks.
        notes: Of requests that have ended.
    """

    stack: Stack
    seed: int
    notes: list[Note] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _sessions: dict[str, list[tuple[str, Credentials]]] = field(default_factory=dict)

    def run(self, callers: int, seconds: float, kinds: Mapping[str, int] = KINDS) -> None:
        """Let so many callers ask for so long, and wait until each has its last answer."""
        for role in (*ROLES, "outsider", "stranger"):
            self._sessions[role] = [self._session(role, f"job-{n}") for n in range(SESSIONS)]
        threads = [
            threading.Thread(target=self._call, args=(number, kinds), daemon=True)
            for number in range(callers)
        ]
        for thread in threads:
            thread.start()
        try:
            self._over.wait(seconds)
        finally:
            self._over.set()
        for thread in threads:
            thread.join(PATIENCE * 2)

    def _session(self, role: str, name: str) -> tuple[str, Credentials]:
        credentials = self.stack.as_role(role, name)
        identity = self.stack.client("sts", credentials).get_caller_identity()
        return str(identity["Arn"]), credentials

    def _call(self, number: int, kinds: Mapping[str, int]) -> None:
        drawn = random.Random(f"{self.seed} {number}")  # noqa: S311  no secret
        connection = self._connection()
        try:
            while not self._over.is_set():
                (kind,) = drawn.choices(list(kinds), list(kinds.values()))
                note = self._asked(kind, drawn, connection)
                self.notes.append(note)
                if note.broken or not note.own:
                    connection.close()
                self._over.wait(drawn.uniform(0, 0.5))
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(
            urlsplit(self.stack.about["url"]).netloc, timeout=PATIENCE
        )

    def _asked(
        self, kind: str, drawn: random.Random, connection: http.client.HTTPConnection
    ) -> Note:
        roles = {"not granted": "outsider", "refused by IAM": "stranger"}
        arn, credentials = drawn.choice(self._sessions[roles.get(kind) or drawn.choice(ROLES)])
        method, path, body = request(kind, drawn)
        signed = self.stack.signed(method, path, credentials, body)
        # Whoever hangs up stands in the line then, or the function is at work for them.
        connection.timeout = drawn.uniform(0.05, 2) if kind == "hang up" else PATIENCE
        if connection.sock:
            connection.sock.settimeout(connection.timeout)
        began = time.perf_counter()

        def ended(**more: Any) -> Note:
            return Note(kind, arn, time.perf_counter() - began, **more)

        try:
            headers = dict(signed.headers)
            connection.request(method, urlsplit(str(signed.url)).path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as problem:
            hung_up = kind == "hang up" and isinstance(problem, TimeoutError)
            return ended(broken="hung up" if hung_up else type(problem).__name__)
        return ended(
            status=response.status,
            **read(response.status, response.headers.get_content_type(), content),
        )


def request(kind: str, drawn: random.Random) -> tuple[str, str, bytes | None]:
    """Return the method, path and body of a request of a kind."""
    if kind == "whoami":
        return "GET", "/v1/whoami", None
    asked: dict[str, Any] = {}
    if kind == "invalid":
        asked = {"pull": ["payments/api:latest"]}
    elif kind == "unknown registry":
        asked = {"registry": "999999999999.dkr.ecr.eu-west-1.amazonaws.com"}
    elif kind == "dry run":
        asked = {"dry_run": True}
    elif drawn.random() < 0.5:
        asked = {"reason": "load", "ttl_seconds": drawn.choice([2, 60, 600])}
    return "POST", "/v1/tokens", json.dumps(asked).encode()


def read(status: int, kind: str, content: bytes) -> dict[str, Any]:
    """Return what a note holds of an answer."""
    try:
        body = json.loads(content or b"{}")
    except ValueError:
        return {"code": "not JSON"}
    password = body.get("password", "") if isinstance(body, dict) else ""
    return {
        "code": str(body.get("code", "")),
        "vend_id": str(body.get("vend_id", "")),
        "digest": hashlib.sha256(password.encode()).hexdigest() if password else "",
        "own": kind == ("application/json" if status == 200 else "application/problem+json"),
    }

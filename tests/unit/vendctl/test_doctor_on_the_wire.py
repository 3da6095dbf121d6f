"""`vendctl doctor registry` as a process, while AWS lets it wait, or throttles."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from tests.doctored import ASKED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[3]
WHO = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/ana</Arn><UserId>AIDA</UserId>
<Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""


Answer = tuple[int, str]


@contextmanager
def started(answer: Callable[[str], Answer | None]) -> Iterator[subprocess.Popen[str]]:
    """Run the command against a server that says who asks; `answer` gives status and body else.

    Args:
        answer: Takes the name of an operation; None hangs up.
    """

    class Server(BaseHTTPRequestHandler):
        """Speaks for every service of AWS."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            operation = target or body.partition("Action=")[2].partition("&")[0]
            told = (200, WHO) if operation == "GetCallerIdentity" else answer(operation)
            if told is None:
                return
            self.send_response(told[0])
            self.send_header("Content-Length", str(len(told[1])))
            self.end_headers()
            self.wfile.write(told[1].encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Thread(target=server.serve_forever, daemon=True).start()
    words = ["--role-prefix", "ecr-vend", "--vend-role", ASKED.function_role, "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vendctl", "doctor", "registry", *words],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(("functions", ".")),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "eu-west-1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()


def test_an_interrupted_doctor_ends_at_once_and_without_a_traceback() -> None:
    asked, over = Event(), Event()

    def wait(_: str) -> None:
        asked.set()
        over.wait(30)

    with started(wait) as process:
        assert asked.wait(60)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        over.set()
    assert process.returncode == 130
    assert (out, err) == ("", "")
    assert time.monotonic() - began < 5


def test_a_throttled_call_is_made_again_and_what_is_no_answer_is_told() -> None:
    calls: list[str] = []

    def throttle_once(operation: str) -> Answer:
        calls.append(operation)
        if operation == "DescribeRepositories" and calls.count(operation) == 1:
            return 400, json.dumps({"__type": "ThrottlingException", "message": "no"})
        if operation.startswith(("Describe", "GetRegistry")):
            return 400, json.dumps({"__type": "AccessDeniedException", "message": "no"})
        return 400, "<html>a proxy's page"

    with started(throttle_once) as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (2, "")
    gaps = {one["call"]: one["why"] for one in json.loads(out)["could_not_look"]}
    assert gaps["ecr:DescribeRepositories"] == "AccessDeniedException"
    assert gaps["iam:GetRole"] == gaps["iam:ListRoles"] == "ResponseParserError"
    assert calls.count("DescribeRepositories") == 2

"""A small Lambda Runtime API, and AWS's own runtime client running a bundle behind it.

Source: "Using the Lambda runtime API" in the AWS Lambda developer guide: `invocation/next`,
`invocation/ID/response`, `invocation/ID/error`, `init/error`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from tests.integration.loopback import Connection, serving
from tests.tools_at_hand import missing
from tools.environments import FUNCTIONS_PYTHON, Missing, make

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NAME = "ecr-vend-VendFunction"
ARN = f"arn:aws:lambda:eu-west-1:111122223333:function:{NAME}:live"
TRACE = "Root=1-6b03f4c0-0f1e2d3c4b5a69788796a5b4;Parent=9a9197af755a6419;Sampled=0"
PATIENCE = 30.0
"""Seconds until a runtime that says nothing counts as dead."""


class InitFailed(Exception):
    """The function did not start.

    Attributes:
        error: What the runtime reported: `errorType`, `errorMessage`, `stackTrace`.
    """

    def __init__(self, error: dict[str, Any]) -> None:
        self.error = error
        super().__init__(error.get("errorMessage"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What one invocation ended with.

    Attributes:
        request_id: Lambda's id of the invocation.
        failed: Whether the handler raised.
        payload: Its result, or the error as the runtime reports it.
    """

    request_id: str
    failed: bool
    payload: Any


@dataclass
class Function:
    """A running function.

    Attributes:
        log: The file that takes what it writes to stdout and stderr.
        seconds_to_start: From the start of the process to its first request for work.
    """

    log: Path
    seconds_to_start: float = 0.0
    queue: SimpleQueue[tuple[str, bytes, float] | None] = field(default_factory=SimpleQueue)
    answers: dict[str, Future[Answer]] = field(default_factory=dict)
    started: Future[None] = field(default_factory=Future)

    def invoke(self, event: object, *, timeout: float = 25.0) -> Answer:
        """Return what the function answers to `event`, told that it has so many seconds."""
        request_id = str(uuid.uuid4())
        answer = self.answers[request_id] = Future()
        self.queue.put((request_id, json.dumps(event).encode(), timeout))
        return answer.result(PATIENCE)

    def log_lines(self) -> list[str]:
        """Return what was logged so far."""
        return self.log.read_text().splitlines()


class RuntimeConnection(Connection):
    """The Runtime API of one function."""

    function: Function

    def get(self) -> None:
        function = self.function
        if not function.started.done():
            function.started.set_result(None)
        work = function.queue.get()
        if work is None:
            self.close_connection = True
            return
        request_id, event, seconds = work
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": TRACE,
        }
        self.answer(200, event, headers)

    def post(self) -> None:
        body = self.body()
        self.answer(202, b"{}", {"Content-Type": "application/json"})
        if self.path.endswith("/runtime/init/error"):
            self.function.started.set_exception(InitFailed(json.loads(body)))
            return
        *_, request_id, kind = self.path.split("/")
        answer = Answer(request_id, kind == "error", json.loads(body))
        self.function.answers.pop(request_id).set_result(answer)


def runtime_python() -> Path:
    """Return the Python that has AWS's runtime client, or end the test: it is for Linux only."""
    if sys.platform != "linux":
        missing("the Lambda runtime loop was not run: awslambdaric is for Linux only")
    try:
        return make("runtime") / "bin/python"
    except Missing as problem:
        missing(f"the Lambda runtime loop was not run: {problem}")


@contextmanager
def running(
    bundle: Path, handler: str, log: Path, environment: Mapping[str, str] = {}
) -> Iterator[Function]:
    """Run `handler` of `bundle` as Lambda does, until the block ends.

    Raises:
        InitFailed: Importing it raised.
    """
    python = runtime_python()
    function = Function(log)

    class Here(RuntimeConnection):
        pass

    Here.function = function
    with serving(Here) as address, log.open("wb") as output:
        variables = {
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": NAME,
            "AWS_LAMBDA_FUNCTION_VERSION": "7",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{NAME}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/23/[7]0123456789abcdef",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{FUNCTIONS_PYTHON}",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "ASIAFUNCTION",
            "AWS_SECRET_ACCESS_KEY": "function",
            "AWS_SESSION_TOKEN": "function-session",
            "LAMBDA_TASK_ROOT": str(bundle),
            "PYTHONPATH": str(bundle),
            "TZ": ":UTC",
            "LANG": "en_US.UTF-8",
            "_HANDLER": handler,
        }
        begun = time.perf_counter()
        process = subprocess.Popen(
            [python, "-m", "awslambdaric", handler],
            cwd=bundle,
            env={**variables, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            function.started.result(PATIENCE)
            function.seconds_to_start = time.perf_counter() - begun
            yield function
        finally:
            process.kill()
            process.wait()
            function.queue.put(None)

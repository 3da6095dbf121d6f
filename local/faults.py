"""What stands before the emulator in a test of load: it makes calls of AWS fail, and notes them.

It is off until its plan is written, so that a stack is deployed and proved on an AWS that works. It
knows a call by its operation; nothing in the functions takes part.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Self

from local.gate import API_CALL, read_headers
from local.gate import answer as answer_with
from local.journal import OPERATIONS, Call, details, is_worth_noting, operation_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.gate import Application, Message, Receive, Scope, Send

PLAN, JOURNAL, UNDER_WAY = "faults.json", "journal.jsonl", "under-way.txt"
"""The files, in the folder of a stack. The last one holds how many requests are under way."""

KINDS = ("error", "throttle", "slow", "hang", "lost", "late")
"""What may become of a call. `error` and `throttle` are answered at once and change nothing; `slow`
is answered late; `hang` is never answered and changes nothing; `lost` takes effect and its answer
never comes; `late` takes effect when its caller has given up."""

SLOWEST = 0.3
"""Seconds that a slow answer waits at most: less than the functions' own patience."""

LONGEST_SILENCE = 30.0
"""Seconds after which a caller that waits for a silent call is taken for gone."""

THROTTLED = {
    "AssumeRole": (400, "Throttling"),
    "GetItem": (400, "ProvisionedThroughputExceededException"),
    "UpdateItem": (400, "ProvisionedThroughputExceededException"),
    "PutItem": (400, "ProvisionedThroughputExceededException"),
    "StartConfigurationSession": (429, "ThrottlingException"),
    "GetLatestConfiguration": (429, "ThrottlingException"),
}
"""How AWS throttles an operation: the others with 400 and `ThrottlingException`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to go wrong.

    Attributes:
        seed: The same seed gives the same call of an operation the same fault.
        share: Of the calls that meet a fault, 0 to 1.
        kinds: The faults that there are.
        operations: The calls that may meet one.
        environments: Requests that the functions work on at once. Others wait in a line: for each
            of them the emulator would start a process.
    """

    seed: int
    share: float
    kinds: tuple[str, ...] = KINDS
    operations: tuple[str, ...] = OPERATIONS
    environments: int = 12

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return the plan in a file."""
        return cls(**json.loads(file.read_text()))

    def write(self, file: Path) -> None:
        """Make it the one that is followed."""
        fresh = file.with_suffix(".fresh")
        fresh.write_text(json.dumps(asdict(self)))
        fresh.rename(file)

    def fault(self, operation: str, number: int) -> str:
        """Return what becomes of an operation's call of this number, from 1; or the empty text."""
        drawn = random.Random(f"{self.seed} {operation} {number}")  # noqa: S311  no secret
        if operation not in self.operations or drawn.random() >= self.share:
            return ""
        return drawn.choice(self.kinds)


@dataclass
class Answer:
    """The emulator's answer, held back."""

    messages: list[Message] = field(default_factory=list)

    async def take(self, message: Message) -> None:
        """Keep a message that the emulator sends."""
        self.messages.append(message)

    @property
    def status(self) -> int:
        """Its HTTP status; 0 where there is none."""
        return int(self.messages[0]["status"]) if self.messages else 0

    @property
    def body(self) -> bytes:
        """Its content."""
        return b"".join(message.get("body", b"") for message in self.messages)


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose body was read already.

    Attributes:
        scope: ASGI's.
        body: All of it.
        disconnect: Waits for the end of the connection.
    """

    scope: Scope
    body: bytes
    disconnect: Receive

    async def receive(self) -> Message:
        """Return the body, each time that it is asked for."""
        return {"type": "http.request", "body": self.body, "more_body": False}


@dataclass
class Faults:
    """The ASGI application.

    Attributes:
        emulator: The emulator's.
        folder: Of the plan, the journal of each call of a vend, and the number of requests that
            the emulator works on, those of callers that hung up among them.
    """

    emulator: Application
    folder: Path
    _open: int = 0
    _calls: Counter[str] = field(default_factory=Counter)
    _events: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _line: asyncio.Semaphore | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request meet what is planned for it."""
        if scope["type"] != "http" or not (self.folder / PLAN).exists():
            await self.emulator(scope, receive, send)
            return
        self._counted(+1)
        try:
            await self._planned(Plan.read(self.folder / PLAN), scope, receive, send)
        finally:
            self._counted(-1)

    def _counted(self, more: int) -> None:
        self._open += more
        (self.folder / UNDER_WAY).write_text(str(self._open))

    async def _planned(self, plan: Plan, scope: Scope, receive: Receive, send: Send) -> None:
        if API_CALL.fullmatch(scope["path"]):
            self._line = self._line or asyncio.Semaphore(plan.environments)
            async with self._line:
                await self.emulator(scope, receive, send)
            return
        body = await whole(receive)
        headers = read_headers(scope)
        operation = operation_of(headers, scope["path"], body)
        self._calls[operation] += 1
        fault = plan.fault(operation, self._calls[operation])
        began, answer = next(self._events), Answer()
        try:
            await meet(fault, self.emulator, Request(scope, body, receive), answer)
        finally:
            if is_worth_noting(operation, headers):
                signed = re.search(r"Credential=([^/]+)/", headers.get("authorization", ""))
                call = Call(
                    operation,
                    fault,
                    began,
                    next(self._events),
                    answer.status,
                    signed[1] if signed else "",
                    **details(operation, body, answer.body),
                )
                with (self.folder / JOURNAL).open("a") as journal:
                    journal.write(call.line())
        if fault == "lost":
            await gone(receive)
        elif fault == "error":
            await fail(send, operation, 500, "InternalFailure")
        elif fault == "throttle":
            await fail(send, operation, *THROTTLED.get(operation, (400, "ThrottlingException")))
        elif fault in {"", "slow"}:
            for message in answer.messages:
                await send(message)


async def meet(fault: str, emulator: Application, request: Request, answer: Answer) -> None:
    """Do to a call what is planned, until the emulator has done with it, if it may see it."""
    if fault in {"error", "throttle"}:
        return
    if fault == "slow":
        await asyncio.sleep(random.uniform(0.1, SLOWEST))  # noqa: S311  no secret
    if fault in {"hang", "late"}:
        await gone(request.disconnect)
    if fault != "hang":
        await emulator(request.scope, request.receive, answer.take)


async def whole(receive: Receive) -> bytes:
    """Return a request's whole body."""
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


async def gone(receive: Receive) -> None:
    """Wait until whoever called has hung up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_SILENCE):
            while (await receive())["type"] != "http.disconnect":
                pass


async def fail(send: Send, operation: str, status: int, code: str) -> None:
    """Answer a call with an error of AWS, in the form of its service."""
    if operation == "AssumeRole":
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>planned</Message></Error>"
        await answer_with(send, status, f"<ErrorResponse>{error}</ErrorResponse>", "text/xml")
    else:
        error = json.dumps({"__type": code, "message": "planned"})
        await answer_with(send, status, error, "application/x-amz-json-1.0")

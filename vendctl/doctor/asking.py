"""Asks AWS many things at once, and keeps what it was refused."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from vendctl.doctor.documents import Document, Malformed, document
from vendctl.doctor.findings import Unread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import boto3

    from vendctl.console import Console

Item = TypeVar("Item")
Answer = TypeVar("Answer")

WORKERS = 8
RETRIES = 8
"""Adaptive: the client slows down while AWS throttles, and asks each thing this often."""
SECONDS = 10
"""To connect, and to wait for an answer."""


class Reader:
    """Asks AWS, and keeps what it was refused.

    Attributes:
        unread: What could not be read so far.
    """

    def __init__(self, session: boto3.Session, region: str, console: Console) -> None:
        from botocore.config import Config  # noqa: PLC0415  with_aws has the reason
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
        from botocore.parsers import ResponseParserError  # noqa: PLC0415

        # The last is what a proxy's page of HTML comes to.
        self._failures = (BotoCoreError, ClientError, ResponseParserError)
        self._refusal = ClientError
        settings = Config(
            retries={"mode": "adaptive", "max_attempts": RETRIES},
            max_pool_connections=WORKERS,
            connect_timeout=SECONDS,
            read_timeout=SECONDS,
        )
        client: Any = session.client
        self._clients = {
            name: client(name, region_name=region, config=settings)
            for name in ("ecr", "iam", "service-quotas")
        }
        self._console = console
        self.unread: list[Unread] = []

    def ask(
        self, service: str, call: str, where: str, absent: Sequence[str] = (), **given: Any
    ) -> dict[str, Any] | None:
        """Return the answer to one call, or None: it is absent, or could not be read.

        Args:
            service: Of boto3.
            call: Its method.
            where: What is asked about, for whoever reads that it was refused.
            absent: Error codes that say there is none, which is an answer.
            given: The parameters.
        """
        try:
            answer: dict[str, Any] = getattr(self._clients[service], call)(**given)
        except self._failures as problem:
            if self._code(problem) not in absent:
                self._refused(service, call, where, problem)
            return None
        return answer

    def pages(
        self, service: str, call: str, where: str, items: str, **given: Any
    ) -> tuple[list[Any], bool]:
        """Return the items of all pages, and whether these are all there are."""
        found: list[Any] = []
        try:
            for page in self._clients[service].get_paginator(call).paginate(**given):
                found += page.get(items, [])
        except self._failures as problem:
            self._refused(service, call, where, problem)
            return found, False
        return found, True

    def parsed(
        self, kind: str, where: str, name: str, given: object, *, call: str, alone: bool = False
    ) -> Document | None:
        """Return a document, or None where AWS gave something that is none."""
        try:
            return document(kind, where, name, given, alone=alone)
        except Malformed as problem:
            self.unread.append(Unread(call, f"{kind} {name}", f"a document {problem}"))
            return None

    def each(
        self, what: str, items: Sequence[Item], read: Callable[[Item], Answer]
    ) -> list[Answer]:
        """Return `read` of each item, several at once, and show how far it is."""
        waiting: SimpleQueue[tuple[int, Item]] = SimpleQueue()
        done: SimpleQueue[tuple[int, list[Answer]]] = SimpleQueue()
        for numbered in enumerate(items):
            waiting.put(numbered)

        def work() -> None:
            with suppress(Empty):
                while True:
                    number, item = waiting.get_nowait()
                    answer: list[Answer] = []
                    try:
                        answer.append(read(item))
                    finally:
                        # Empty where `read` failed: then whoever waits fails too.
                        done.put((number, answer))

        # A pool would wait for calls under way before the process ends, after Ctrl-C as well.
        for _ in range(min(WORKERS, len(items))):
            Thread(target=work, daemon=True).start()
        answers: dict[int, Answer] = {}
        try:
            for count in range(1, len(items) + 1):
                number, answer = done.get()
                (answers[number],) = answer
                self._console.progress(f"{what}: {count} of {len(items)}")
        finally:
            # What has not begun never begins.
            with suppress(Empty):
                while True:
                    waiting.get_nowait()
            self._console.progress("")
        return [answers[number] for number in range(len(items))]

    def _refused(self, service: str, call: str, where: str, problem: Exception) -> None:
        operation = self._clients[service].meta.method_to_api_mapping[call]
        action = f"{service.replace('-', '')}:{operation}"
        self.unread.append(Unread(action, where, self._code(problem)))

    def _code(self, problem: Exception) -> str:
        if isinstance(problem, self._refusal):
            return str(problem.response["Error"]["Code"])
        return type(problem).__name__

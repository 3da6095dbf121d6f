"""Calls of AWS end in time: what is repeated, what is not, and what they take at most."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)

from vending.aws_clients import THROTTLES, patient_client
from vending.deadlines import LEDGER, QUICK

CLOSED = ConnectionClosedError(endpoint_url="https://dynamodb")
HANGS = ReadTimeoutError(endpoint_url="https://dynamodb")


@cache
def session() -> botocore.session.Session:
    found = botocore.session.Session()
    found.set_credentials("AKIAFUNCTIONSOWN0000", "own-secret")
    return found


class Server:
    """Gives one answer after the other: a status and a code, or an exception."""

    def __init__(self, *answers: tuple[int, str] | Exception, after: float = 0.0) -> None:
        self.answers = list(answers)
        self.after = after
        self.client = patient_client(session(), "dynamodb", LEDGER, "eu-west-1")
        self.client.meta.events.register("before-send.dynamodb", self._send)

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        time.sleep(self.after)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, code = answer
        body = f'{{"__type":"{code}"}}'.encode() if code else b"{}"

        class Raw:
            def stream(self, *_: Any, **__: Any) -> Any:
                yield body

        return AWSResponse(request.url, status, HTTPHeaders(), Raw())

    def put(self) -> None:
        self.client.put_item(TableName="ledger", Item={})


@pytest.fixture(autouse=True)
def _no_sleep_between_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    def slept(seconds: float) -> None:
        assert seconds == 0

    monkeypatch.setattr("botocore.endpoint.time.sleep", slept)


@pytest.mark.parametrize("first", [CLOSED, (500, "InternalServerError"), (503, "")])
def test_what_failed_at_once_is_repeated_at_once(first: tuple[int, str] | Exception) -> None:
    server = Server(first, (200, ""))
    server.put()
    assert server.answers == []


@pytest.mark.parametrize("again", [CLOSED, (500, "InternalServerError")])
def test_it_is_repeated_once(again: tuple[int, str] | Exception) -> None:
    server = Server(CLOSED, again, (200, ""))
    with pytest.raises((BotoCoreError, ClientError)):
        server.put()
    assert server.answers == [(200, "")]


def test_what_took_its_time_to_fail_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("vending.aws_clients.time.monotonic", lambda: now[0])

    class Slow(Server):
        def _send(self, request: Any, **_: Any) -> AWSResponse:
            now[0] += QUICK + 0.01
            return super()._send(request)

    server = Slow(HANGS, (200, ""))
    with pytest.raises(ReadTimeoutError):
        server.put()
    assert server.answers == [(200, "")]


@pytest.mark.parametrize(
    "answer",
    [(400, "AccessDeniedException"), *((400, code) for code in THROTTLES), (503, "SlowDown")],
)
def test_a_refusal_and_a_throttle_are_not_repeated(answer: tuple[int, str]) -> None:
    server = Server(answer, (200, ""))
    with pytest.raises(ClientError, match=answer[1]):
        server.put()
    assert server.answers == [(200, "")]


def test_a_client_waits_as_long_as_it_is_told() -> None:
    config = Server().client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (LEDGER.connect, LEDGER.read)

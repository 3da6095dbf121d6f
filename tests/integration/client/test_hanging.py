"""An endpoint that never ends its answer is left behind when the time is over."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from ecr_vend import deadline
from ecr_vend.deadline import Deadline, bounded
from ecr_vend.errors import Problem
from ecr_vend.keys import Keys
from ecr_vend.service import Service
from tests.client.fake_service import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecr_vend.secret import Secret

KEYS = Keys("AKIA", "secret", None)


def say_nothing(_: socket.socket, over: threading.Event) -> None:
    over.wait(30)


def drip(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    # Each byte is soon enough for a time limit on reading; the answer never ends.
    while not over.wait(0.01):
        connection.sendall(b"a")


@pytest.fixture(params=[say_nothing, drip])
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a service that takes every request and never answers."""
    over = threading.Event()
    behave: Callable[[socket.socket, threading.Event], None] = request.param
    served: list[threading.Thread] = []

    def converse(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # it has been left
            behave(connection, over)

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            served.append(threading.Thread(target=converse, args=(connection,)))
            served[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/live"
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
    for each in served:
        each.join()


def test_an_answer_that_never_ends_is_left_behind(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "GRACE", 0.05)
    service = Service(endpoint, "eu-west-1", KEYS)

    def fetch(deadline: Deadline) -> tuple[Secret, float, float]:
        return service.vend({"registry": HOST}, deadline)

    with pytest.raises(Problem) as caught:
        bounded(fetch, Deadline(0.3))
    assert caught.value.code in {"timeout", "unreachable"}

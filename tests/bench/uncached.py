"""A `get` that must ask the service: beside AWS's own command line, many at once, over time."""

from __future__ import annotations

import base64
import json
import shutil
import statistics
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.bench.measure import Row, compared, seconds_of
from tests.client.fake_service import HOST, FakeService, serve
from tools.environments import ROOT, VENV, Missing, make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Command = tuple[list[str], dict[str, str]]

NAME = "docker-credential-ecr-vend"
CROWD = 200
LIFE = 6
LIFETIMES = 4
SLOW = 0.5
"""Seconds the service takes over a token where it is shown who waits for one."""


def ours(home: Path, environ: dict[str, str]) -> list[str]:
    """Install the helper as in a virtual environment with what it needs and nothing else."""
    folder = home / "bin"
    folder.mkdir(parents=True)
    (home / "pyvenv.cfg").touch()
    front = str(shutil.copy(ROOT / "client/front" / NAME, folder))
    python = folder / "python"
    # The front says -I, with which no PYTHONPATH would lead to the sources.
    python.write_text(
        f'#!/bin/sh\nshift\nPYTHONPATH="{ROOT / "client/src"}" exec "{interpreter()}" -P "$@"\n'
    )
    python.chmod(0o755)
    environ["HOME"] = str(home)
    return ["/bin/sh", front, "get"]


def interpreter() -> Path:
    """Return the Python of an environment that has what the client needs and nothing else."""
    make("client")
    return VENV / "client/bin/python"


@contextmanager
def fake_ecr() -> Iterator[str]:
    """Answer ECR's GetAuthorizationToken on loopback, and yield the URL."""
    token = base64.b64encode(b"AWS:" + b"A" * 2800).decode()
    document = {"authorizationToken": token, "expiresAt": 1.9e9, "proxyEndpoint": f"https://{HOST}"}
    content = json.dumps({"authorizationData": [document]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def peer(home: Path, url: str, environ: dict[str, str]) -> Command | str:
    """Return the command and environment of AWS's own command line, or why there is none."""
    try:
        program = make("peers") / "bin/aws"
    except Missing as problem:
        return f"missing: aws ({str(problem).splitlines()[0]})"
    home.mkdir(parents=True)
    named = environ | {
        "HOME": str(home),
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    return [str(program), "ecr", "get-login-password"], named


def rows(folder: Path, environ: dict[str, str], *, rounds: int) -> Iterator[Row]:
    """Yield an uncached `get`, two hundred at once, and a run of them over several lifetimes."""
    asked, elsewhere = folder / "host", folder / "elsewhere"
    asked.write_text(HOST)
    elsewhere.write_text("docker.io")
    home = folder / "uncached"
    service = FakeService()
    with contextmanager(serve)(service):
        named = environ | {"ECR_VEND_ENDPOINT": service.url, "ECR_VEND_REGION": "eu-west-1"}
        words = ours(home, named)

        def cold(at_once: int = 1) -> float:
            shutil.rmtree(home / ".cache", ignore_errors=True)
            service.asked.clear()
            seconds = seconds_of(words, named, asked, at_once=at_once)
            if len(service.asked) != 1:
                raise ChildProcessError(f"{len(service.asked)} requests were made in place of 1")
            return seconds

        with fake_ecr() as url:
            yield uncached(cold, peer(folder / "aws", url, environ), asked, rounds=rounds)
        yield crowd(cold, lambda: empty(words, named, elsewhere), rounds=max(rounds // 3, 1))

        def forget() -> None:
            shutil.rmtree(home / ".cache", ignore_errors=True)

        yield over_lifetimes(service, forget, lambda: seconds_of(words, named, asked))


def uncached(cold: Callable[[], float], other: Command | str, asked: Path, *, rounds: int) -> Row:
    """Return an uncached `get` beside the call of AWS's own command line that answers the same."""
    theirs = None if isinstance(other, str) else lambda: seconds_of(*other, asked)
    mine, seconds, ratio = compared(cold, theirs, rounds=rounds)
    shown = other if seconds is None else f"aws ecr get-login-password {seconds * 1000:.0f} ms"
    return Row("uncached get", "≤ 0.50", f"{mine * 1000:.0f} ms", str(shown), ratio)


def empty(words: list[str], environ: dict[str, str], elsewhere: Path) -> float:
    """Return the seconds of as many runs of the front that have nothing to answer."""
    return seconds_of(words, environ, elsewhere, at_once=CROWD, code=1)


def crowd(cold: Callable[[int], float], floor: Callable[[], float], *, rounds: int) -> Row:
    """Return many uncached calls at once beside one of them and the starts of as many shells."""

    def least() -> float:
        return cold(1) + floor()

    mine, theirs, ratio = compared(lambda: cold(CROWD), least, rounds=rounds)
    assert theirs is not None
    shown = f"one, and {CROWD} shells that find nothing {theirs * 1000:.0f} ms"
    what = f"{CROWD} uncached gets at once, 1 request"
    return Row(what, "≤ 2.00", f"{mine * 1000:.0f} ms", shown, ratio)


def over_lifetimes(
    service: FakeService, forget: Callable[[], object], call: Callable[[], float]
) -> Row:
    """Return how many calls waited for the service while tokens came and went."""
    service.life, service.delay = LIFE, SLOW
    service.asked.clear()
    forget()
    call()
    end = time.monotonic() + LIFE * LIFETIMES
    times = []
    while time.monotonic() < end:
        times.append(call())
        time.sleep(0.05)
    renewed = len(service.asked) - 1
    if renewed < LIFETIMES:
        raise ChildProcessError(f"{renewed} renewals in {LIFETIMES} lifetimes")
    waited = sum(seconds >= SLOW for seconds in times)
    middle, longest = statistics.median(times) * 1000, max(times) * 1000
    return Row(
        f"gets over {LIFETIMES} lifetimes that waited for the service",
        "0",
        f"{waited} of {len(times)} (median {middle:.1f} ms, longest {longest:.0f} ms)",
        f"{renewed} renewals of {SLOW * 1000:.0f} ms, apart",
    )

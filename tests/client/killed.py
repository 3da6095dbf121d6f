"""A program that kills a call at every step it takes in its cache or on the network.

Run as a process of its own, which may fork because it has one thread: calls start others, so each
is made in a process forked for it. The first run is killed before its first step, the next before
its second, until one ends by itself; after each, what is left must do for the next call. Prints how
many steps there were and what was wrong.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_vend import ready, renewal
from ecr_vend.cache import Cache
from ecr_vend.cache_files import READY
from ecr_vend.dialects import docker
from ecr_vend.private_files import Lock
from tests.client.fake_service import HOST
from tests.client.renewals import age_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(os.environ["HOME"]) / ".cache/ecr-vend"
STEPS = {"open", "fcntl.flock", "socket.connect", "socket.bind", "socket.getaddrinfo"}
"""Audit events that are steps, besides those of `os` that name a file of the cache."""


def kill_before(step: int) -> None:
    """Let this process kill itself before its `step`th step; the first is 1."""
    taken = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal taken
        if event not in STEPS and not event.startswith("os."):
            return
        named = [os.fsdecode(a) for a in arguments if isinstance(a, str | bytes | os.PathLike)]
        if event.startswith(("os.", "open")) and not any(str(FOLDER) in name for name in named):
            return
        taken += 1
        if taken == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def get() -> str:
    """Return what the helper answers to `get`."""
    out = io.StringIO()
    docker.run(["get"], io.StringIO(HOST), out, os.environ)
    return out.getvalue()


def renew() -> None:
    """Renew as the process does that a call starts."""
    renewal.renew(HOST, {}, os.environ)


def nothing() -> None:
    """Begin with no cache at all."""


def past_its_refresh_point() -> None:
    """Begin with a token that is to be renewed."""
    get()
    age_tokens(Cache(FOLDER, os.environ), 800)


def whole(text: str) -> bool:
    """Return whether an answer holds a token as it was vended, all of it."""
    try:
        secret = json.loads(text)["Secret"]
    except (ValueError, KeyError):
        return False
    return bool(secret.startswith("token-") and secret.endswith("-" + "A" * 2800))


def faults() -> list[str]:
    """Return what is wrong with what a killed call has left."""
    wrong = []
    front = subprocess.run(
        ["/bin/sh", os.environ["FRONT"], "get"],
        input=HOST,
        capture_output=True,
        text=True,
        check=False,
    )
    if front.stderr or (front.stdout != "PYTHON\n" and not whole(front.stdout)):
        wrong.append(f"the front says {front.stdout} {front.stderr}")
    for path in FOLDER.glob("*.lock"):
        if not (lock := Lock.take(path)):
            wrong.append(f"{path.name} is stuck")
        else:
            with lock:
                pass
    first = get()
    if not whole(first):
        wrong.append(f"the next call is told {first}")
    if get() != first:
        wrong.append("what the next call got is not kept")
    later = time.time() + 100_000
    ready.sweep(FOLDER / READY, later)
    Cache(FOLDER, os.environ).sweep(later)
    wrong += [f"{path.name} is left over" for path in FOLDER.rglob("*") if path.is_file()]
    return wrong


def apart(act: Callable[[], object]) -> tuple[int, str]:
    """Return the exit code of a process forked to act, and what it returned, in JSON."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.write(writing, json.dumps(act()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as returned:
        text = returned.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


def main(before: Callable[[], None], act: Callable[[], object]) -> None:
    """Kill `act` at each of its steps, `before` which the cache is made ready."""
    renewal.start = lambda *_: False  # what is to be renewed is renewed in the call
    wrong: list[str] = []
    step = 0
    code = -signal.SIGKILL
    while code:
        step += 1

        def killed(step: int = step) -> None:
            kill_before(step)
            act()

        shutil.rmtree(FOLDER, ignore_errors=True)
        apart(before)
        code, _ = apart(killed)
        wrong += [f"step {step}: {fault}" for fault in json.loads(apart(faults)[1])]
    print(json.dumps({"steps": step - 1, "wrong": wrong}))


if __name__ == "__main__":
    main(*{"fetch": (nothing, get), "renewal": (past_its_refresh_point, renew)}[sys.argv[1]])

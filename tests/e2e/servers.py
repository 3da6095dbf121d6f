"""Starts the servers of Debian's packages for a test session: a plain registry, and dockerd."""

from __future__ import annotations

import json
import queue
import re
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.clients import PATH
from tests.tools_at_hand import require_tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START_LIMIT = 60
"""Seconds until a server says that it serves."""

END_LIMIT = 30
"""Seconds for a server to end when it is asked to."""


class NotServing(Exception):
    """A server ended, or does not do what it is there for; the message is its own last line."""


@contextmanager
def serving(command: Sequence[str | Path], ready: str) -> Iterator[re.Match[str]]:
    """Run a server and end it.

    Args:
        command: Of the server; it ends with this process too, whatever way that ends.
        ready: Matches the line with which it says that it serves.

    Raises:
        NotServing: It ended instead.
    """
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    last: deque[str] = deque(maxlen=1)
    told: queue.SimpleQueue[re.Match[str] | None] = queue.SimpleQueue()

    def listen() -> None:
        assert process.stdout
        with process.stdout as lines:
            for line in lines:
                last.append(line.strip())
                if match := re.search(ready, line):
                    told.put(match)
        told.put(None)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        match = told.get(timeout=START_LIMIT)
        if match is None:
            raise NotServing("".join(last))
        yield match
    finally:
        process.terminate()
        try:
            process.wait(END_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listener.join(END_LIMIT)


@contextmanager
def plain_registry() -> Iterator[str]:
    """Run Debian's `docker-registry` without any lock, and give its host and port."""
    program = require_tool("docker-registry", PATH)
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": folder}},
            "http": {"addr": "127.0.0.1:0"},
        }
        file = Path(folder) / "config.yml"
        file.write_text(json.dumps(settings))  # JSON is YAML
        with serving([program, "serve", file], r"listening on (127\.0\.0\.1:[0-9]+)") as match:
            yield match[1]


@contextmanager
def docker_daemon() -> Iterator[str]:
    """Run a dockerd that uses nothing of the machine's, and give its address.

    Where it serves, it must still be allowed to unpack an image: that takes a mount namespace.

    Raises:
        NotServing: It cannot do so here.
    """
    program = require_tool("dockerd", PATH)
    folder = Path(tempfile.mkdtemp(prefix="dockerd-"))  # short: sockets have short names
    address = f"unix://{folder}/socket"
    settings = {
        "hosts": [address],
        "data-root": str(folder / "images"),
        "exec-root": str(folder / "run"),
        "pidfile": str(folder / "pid"),
        "group": "root",
        "storage-driver": "vfs",
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
    }
    file = folder / "daemon.json"
    file.write_text(json.dumps(settings))
    try:
        with serving([program, "--config-file", file], r"API listen on ") as _:
            unpack_an_image(address)
            yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unpack_an_image(address: str) -> None:
    """Let a daemon make an empty image.

    Raises:
        NotServing: It may not.
    """
    docker = [str(require_tool("docker", PATH)), "--host", address]
    done = subprocess.run(
        [*docker, "import", "-"], input=bytes(10240), capture_output=True, check=False
    )
    if done.returncode:
        raise NotServing(done.stderr.decode(errors="replace").strip())
    subprocess.run([*docker, "rmi", done.stdout.decode().strip()], capture_output=True, check=True)

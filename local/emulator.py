"""The emulator's process, started by `local.process`.

It prints one JSON line when it serves (`port`, `access_key_id`, `secret_access_key`), and ends when
its standard input does: that happens whatever way its parent dies.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local import internals, provisioning, publishing, sessions
from local.faults import Faults
from local.gate import Gate
from local.passwords import Passwords
from local.validation import run_validators

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS = "127.0.0.1"
ACCOUNT = "000000000000"
REGION = "us-east-1"


def reserve(port: int) -> socket.socket:
    """Return a socket bound on loopback that does not listen yet; port 0 is any free one."""
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((ADDRESS, port))
    return held


def announce(port: int, administrator: internals.Keys) -> None:
    """Tell the parent where the emulator is, then give standard output up."""
    line = {
        "port": port,
        "access_key_id": administrator.access_key_id,
        "secret_access_key": administrator.secret_access_key,
    }
    print(json.dumps(line), flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def end_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` when standard input ends."""

    def wait() -> None:
        while sys.stdin.buffer.read(1):
            pass
        stop()

    threading.Thread(target=wait, daemon=True).start()


async def serve(held: socket.socket, faults: Path | None) -> None:
    """Serve until a signal or the end of standard input.

    Args:
        held: The socket to serve on.
        faults: The folder of the plan of what goes wrong, and of the journal; none for neither.
    """
    from hypercorn.asyncio import serve as run  # noqa: PLC0415  after the environment is set
    from hypercorn.config import Config  # noqa: PLC0415
    from ministack.app import app  # noqa: PLC0415

    port = held.getsockname()[1]
    internals.require()
    administrator = internals.make_administrator()
    passwords = Passwords(time.time)
    internals.issue_passwords_from(passwords, f"http://{ADDRESS}:{port}")
    provisioning.honour_api_policies()
    provisioning.honour_boundaries()
    provisioning.honour_object_locks()
    provisioning.keep_api_ids()
    sessions.know_functions_by_their_roles()
    sessions.honour_source_identity()
    sessions.honour_principal_arns()
    publishing.keep_versions()
    publishing.list_in_pages()
    run_validators()
    emulator = Faults(app, faults) if faults else app
    gate = Gate(emulator, passwords, ACCOUNT, REGION, ready=lambda: announce(port, administrator))

    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        loop.call_soon_threadsafe(stopped.set)

    end_with_parent(stop)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)

    config = Config()
    config.bind = [f"fd://{held.fileno()}"]
    config.accesslog = None
    config.graceful_timeout = 0.5
    config.keep_alive_timeout = 75
    held.listen(512)
    await run(gate, config, shutdown_trigger=stopped.wait)  # type: ignore[arg-type, unused-ignore]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--state", required=True, help="the folder of its files, removed at the end"
    )
    parser.add_argument("--faults", type=Path, help="the folder of the plan and the journal")
    arguments = parser.parse_args()
    try:
        held = reserve(arguments.port)
    except OSError as problem:
        print(f"port {arguments.port} cannot be had: {problem.strerror}", file=sys.stderr)
        return 2
    # The emulator reads these when it is imported, and hands them down to the functions.
    os.environ.update(
        AUTH="true",
        BIND_HOST=ADDRESS,
        GATEWAY_PORT=str(held.getsockname()[1]),
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        MINISTACK_REGION=REGION,
        DOCKER_HOST="unix:///nonexistent/docker.sock",
    )
    try:
        asyncio.run(serve(held, arguments.faults))
    except internals.Changed as problem:
        print(problem, file=sys.stderr)
        return 2
    finally:
        internals.stop_functions()
        shutil.rmtree(arguments.state, ignore_errors=True)
    # Threads of the emulator that are still waiting for work would hold the process.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())

"""A process of its own that renews a token, so that no pull waits for it.

It shares nothing with the call that starts it but the environment and the working directory, both
of which may choose credentials. Its streams lead nowhere and every other descriptor is closed, or
docker would wait for it. What it is to renew it finds in the cache, by itself: where nothing is
kept any more, it has nothing to do. No token is handed to it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_vend import log, ready, single_file, tokens
from ecr_vend.cache import Cache
from ecr_vend.deadline import Deadline
from ecr_vend.errors import Problem
from ecr_vend.registries import managed
from ecr_vend.settings import load

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

LIMIT = 25.0
"""Seconds after which the process ends, whatever hangs in it."""

LONGEST_REQUEST = 16 * 1024
"""Bytes of a request that fit a pipe before anyone reads it."""

STARTED: list[subprocess.Popen[bytes]] = []
"""Kept, because Python warns of a process that is forgotten while it runs."""


def start(asked: str, request: Mapping[str, object], environ: Mapping[str, str]) -> bool:
    """Start a process that renews the token kept for a registry, and return whether it began.

    Args:
        asked: The registry's name, which chooses its settings.
        request: The body of the token request, but for its registry.
        environ: The environment of the call.
    """
    import subprocess

    given = json.dumps(request).encode()
    if len(given) > LONGEST_REQUEST:
        return False
    apart = 0
    if sys.platform == "win32":
        # A console of its own, unseen: without one, a program that it runs would open a window.
        apart = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    # Isolated as this process is; see the front.
    isolated = "-I" if sys.flags.isolated else "-P"
    try:
        process = subprocess.Popen(
            [*single_file.command("ecr_vend.renewal", isolated), asked],
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=True,
            start_new_session=True,
            creationflags=apart,
        )
        STARTED.append(process)
        assert process.stdin  # noqa: S101 for the type checker
        with process.stdin:
            process.stdin.write(given)
    except (OSError, ValueError) as error:
        log.note("no process could be started to renew", failed=type(error).__name__)
        return False
    log.note("a process renews the token", host=asked, process=process.pid)
    return True


def renew(asked: str, request: dict[str, object], environ: Mapping[str, str]) -> None:
    """Renew the token kept for a registry, and the front's entry with it.

    Raises:
        Problem: There is no new token; the cache says why.
    """
    registry = managed(asked, load(environ))
    if not registry:
        return
    host, own = registry.host, registry.settings
    settings = replace(own, request=request)
    cache = Cache(settings.cache_dir, environ, make=False)
    token = tokens.Asking(
        tokens.wanted(host, settings, environ),
        cache,
        tokens.fetching(host, settings, environ),
        environ,
        deadline=Deadline(tokens.ASKING),
        renewing=tokens.ASKING,
    ).renewed()
    log.note("renewed" if token else "not renewed", host=asked)
    # A token for a narrower request is not what the front would be given.
    if token and request == own.request:
        ready.publish(asked, token, settings, environ)


def main() -> None:
    """Run the process, and end it."""
    watch = threading.Timer(LIMIT, os._exit, [1])
    watch.daemon = True
    watch.start()
    code = 1
    try:
        renew(sys.argv[1], json.loads(sys.stdin.buffer.read()), os.environ)
        code = 0
    except Problem:
        pass  # recorded, for the next call
    finally:
        # At once: a fetch that hangs is left behind. No stream is there to say anything on.
        os._exit(code)


if __name__ == "__main__":
    main()

"""The outermost frame of the programs.

Whole streams, one exit code, one line for whatever goes wrong, and never a traceback: that could
show a token.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the signal's number, as shells have it."""


def guarded(call: Callable[[], int], *tell: TextIO) -> int:
    """Return a call's exit code; 1 after a failure, which is one line on each of `tell`."""
    try:
        return call()
    except Problem as failure:
        problem = failure
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # nobody reads on
        return 1
    except Exception as error:  # noqa: BLE001 the outermost frame
        problem = Problem("internal", detail=type(error).__name__)
    for stream in tell:
        stream.write(f"{problem}\n")
    return 1


def finish(
    speak: Callable[[TextIO, TextIO, TextIO], int],
    stdin: TextIO | None,
    *,
    failures_on_stdout: bool = False,
) -> None:
    """Run a call and end the process, at once: a fetch left behind must not hold it up.

    Args:
        speak: Carries the call out on stdin, stdout and stderr; returns the exit code.
        stdin: What it reads.
        failures_on_stdout: Whether failures are told there too, as the docker protocol wants it.
    """
    # A stream that the caller has closed is None: there is nothing to read, or nobody to tell.
    streams: list[TextIO] = [stream or io.StringIO() for stream in (stdin, sys.stdout, sys.stderr)]
    for stream in streams:
        # What is read is a name, a URL or JSON; bytes that are not UTF-8 make it an unknown one.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(encoding="utf-8", errors="surrogateescape")
    given, stdout, stderr = streams
    tell = (stdout, stderr) if failures_on_stdout else (stderr,)
    code = guarded(lambda: speak(given, stdout, stderr), *tell)
    for stream in (stdout, stderr):
        try:
            stream.flush()
        except OSError:
            code = code or 1
    os._exit(code)

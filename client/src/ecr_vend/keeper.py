"""The process that stays beside a command of `ecr-vend exec`, and removes its tokens at its end.

A program for itself, of the standard library alone, started as `python -I -S keeper.py PID FOLDER`
with the folder's lock inherited: it lives as long as the command does, so it should be small. It is
the child of no one, because a command may wait for all its children, and has a session of its own,
so that no signal of the terminal reaches it.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
import time

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Callable

POLL = 0.2
"""Seconds between two looks at a process on systems that cannot tell of its end."""


def main() -> None:
    """Say `ready` on stdout from a process of its own, wait, remove."""
    pid, folder = int(sys.argv[1]), sys.argv[2]
    # What stops a whole group or service must leave the one that cleans up after the others.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    if os.fork():
        os._exit(0)
    wait = end_of(pid)
    os.write(1, b"ready")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    wait()
    remove(folder)


def end_of(pid: int) -> Callable[[], object]:
    """Return what waits for the end of a process that is not a child of this one."""
    with contextlib.suppress(OSError):  # an old kernel, a sandbox; or it has ended already
        if sys.platform == "darwin":
            queue = select.kqueue()
            flags = select.KQ_EV_ADD | select.KQ_EV_ONESHOT
            queue.control(
                [select.kevent(pid, select.KQ_FILTER_PROC, flags, select.KQ_NOTE_EXIT)], 0
            )
            return lambda: queue.control([], 1)
        if sys.platform == "linux":
            handle = os.pidfd_open(pid)
            return lambda: select.select([handle], [], [])
    return lambda: poll(pid)


def poll(pid: int) -> None:
    """Return when there is no process of that number."""
    while alive(pid):
        time.sleep(POLL)


def alive(pid: int) -> bool:
    """Return whether there is a process of that number. POSIX only: Windows would end it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def remove(folder: str) -> None:
    """Remove the folder; links in it, not what they lead to. The tokens go first."""
    for name in ("config.json", "auth.json"):
        try:
            os.unlink(os.path.join(folder, name))  # noqa: PTH108, PTH118 pathlib costs a third more
        except OSError:
            continue
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

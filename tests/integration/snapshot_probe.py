"""The vending function as SnapStart runs it: started once, then restored twice from there.

A fork is what comes nearest to a restore on one machine. Run by the functions' Python with the
bundle on its path; it prints one JSON object a line and waits for a line of input before each copy.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

from snapshot_restore_py import get_after_restore, get_before_snapshot

from handlers.vend import handler


class Context:
    """What Lambda hands over with an event."""

    aws_request_id = "invocation-1"

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left of the function's time."""
        return 20_000


def sockets() -> int:
    """Return how many connections are open."""
    links = Path("/proc/self/fd").iterdir()
    return sum(str(link.readlink()).startswith("socket:") for link in links if link.is_symlink())


def say(**found: object) -> None:
    """Print what was found."""
    print(json.dumps(found), flush=True)


for hook, words, names in reversed(get_before_snapshot()):
    hook(*words, **names)
say(sockets=sockets())
state = random.getstate()
for _ in range(2):
    event = json.loads(sys.stdin.readline())
    if copy := os.fork():
        os.waitpid(copy, 0)
        continue
    # Python draws anew after a fork. A snapshot is restored with what it held.
    random.setstate(state)
    for hook, words, names in get_after_restore():
        hook(*words, **names)
    answer = handler(event, Context())
    drawn = random.random()  # noqa: S311  what waits between retries draw from
    say(status=answer["statusCode"], body=json.loads(answer["body"]), drawn=drawn)
    os._exit(0)

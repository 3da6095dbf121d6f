"""Runs in the functions' Python: CPU of a vend, and of the same AWS calls made bare.

python cpu_probe.py BUNDLE EVENT CALLS ROUNDS BATCH >RESULT: EVENT is an API Gateway event, CALLS a
list of [service, operation, parameters] that a vend makes. Prints a list of pairs of seconds of
CPU for one, one pair a round. What the handler logs is thrown away.
"""

import base64
import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

bundle, event_file, calls_file, rounds, batch = sys.argv[1:]
sys.path[0] = bundle
result = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

import botocore.session  # noqa: E402

from handlers.vend import handler  # noqa: E402

event = json.loads(Path(event_file).read_text())
context = SimpleNamespace(aws_request_id="r-1")
session = botocore.session.Session()
clients: dict[str, Any] = {}
calls = []
for service, operation, parameters in json.loads(Path(calls_file).read_text()):
    client = clients.setdefault(service, session.create_client(service))
    if "Message" in parameters:
        parameters["Message"] = base64.b64decode(parameters["Message"])
    calls.append((getattr(client, operation), parameters))


def vend() -> None:
    """Answer one request."""
    assert handler(event, context)["statusCode"] == 200


def bare() -> None:
    """Make the calls of one vend."""
    for call, parameters in calls:
        call(**parameters)


def seconds(work: Any) -> float:
    """Return the CPU that one of a batch takes."""
    begun = time.process_time()
    for _ in range(int(batch)):
        work()
    return (time.process_time() - begun) / int(batch)


seconds(vend), seconds(bare)
print(
    json.dumps([[seconds(vend), seconds(bare)] for _ in range(int(rounds))]),
    file=result,
    flush=True,
)

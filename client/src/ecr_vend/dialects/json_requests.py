"""Requests in JSON, which say by what they hold whose protocol they are in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

from ecr_vend import program
from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping


def run(text: str, stdout: TextIO, stderr: TextIO, environ: Mapping[str, str]) -> int:
    """Answer a request on stdout, or say on stderr why not; return the exit code."""

    def speak() -> int:
        request = parsed(text)
        if "kind" in request or "apiVersion" in request:
            from ecr_vend.dialects.kubelet import answer
        else:
            from ecr_vend.dialects.bazel import answer
        stdout.write(json.dumps(answer(request, environ)) + "\n")
        return 0

    return program.guarded(speak, stderr)


def parsed(text: str) -> dict[str, Any]:
    """Return the object that a request is.

    Raises:
        Problem: It is none.
    """
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        raise Problem("not_understood", detail="it is not JSON") from None
    if not isinstance(request, dict):
        raise Problem("not_understood", detail="it is not a JSON object")
    return request

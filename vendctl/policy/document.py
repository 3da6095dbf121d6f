"""The policy that a command is about: a file, or standard input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vendctl.command_line import Failure
from vendctl.explaining.places import Places
from vending.policy import Policy
from vending.policy_text import PolicyError, parse, read

if TYPE_CHECKING:
    from argparse import ArgumentParser


STDIN = "-"

MOST_SAID = 5
"""Problems that are said where the question is another: `check` says them all."""


def add_file(parser: ArgumentParser, name: str = "file") -> None:
    """Describe the argument that names a policy."""
    parser.add_argument(
        name, metavar=name.upper(), help="the policy, such as policy/policy.yaml; - for stdin"
    )


def text_of(file: str) -> bytes:
    """Return the bytes of a file, or of stdin.

    Raises:
        Failure: It cannot be read.
    """
    try:
        if file == STDIN:
            return sys.stdin.buffer.read()
        with open(file, "rb") as opened:  # noqa: PTH123  a name as it was typed
            return opened.read()
    except OSError as problem:
        raise Failure(f"{file}: {problem.strerror}") from None


def policy_of(file: str) -> Policy:
    """Return the policy in a file, or on stdin.

    Raises:
        Failure: It cannot be read.
        PolicyError: It is no policy.
    """
    return parse(text_of(file), name=file)


def asked_policy(file: str) -> tuple[Policy, Places]:
    """Return the policy that a question is about, and where its entries stand.

    Raises:
        Failure: It cannot be read or is no policy, so that there is no answer, not even no.
    """
    reading = read(text_of(file), Policy)
    if reading.root is None or reading.problems:
        problems = PolicyError(file, reading.problems, most=MOST_SAID)
        raise Failure(f"{file} is no policy, so there is no answer:\n{problems}")
    policy: Policy = reading.value
    return policy, Places(file, reading.root)

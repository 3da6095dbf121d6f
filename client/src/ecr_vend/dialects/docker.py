"""`docker-credential-ecr-vend`: the docker credential-helper protocol.

What is printed, where and with which exit code is fixed by docker-credential-helpers and by the
clients that compare its strings; failures go to stdout with exit 1. They go to stderr as well:
docker does not show what it reads from a helper that failed (it goes on as nobody), but lets its
stderr through.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, TextIO

from ecr_vend import __version__, hosts, program, ready, registries, tokens
from ecr_vend.cache import Cache
from ecr_vend.errors import NO_SERVER_URL, NO_USERNAME, NOT_FOUND, Problem, clean
from ecr_vend.settings import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


NAME = "docker-credential-ecr-vend"
USAGE = f"Usage: {NAME} <store|get|erase|list|version>"
READING = frozenset({"get", "erase", "store"})
"""The actions that read stdin."""

VERSION = f"{NAME} (github.com/ecr-vend/ecr-vend) v{__version__}"


class Answer(Exception):
    """One of the protocol's own lines, which are answers rather than failures."""


def run(
    arguments: Sequence[str],
    stdin: TextIO,
    stdout: TextIO,
    environ: Mapping[str, str],
    stderr: TextIO | None = None,
) -> int:
    """Carry out one call of the protocol.

    `get` with a JSON object on stdin is a call of another protocol, with its own answers.

    Args:
        arguments: What follows the program's name.
        stdin: Where `get`, `erase` and `store` read.
        stdout: Where everything is written, failures too.
        environ: The process environment.
        stderr: Where failures are told as well, and those of the other protocols alone; None when
            there is only stdout.

    Returns:
        The exit code.
    """
    if len(arguments) != 1:
        stdout.write(f"{USAGE}\n")
        return 1
    action = arguments[0]
    given = stdin.read() if action in READING else ""
    if action == "get" and given.lstrip().startswith("{"):  # as no registry's name does
        from ecr_vend.dialects import json_requests

        return json_requests.run(given, stdout, stderr or stdout, environ)
    try:
        written = act(action, given, environ)
    except (Answer, Problem) as failure:
        stdout.write(f"{failure}\n")
        if stderr and isinstance(failure, Problem):
            stderr.write(f"{failure}\n")
        return 1
    stdout.write(written)
    return 0


def act(action: str, given: str, environ: Mapping[str, str]) -> str:
    """Return what an action prints.

    Raises:
        Answer: One of the protocol's own lines.
        Problem: A managed host's token could not be had.
    """
    match action:
        case "get":
            return get(given, environ)
        case "erase":
            return erase(given, environ)
        case "store":
            return store(given)
        case "list":
            return listing(environ)
        case "version" | "--version" | "-v":
            return f"{VERSION}\n"
        case "help" | "--help" | "-h":
            return f"{USAGE}\n"
    raise Answer(f"{NAME}: unknown action: {clean(action)}")


def get(server_url: str, environ: Mapping[str, str]) -> str:
    """Return the credential of a registry."""
    url = server_url.strip()
    if not url:
        raise Answer(NO_SERVER_URL)
    registry = registries.answered(hosts.bare(server_url), environ)
    if not registry:
        raise Answer(NOT_FOUND)
    token = tokens.obtain(registry, environ)
    ready.publish(registry.name, token, registry.settings, environ)
    credential = {"ServerURL": url, "Username": "AWS", "Secret": token.password.reveal()}
    return json.dumps(credential, separators=(",", ":")) + "\n"


def erase(server_url: str, environ: Mapping[str, str]) -> str:
    """Drop the cached tokens of a registry; nothing to drop is success, as docker expects."""
    if not server_url.strip():
        raise Answer(NO_SERVER_URL)
    if registry := registries.answered(hosts.bare(server_url), environ):
        # In this order: an entry is written only while the cache has its token.
        folder = registry.settings.cache_dir
        Cache(folder, environ, make=False).erase(registry.host)
        ready.erase(folder, registry.settings.managed, registry.host)
    return ""


def store(document: str) -> str:
    """Accept a credential and keep nothing: `docker login` fails on a helper that cannot store."""
    try:
        given = json.loads(document)
    except (ValueError, RecursionError):
        raise Answer(f"{NAME}: store reads a JSON object from stdin") from None
    if not isinstance(given, dict) or not given.get("ServerURL"):
        raise Answer(NO_SERVER_URL)
    if not given.get("Username"):
        raise Answer(NO_USERNAME)
    return ""


def listing(environ: Mapping[str, str]) -> str:
    """Return the registries that `get` has an answer for, without asking anyone.

    docker calls `get` for each and stops at the first that fails, so an ECR host is listed only
    when the settings name it or a token for it is at hand.
    """
    from ecr_vend.cache import hosts_kept

    settings = load(environ)
    cache = Cache(settings.cache_dir, environ, make=False)
    listed = {*settings.only, *settings.aliases}
    now = time.time()
    for host in hosts_kept(settings.cache_dir):
        want = tokens.wanted(host, settings.for_registry(host), environ)
        if (token := cache.load(host, want.key)) and token.alive(now):
            listed.add(host)
    return json.dumps(dict.fromkeys(sorted(listed), "AWS"), separators=(",", ":")) + "\n"


def main() -> None:
    """Run the program and end the process."""
    finish(sys.argv[1:], sys.stdin)


def finish(arguments: Sequence[str], stdin: TextIO | None) -> None:
    """Run a call and end the process."""
    program.finish(
        lambda given, stdout, stderr: run(arguments, given, stdout, os.environ, stderr),
        stdin,
        failures_on_stdout=True,
    )


if __name__ == "__main__":
    main()

"""The processes that renew a machine's tokens, and tokens whose time has come."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_vend.cache import Cache
from ecr_vend.cache_files import READY
from ecr_vend.kept_token import document_of, token_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.machine import Machine

PATIENCE = 30
"""Seconds a test waits for a process to end before it fails."""


def cache_of(machine: Machine) -> Cache:
    """Return the machine's cache; it must be there."""
    return Cache(machine.home / ".cache/ecr-vend", machine.environ, make=False)


def age_tokens(cache: Cache, seconds: float) -> None:
    """Make every token as old as if it had been fetched some seconds earlier."""
    for path in cache.folder.glob("*.token"):
        document = cache.document(path)
        token = token_from(document, str(document["key"]))
        assert token
        older = dataclasses.replace(
            token, fetched=token.fetched - seconds, expires=token.expires - seconds
        )
        cache.write(path, document_of(older, str(document["key"])))
    for path in (cache.folder / READY).glob("*"):  # there is none where nothing is published
        at = path.stat().st_mtime - seconds
        os.utime(path, (at, at))


def age(machine: Machine, seconds: float) -> None:
    """Make every token of a machine as old as if it had been fetched some seconds earlier."""
    age_tokens(cache_of(machine), seconds)


def renewals(machine: Machine) -> Iterator[int]:
    """Yield the ids of the processes that renew the machine's tokens."""
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            given = (folder / "environ").read_bytes().split(b"\0")
            if b"ecr_vend.renewal" in words and f"HOME={machine.home}".encode() in given:
                yield int(folder.name)


def await_end(process: int) -> None:
    """Wait until a process that is not our child has ended."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(process)
        try:
            assert select.select([handle], [], [], PATIENCE)[0], "it does not end"
        finally:
            os.close(handle)


def await_renewals(machine: Machine) -> None:
    """Wait until no process renews anything any more."""
    for process in list(renewals(machine)):
        await_end(process)

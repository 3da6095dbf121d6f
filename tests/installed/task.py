"""What a trial is told: which client, what it should be, and the service to try it with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

HELPER = "docker-credential-ecr-vend"
PROVIDER = "ecr-vend-credential-provider"
COMMAND = "ecr-vend"
PROGRAMS = (HELPER, PROVIDER, COMMAND)

HOME, CACHE, NOTHING = "a home", "no home", "nothing to write"
WAYS = (HOME, CACHE, NOTHING)
"""How the client is run: by a user with a home; without one, and with a folder for the cache; with
neither, on a file system that is read-only."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image at the registry.

    Attributes:
        repository: Where it is.
        tag: Its name there.
        digest: Of its manifest.
    """

    repository: str
    tag: str
    digest: str


@dataclass(frozen=True, slots=True)
class Service:
    """A running service, and the registry that its tokens are for.

    Attributes:
        kind: What answers: the embedded stack, or a fake of it.
        registry: `host:port` of the registry.
        registry_host: Its name at ECR.
        settings: Variables that point the client at it.
        granted: An image that `pull` may pull.
        other: One that it may not.
        longest: Seconds that a token of `short` lives.
    """

    kind: str
    registry: str
    registry_host: str
    settings: dict[str, str]
    granted: Image
    other: Image
    longest: int


@dataclass(frozen=True, slots=True)
class Task:
    """One trial of one installed client.

    Attributes:
        programs: Each program's name → the words that start it.
        expected: What `ecr-vend version --json` must say; what it leaves out may be anything.
        service: To try it with.
        sessions: What for → the variables of an identity: `pull`, `many`, `short`, `refused`.
        way: How the client is run, one of WAYS.
        many: How many calls there are at once.
    """

    programs: dict[str, list[str]]
    expected: dict[str, str]
    service: Service
    sessions: dict[str, dict[str, str]]
    way: str = HOME
    many: int = 50

    @classmethod
    def read(cls, file: Path) -> Task:
        """Return the task in a file."""
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        service = told.pop("service")
        service |= {name: Image(**service[name]) for name in ("granted", "other")}
        return cls(service=Service(**service), **told)

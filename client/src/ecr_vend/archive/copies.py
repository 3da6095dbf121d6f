"""A copy of the archive on disk, as `aws s3 sync` or `ecr-vend audit export` makes it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from ecr_vend.archive.documents import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IN_A_MANIFEST = re.compile(r"manifests/(\d{4}/\d\d/\d\d/\d\d)\.json")


class Source(Protocol):
    """Where the archive is read."""

    def read(self, key: str) -> bytes | None:
        """Return an object's bytes, None where there is none."""

    def hours(self) -> list[datetime]:
        """Return the hours that have manifests, in order."""

    def keys(self, kind: str, hour: datetime) -> Iterator[str]:
        """Yield the keys of an hour's objects of a kind."""


class Copy:
    """A folder.

    Raises nothing of its own: what cannot be read raises `OSError`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, key: str) -> bytes | None:
        """Return an object's bytes, None where there is none."""
        try:
            return (self.folder / key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def hours(self) -> list[datetime]:
        """Return the hours that have manifests, in order."""
        found = []
        for file in self.folder.glob("manifests/*/*/*/*.json"):
            key = file.relative_to(self.folder).as_posix()
            try:
                if match := IN_A_MANIFEST.fullmatch(key):
                    found.append(datetime.strptime(match[1], FOLDER).replace(tzinfo=UTC))
            except ValueError:
                continue
        return sorted(found)

    def keys(self, kind: str, hour: datetime) -> Iterator[str]:
        """Yield the keys of an hour's objects of a kind."""
        for file in sorted((self.folder / kind / f"{hour:{FOLDER}}").glob("*")):
            yield file.relative_to(self.folder).as_posix()

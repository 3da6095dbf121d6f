"""Copies the archive of some hours through the service, each object whole or not at all."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_vend import private_files
from ecr_vend.archive.documents import FORM, HOUR, Malformed, Manifest
from ecr_vend.archive_service import Version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from ecr_vend.archive_service import ServiceArchive

FILE = re.compile(r"manifests/\d{4}/\d\d/\d\d/\d\d\.(json|[0-9a-f]{64}\.sig)")
"""A manifest or its signature. A key is a path in the copy: it leads nowhere else."""


@dataclass
class Export:
    """One run.

    Attributes:
        archive: Where it is read.
        folder: Where it goes.
        batches: Whether these too.
        new: Objects that were copied.
        bytes: Of those.
        odd: Versions that should not be, in words.
        unsealed: Hours that have no manifest.
    """

    archive: ServiceArchive
    folder: Path
    batches: bool
    new: int = 0
    bytes: int = 0
    odd: list[str] = field(default_factory=list)
    unsealed: list[str] = field(default_factory=list)
    _listed: dict[tuple[str, str], dict[str, list[Version]]] = field(default_factory=dict)

    def run(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Copy the hours from `start` to `end`, both included, and yield each when it is copied.

        Raises:
            Problem: Something could not be read or written.
        """
        hour = start
        while hour <= end:
            self._hour(hour)
            yield hour
            hour += HOUR

    def _versions(self, day: str, kind: str) -> dict[str, list[Version]]:
        """Return the versions of a day's objects by their keys; the service is asked once."""
        if (day, kind) not in self._listed:
            versions: dict[str, list[Version]] = {}
            for one in self.archive.versions(day, kind):
                versions.setdefault(one.key, []).append(one)
            self._listed[day, kind] = versions
        return self._listed[day, kind]

    def _hour(self, hour: datetime) -> None:
        beginning = f"manifests/{hour:%Y/%m/%d/%H}."
        for key, found in sorted(self._versions(f"{hour:%Y-%m-%d}", "manifests").items()):
            if not key.startswith(beginning):
                continue
            written = [one for one in found if not one.marker]
            if len(found) > 1:
                what = "hid it" if any(one.marker for one in found) else "wrote over it"
                self.odd.append(f"{key} has {len(found)} versions: somebody {what}")
            if written and FILE.fullmatch(key):
                # The first version of a key is the one that counts.
                self._copy(written[-1], "")
        body = self.folder / f"{beginning}json"
        try:
            manifest = Manifest.read(body.read_bytes())
        except FileNotFoundError:
            self.unsealed.append(f"{hour:{FORM}}")
            return
        except Malformed:
            return
        for one in manifest.objects:
            self._copy(Version(one.key, one.version_id, one.size, marker=False), one.sha256)
        if self.batches:
            self._batches(manifest)

    def _batches(self, manifest: Manifest) -> None:
        days = sorted({key.split("/", 1)[1][:10].replace("/", "-") for key in manifest.batches})
        for day in days:
            for key, found in self._versions(day, "batches").items():
                for one in found if key in manifest.batches else ():
                    if not one.marker:
                        self._copy(one, manifest.batches[key])

    def _copy(self, version: Version, sha256: str) -> None:
        """Copy an object, unless it is here as it should be; whole or not at all."""
        file = self.folder / version.key
        try:
            held = file.read_bytes()
        except FileNotFoundError:
            held = None
        if held is not None and (not sha256 or hashlib.sha256(held).hexdigest() == sha256):
            return
        content = self.archive.content(version)
        file.parent.mkdir(parents=True, exist_ok=True)
        private_files.write(file, content)
        self.new += 1
        self.bytes += len(content)

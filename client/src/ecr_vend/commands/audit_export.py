"""`ecr-vend audit export`: a copy of the archive, through the service, for `audit verify`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_vend import private_files
from ecr_vend.archive.documents import FORM, HOUR, Malformed, Manifest, hour_named
from ecr_vend.archive_service import ServiceArchive, Version
from ecr_vend.command_line import described
from ecr_vend.errors import Problem, clean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from ecr_vend.console import Console
    from ecr_vend.service import Service


FILE = re.compile(r"manifests/\d{4}/\d\d/\d\d/\d\d\.(json|[0-9a-f]{64}\.sig)")
"""A manifest or its signature. A key is a path in the copy: it leads nowhere else."""


def add(actions: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        actions,
        "export",
        "copy the archive of some hours, for `ecr-vend audit verify`",
        examples=[
            "ecr-vend audit export --out copy --from 2026-11-27",
            "ecr-vend audit export --out copy --from 2026-11-27T16 --to 2026-11-27T16 --batches",
        ],
    )
    parser.add_argument(
        "--out", metavar="DIR", required=True, help="where; what is there already is kept"
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="HOUR",
        type=hour_named,
        required=True,
        help="the first hour, 2026-11-27T16, or a day for its first",
    )
    parser.add_argument(
        "--to", dest="end", metavar="HOUR", type=hour_named, help="the last hour; else the last one"
    )
    parser.add_argument(
        "--batches", action="store_true", help="copy what the records were sealed from as well"
    )
    return parser


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

    def run(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Copy the hours from `start` to `end`, both included, and yield each when it is copied.

        Raises:
            Problem: Something could not be read or written.
        """
        hour = start
        versions: dict[str, list[Version]] = {}
        day = ""
        while hour <= end:
            if day != f"{hour:%Y-%m-%d}":
                day = f"{hour:%Y-%m-%d}"
                versions = {}
                for one in self.archive.versions(day, "manifests"):
                    versions.setdefault(one.key, []).append(one)
            self._hour(hour, versions)
            yield hour
            hour += HOUR

    def _hour(self, hour: datetime, versions: dict[str, list[Version]]) -> None:
        beginning = f"manifests/{hour:%Y/%m/%d/%H}."
        of_hour = {key: found for key, found in versions.items() if key.startswith(beginning)}
        for key, found in sorted(of_hour.items()):
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
            for one in self.archive.versions(day, "batches"):
                if one.key in manifest.batches and not one.marker:
                    self._copy(one, manifest.batches[one.key])

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


def run(arguments: argparse.Namespace, service: Service, console: Console) -> int:
    """Carry the command out.

    Returns:
        0 where all is copied, 1 where the archive has versions that it should not have.
    """
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    end = min(arguments.end or now - HOUR, now)
    if arguments.start > end:
        raise Problem("no_time", option="--from", text=f"{arguments.start:{FORM}}")
    export = Export(ServiceArchive(service), Path(arguments.out), arguments.batches)
    total = int((end - arguments.start) / HOUR) + 1
    try:
        for number, one in enumerate(export.run(arguments.start, end), 1):
            if console.stderr.isatty():
                told = f"{number} of {total} hours, {one:{FORM}}: {export.new} objects"
                console.stderr.write(f"\r{told}, {export.bytes} bytes ")
                console.stderr.flush()
    except OSError as problem:
        where = str(problem.filename or arguments.out)
        raise Problem("not_written", where=where, detail=str(problem.strerror)) from None
    finally:
        if console.stderr.isatty():
            console.stderr.write("\n")
    for line in export.odd:
        console.note(clean(line, limit=300))
    if export.unsealed:
        console.note(f"No manifest, not sealed yet or gone: {', '.join(export.unsealed)}")
    console.line(f"{export.new} objects copied of {total} hours, {export.bytes} bytes")
    return 1 if export.odd else 0

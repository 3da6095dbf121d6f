"""The objects of an hour, checked: each by its digest, and each of its lines."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_vend.archive.documents import (
    FOLDER,
    FORM,
    HOUR,
    Malformed,
    Manifest,
    Object,
    canonical,
    lines_of,
    parsed,
    place_of,
    record_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_vend.archive.copies import Source
    from ecr_vend.archive.documents import Place
    from ecr_vend.archive.results import Result

KINDS = ("records", "late", "changes")

MOST_NAMED = 1000
"""Records that are named one by one of an object that is not what it should be."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What manifests name.

    Attributes:
        source: Where it is read.
        result: Takes what is not as it should be.
    """

    source: Source
    result: Result

    def whole(self, manifest: Manifest) -> Iterator[tuple[Object, bytes]]:
        """Check all objects of an hour, and yield each that is the one its manifest names."""
        for finding in manifest.findings:
            where = str(finding.get("key") or f"{finding.get('pk')} {finding.get('sk')}")
            what = f"the service found: {finding.get('kind')}"
            self.result.problem("found", where, what)
        if (more := manifest.findings_total - len(manifest.findings)) > 0:
            self.result.problem(
                "found", f"{manifest.hour:{FORM}}", f"the service found {more} more"
            )
        late: dict[tuple[str, str], str] = {}
        for one in manifest.objects:
            content = self.source.read(one.key)
            if content is None:
                self.result.problem(
                    "missing", one.key, f"an object with {one.lines} lines is not there"
                )
                self._told_by_batches(manifest, one, [])
            elif hashlib.sha256(content).hexdigest() != one.sha256:
                self.result.problem(
                    "altered", one.key, "it is not the object that the manifest names"
                )
                found = [line for _, line in whole_lines(content)]
                self._told_by_batches(manifest, one, found)
            else:
                self._lines(one, content, late)
                yield one, content
        self._twice(manifest, late)
        named = {one.key for one in manifest.objects}
        for kind in KINDS:
            for key in self.source.keys(kind, manifest.hour):
                if key not in named:
                    note = f"{key} is named by no manifest, and counts for nothing: an interrupted "
                    self.result.notes.append(
                        f"{note}seal leaves such an object, or somebody added it"
                    )

    def _lines(self, one: Object, content: bytes, late: dict[tuple[str, str], str]) -> None:
        """Check what an object has that is the one its manifest names."""
        count = 0
        before: tuple[Place, str] | None = None
        first: Place | None = None
        try:
            for line in lines_of(content):
                record = record_of(line)
                inner = record.get("record", {}) if one.kind == "changes" else record
                here = place_of(inner)
                count += 1
                first = first or here
                if one.kind != "changes" and before and (here, line) <= before:
                    self.result.problem(
                        "disordered", f"{here[1]} {here[2]}", f"out of order in {one.key}"
                    )
                if one.kind != "changes" and before and here == before[0]:
                    self.result.problem(
                        "altered", f"{here[1]} {here[2]}", f"two records of it in {one.key}"
                    )
                if one.kind == "late":
                    late[here[1:]] = line
                before = (here, line)
        except Malformed as problem:
            self.result.problem("altered", one.key, f"line {count + 1}: {problem}")
            return
        ends = (first, before[0] if before else None)
        if (count, *ends) != (one.lines, one.first, one.last):
            self.result.problem(
                "altered", one.key, f"it has {count} lines, from {ends[0]} to {ends[1]}"
            )
        if one.kind != "changes":
            self.result.records += count
        if one.kind == "late":
            self.result.late += count

    def _twice(self, manifest: Manifest, late: dict[tuple[str, str], str]) -> None:
        """Look for late records in the hour before, where a retry over its end may leave them."""
        if not late:
            return
        places = [place_of(record_of(line)) for line in late.values()]
        hour = manifest.hour - HOUR
        body = self.source.read(f"manifests/{hour:{FOLDER}}.json")
        try:
            before = Manifest.read(body) if body else None
        except Malformed:
            return
        for one in before.objects if before else ():
            if one.kind != "records" or not any(one.first <= at <= one.last for at in places):
                continue
            for (_, pk, sk), line in whole_lines(self.source.read(one.key) or b""):
                other = late.get((pk, sk))
                if other is not None and other != line:
                    what = (
                        f"sealed in {hour:{FORM}} and, differently, late in {manifest.hour:{FORM}}"
                    )
                    self.result.problem("altered", f"{pk} {sk}", what)

    def _told_by_batches(self, manifest: Manifest, one: Object, found: list[str]) -> None:
        """Name the records that an object lacks, or has too many, by what it was made from.

        The batches hold the same records for some days, and the manifest has their digests.
        """
        if one.kind == "changes":
            return
        expected: set[str] = set()
        for key, digest in manifest.batches.items():
            content = self.source.read(key)
            if content is None or hashlib.sha256(content).hexdigest() != digest:
                what = f"which records of {one.key} cannot be told: {key} is not there any more"
                self.result.notes.append(what)
                return
            try:
                expected |= set(recorded(content, one))
            except Malformed:
                return
        # An hour's late records are in no object of its own, and the other way round.
        others = {line for other in self._others(manifest, one) for line in other}
        self._differences(one, expected - others, set(found))

    def _others(self, manifest: Manifest, one: Object) -> Iterator[list[str]]:
        for other in manifest.objects:
            if other is not one and other.kind != "changes":
                content = self.source.read(other.key)
                if content is not None and hashlib.sha256(content).hexdigest() == other.sha256:
                    yield [line for _, line in whole_lines(content)]

    def _differences(self, one: Object, expected: set[str], found: set[str]) -> None:
        gone = {place_of(record_of(line))[1:] for line in expected - found}
        new = {place_of(record_of(line))[1:] for line in found - expected}
        told = 0
        for kind, places, what in (
            ("altered", gone & new, "it is not as it was recorded"),
            ("missing", gone - new, "it was recorded and is not there"),
            ("added", new - gone, "it was never recorded"),
        ):
            for pk, sk in sorted(places)[: MOST_NAMED - told]:
                self.result.problem(kind, f"{pk} {sk}", f"{what}: {one.key}")
                told += 1
        if (more := len(gone | new) - told) > 0:
            self.result.notes.append(f"{one.key}: {more} more records are not named here")


def whole_lines(content: bytes) -> list[tuple[Place, str]]:
    """Return the lines of an object that may be anything, as far as they are, and their places."""
    found: list[tuple[Place, str]] = []
    try:
        for line in lines_of(content):
            place = place_of(record_of(line))
            found.append((place, line))
    except Malformed:
        pass
    return found


def recorded(batch: bytes, one: Object) -> Iterator[str]:
    """Yield the records of a batch that stand where an object's do.

    Raises:
        Malformed: It is no batch.
    """
    for line in lines_of(batch):
        record = inserted(line)
        if record and one.first <= place_of(record_of(record)) <= one.last:
            yield record


def inserted(line: str) -> str | None:
    """Return the record of a batch's line as the archive writes it, None where it tells a change.

    Raises:
        Malformed: It is no line of a batch.
    """
    try:
        event = parsed(line)
        return canonical(event["record"]) if event["event"] == "INSERT" else None
    except (KeyError, TypeError, ValueError):
        raise Malformed("a line is no event") from None

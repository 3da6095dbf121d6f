"""Checks an archive hour by hour, and names what is missing, altered, added, late or unexplained.

It trusts nothing but the public keys and the digests that it is given. A manifest counts once its
signature does; an object counts by the digest in the manifest; a record by its line in the object.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
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
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from ecr_vend.archive.copies import Source
    from ecr_vend.archive.documents import Place
    from ecr_vend.archive.public_key import PublicKey

KINDS = ("records", "late", "changes")

MOST_NAMED = 1000
"""Records that are named one by one of an object that is not what it should be."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be.

    Attributes:
        kind: `missing`, `altered`, `added`, `unsigned`, `unchained`, `unwitnessed`, `disordered`;
            `found` for what the service itself found.
        where: The object or the record.
        what: In words.
    """

    kind: str
    where: str
    what: str


@dataclass
class Result:
    """What a verification came to.

    Attributes:
        problems: What is not as it should be.
        notes: What is worth knowing and no problem.
        hours: Manifests that are whole.
        records: Lines in them, the late ones with them.
        late: Of these, records that were sealed after their hour.
        first: Hour of the first manifest, and its digest.
        last: Likewise.
    """

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    hours: int = 0
    records: int = 0
    late: int = 0
    first: tuple[str, str] | None = None
    last: tuple[str, str] | None = None


@dataclass
class Verification:
    """One run over an archive.

    Attributes:
        source: Where it is read.
        keys: Whose signatures count.
        result: What it came to so far.
    """

    source: Source
    keys: Collection[PublicKey]
    result: Result = field(default_factory=Result)
    _ledger: str = ""
    _before: str | None = None

    def run(
        self,
        start: datetime,
        end: datetime,
        *,
        after: str | None = None,
        witnesses: Collection[str] = (),
    ) -> Iterator[datetime]:
        """Check all hours from `start` to `end`, both included, and yield each when it is checked.

        Args:
            start: The first hour.
            end: The last.
            after: Digest of the manifest before the first one, where it is known; the empty string
                where there was none.
            witnesses: Digests of manifests that somebody saw: each must be among these.
        """
        self._before = after
        seen = set()
        hour = start
        while hour <= end:
            manifest = self._manifest(hour)
            if manifest:
                seen.add(manifest.sha256)
                self._contents(manifest)
                self.result.hours += 1
                told = (f"{hour:{FORM}}", manifest.sha256)
                self.result.first = self.result.first or told
                self.result.last = told
            yield hour
            hour += HOUR
        for digest in sorted(set(witnesses) - seen):
            what = "a witness saw a manifest that is not in these hours of this archive"
            self._problem("unwitnessed", digest, what)

    def _problem(self, kind: str, where: str, what: str) -> None:
        self.result.problems.append(Problem(kind, where, what))

    def _manifest(self, hour: datetime) -> Manifest | None:
        key = f"manifests/{hour:{FOLDER}}.json"
        body = self.source.read(key)
        if body is None:
            self._problem("missing", key, "there is no manifest of this hour")
            self._before = None
            return None
        digest = hashlib.sha256(body).hexdigest()
        signature = self.source.read(f"manifests/{hour:{FOLDER}}.{digest}.sig")
        if signature is None or not any(one.signed(body, signature) for one in self.keys):
            what = "no signature" if signature is None else "its signature is by none of the keys"
            self._problem("unsigned", key, what)
            self._before = None
            return None
        try:
            manifest = Manifest.read(body)
        except Malformed as problem:
            self._problem("altered", key, str(problem))
            self._before = None
            return None
        self._ledger = self._ledger or manifest.ledger
        if (manifest.hour, manifest.ledger) != (hour, self._ledger):
            what = f"it is the manifest of {manifest.hour:{FORM}} of {manifest.ledger}"
            self._problem("altered", key, what)
        if self.result.first is None and self._before is None and manifest.previous:
            self.result.notes.append(
                f"It begins with {hour:{FORM}}, whose manifest names one before it: --from says "
                "from when on all must be there"
            )
        if self._before is not None and manifest.previous != self._before:
            named = manifest.previous or "none at all"
            self._problem(
                "unchained", key, f"the manifest before it is not the one it names: {named}"
            )
        self._before = manifest.sha256
        return manifest

    def _contents(self, manifest: Manifest) -> None:
        for finding in manifest.findings:
            where = str(finding.get("key") or f"{finding.get('pk')} {finding.get('sk')}")
            what = f"the service found: {finding.get('kind')}"
            self._problem("found", where, what)
        if (more := manifest.findings_total - len(manifest.findings)) > 0:
            self._problem("found", f"{manifest.hour:{FORM}}", f"the service found {more} more")
        late: dict[tuple[str, str], str] = {}
        for one in manifest.objects:
            content = self.source.read(one.key)
            if content is None:
                self._problem("missing", one.key, f"an object with {one.lines} lines is not there")
                self._told_by_batches(manifest, one, [])
            elif hashlib.sha256(content).hexdigest() != one.sha256:
                self._problem("altered", one.key, "it is not the object that the manifest names")
                self._told_by_batches(manifest, one, self._whole_lines(content))
            else:
                self._lines(one, content, late)
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
                    self._problem(
                        "disordered", f"{here[1]} {here[2]}", f"out of order in {one.key}"
                    )
                if one.kind != "changes" and before and here == before[0]:
                    self._problem(
                        "altered", f"{here[1]} {here[2]}", f"two records of it in {one.key}"
                    )
                if one.kind == "late":
                    late[here[1:]] = line
                before = (here, line)
        except Malformed as problem:
            self._problem("altered", one.key, f"line {count + 1}: {problem}")
            return
        ends = (first, before[0] if before else None)
        if (count, *ends) != (one.lines, one.first, one.last):
            self._problem("altered", one.key, f"it has {count} lines, from {ends[0]} to {ends[1]}")
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
            for line in self._whole_lines(self.source.read(one.key) or b""):
                _, pk, sk = place_of(record_of(line))
                other = late.get((pk, sk))
                if other is not None and other != line:
                    what = (
                        f"sealed in {hour:{FORM}} and, differently, late in {manifest.hour:{FORM}}"
                    )
                    self._problem("altered", f"{pk} {sk}", what)

    def _whole_lines(self, content: bytes) -> list[str]:
        """Return the lines of an object that may be anything, as far as they are lines."""
        found: list[str] = []
        try:
            for line in lines_of(content):
                place_of(record_of(line))
                found.append(line)
        except Malformed:
            pass
        return found

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
                    yield self._whole_lines(content)

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
                self._problem(kind, f"{pk} {sk}", f"{what}: {one.key}")
                told += 1
        if (more := len(gone | new) - told) > 0:
            self.result.notes.append(f"{one.key}: {more} more records are not named here")


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

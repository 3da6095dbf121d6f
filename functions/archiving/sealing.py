"""The use case: every hour that is over becomes objects, a manifest that names them, a signature.

A run that is ended anywhere leaves nothing that another one must clean up. The objects' names are
their digests, so that whoever writes them writes the same; a signature is written before its
manifest; and the manifest, written last and only where there is none, is what seals the hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from archiving.batch import Unreadable, events_in
from archiving.chain import BACK, Chain, chain_in, first_batch, read
from archiving.findings import Findings, differs, of_change, of_object
from archiving.lines import event_of
from archiving.manifest import Manifest, Named, described, manifest_of
from archiving.names import (
    BATCHES,
    HOUR,
    SEALED,
    Kind,
    day_of,
    digest_of,
    hour_in,
    manifest_key,
    signature_key,
    start_of_hour,
)
from archiving.packing import FULL, KINDS, packed, place_of
from archiving.ports import NotPublished
from archiving.sorting import RUN, Sorter
from archiving.versions import firsts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from archiving.findings import Finding
    from archiving.packing import Packed
    from archiving.ports import Bucket, Signer, Witness
    from archiving.sorting import Entry
    from vending.deadlines import Left

SETTLED = timedelta(minutes=5)
"""How long an hour must be over: a batch's key has the time at which its function was called, and
that function is ended after a minute."""

ENOUGH = 300.0
"""Seconds that must be left to begin another hour."""


class Occupied(Exception):
    """Where an object belongs stands another one: somebody else writes into the archive."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """An hour that is sealed.

    Attributes:
        manifest: Its manifest.
        lines: Records, also late ones.
        batches: What it was made from.
        new: What was found that the archiving function could not see.
    """

    manifest: Manifest
    lines: int
    batches: int
    new: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to.

    Attributes:
        sealed: The hours, in order.
        behind: Seconds since the end of the newest hour that is sealed; None where none is.
        published: Whether the witnesses were told.
    """

    sealed: tuple[Sealed, ...]
    behind: float | None
    published: bool


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals the hours that are over.

    Attributes:
        bucket: Port.
        signer: Port.
        witness: Port.
        clock: Returns the time, aware, UTC.
        ledger: ARN of the ledger's table.
        run_size: Characters of lines that are sorted in memory.
        full: Characters of lines at which an object is closed.
    """

    bucket: Bucket
    signer: Signer
    witness: Witness
    clock: Callable[[], datetime]
    ledger: str
    run_size: int = RUN
    full: int = FULL

    def run(self, left: Left) -> Report:
        """Seal every hour that is over and not sealed, the oldest first.

        Args:
            left: Returns the seconds until the function is ended.

        Raises:
            Occupied: Somebody else wrote where an object belongs.
        """
        last = start_of_hour(self.clock() - SETTLED) - HOUR
        chain = chain_in(self.bucket, self.signer, ledger=self.ledger, last=last)
        sealed: list[Sealed] = []
        published = True
        hour = chain.following or first_batch(self.bucket, last)
        while hour <= last and left() >= ENOUGH:
            if hour not in chain.taken:
                sealed.append(self._seal(hour, chain))
                published = self._tell(chain)
            hour += HOUR
        if not sealed:
            # A run whose message was lost is repeated, and has nothing else to do.
            published = self._tell(chain)
        behind = (self.clock() - chain.hour - HOUR).total_seconds() if chain.hour else None
        return Report(tuple(sealed), behind, published)

    def _seal(self, hour: datetime, chain: Chain) -> Sealed:
        arrived, found = self._versions(BATCHES, hour)
        for kind in SEALED:
            found.extend(self._versions(kind, hour)[1])
        found = [one for one in found if due(one["key"], hour)]
        new = [one for one in (*chain.refused, *found) if not chain.tells(one)]
        sorter = Sorter(run=self.run_size)
        batches = []
        for key, version_id in arrived.items():
            if not due(key, hour) or chain.names(key):
                continue
            body = self.bucket.read(key, version_id)
            batches.append(Named(key, version_id, digest_of(body)))
            try:
                for event in events_in(key, body):
                    sorter.add(place_of(event, hour), event.sealed())
            except Unreadable:
                new.append(of_object("batch", key, version_id))
        findings = Findings()
        entries = observed(sorter.entries(), findings, new)
        objects = [described(one, self._put(one)) for one in packed(entries, hour, full=self.full)]
        findings.update(new)
        manifest = manifest_of(
            hour,
            ledger=self.ledger,
            sealed_at=self.clock(),
            previous=chain.newest,
            objects=objects,
            batches=batches,
            findings=findings,
            key_id=self.signer.key_id,
        )
        self._commit(manifest, chain)
        lines = sum(one["lines"] for one in objects if one["kind"] is not Kind.CHANGES)
        return Sealed(manifest, lines, len(batches), tuple(new))

    def _versions(self, beginning: str, hour: datetime) -> tuple[dict[str, str], list[Finding]]:
        """Return as `firsts` what keys begin so and are of a day that the last hours touch."""
        first: dict[str, str] = {}
        found: list[Finding] = []
        for day in sorted({day_of(beginning, hour - BACK * HOUR), day_of(beginning, hour)}):
            of_day, findings = firsts(self.bucket.versions(day))
            first |= of_day
            found += findings
        return first, found

    def _put(self, one: Packed) -> str:
        """Write an object, or find that it is written, and return its version."""
        version_id = self.bucket.put(one.key, one.body)
        if version_id is None:
            version_id = firsts(self.bucket.versions(one.key))[0][one.key]
            if self.bucket.read(one.key, version_id) != one.body:
                raise Occupied(one.key)
        return version_id

    def _commit(self, manifest: Manifest, chain: Chain) -> None:
        signature = self.signer.sign(manifest.sha256)
        self.bucket.put(signature_key(manifest.hour, manifest.sha256), signature)
        key = manifest_key(manifest.hour)
        version_id = self.bucket.put(key, manifest.body)
        if version_id is None:
            # Another run was quicker. What it had not seen of the batches is sealed with the next.
            version_id = firsts(self.bucket.versions(key))[0][key]
            stored = read(self.bucket, self.signer, key, version_id, ledger=self.ledger)
            if stored is None:
                raise Occupied(key)
            manifest = stored
        chain.grown(manifest, version_id)

    def _tell(self, chain: Chain) -> bool:
        if chain.newest and chain.hour:
            try:
                self.witness.tell(self.ledger, chain.hour, chain.newest)
            except NotPublished:
                return False
        return True


def due(key: str, hour: datetime) -> bool:
    """Return whether a key is of an hour, or of one of those before it that are looked at."""
    its = hour_in(key)
    return its is not None and hour - BACK * HOUR <= its <= hour


def observed(entries: Iterable[Entry], findings: Findings, new: list[Finding]) -> Iterator[Entry]:
    """Pass sorted lines on, and note what they say that they should not.

    Args:
        entries: Lines by their place.
        findings: Takes what the stream said of changes.
        new: Takes what is seen only here: two records under one key.
    """
    before = None
    for place, line in entries:
        if KINDS[place[0]] is Kind.CHANGES:
            findings.add(of_change(event_of(line)))
        elif place == before:
            new.append(differs(place[2], place[3]))
        before = place
        yield place, line

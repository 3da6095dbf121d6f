"""What is sealed already: the newest manifest, and what those of the day before it say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiving.findings import of_object
from archiving.lines import canonical
from archiving.manifest import Manifest, Named, NoManifest
from archiving.names import (
    BATCHES,
    HOUR,
    MANIFESTS,
    digest_of,
    hour_in,
    is_manifest,
    signature_key,
)
from archiving.versions import firsts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from archiving.findings import Finding
    from archiving.ports import Bucket, Signer

BACK = 24
"""Hours before the one that is sealed whose batches are looked through for what no manifest names.
A batch is written within a minute of the hour that its key has; the rest is for what goes wrong."""


@dataclass(slots=True)
class Chain:
    """The signed manifests.

    Attributes:
        newest: The last of them, None where there is none.
        hour: Its hour.
        recent: Those of the last `BACK` hours.
        taken: Hours that have a manifest which is not signed, and so cannot have another one.
        refused: Findings about those.
    """

    newest: Named | None = None
    hour: datetime | None = None
    recent: list[Manifest] = field(default_factory=list)
    taken: set[datetime] = field(default_factory=set)
    refused: list[Finding] = field(default_factory=list)

    def grown(self, manifest: Manifest, version_id: str) -> None:
        """Take a manifest that follows."""
        self.newest, self.hour = manifest.named(version_id), manifest.hour
        self.recent = [*self.recent[1 - BACK :], manifest]

    @property
    def following(self) -> datetime | None:
        """The hour after the last one, None where there is none."""
        last = self.hour or max(self.taken, default=None)
        return last + HOUR if last else None

    def names(self, batch: str) -> bool:
        """Return whether a batch is sealed."""
        return any(batch in manifest.batches for manifest in self.recent)

    def tells(self, finding: Finding) -> bool:
        """Return whether a manifest lists a finding."""
        text = canonical(finding)
        return any(text == canonical(one) for manifest in self.recent for one in manifest.findings)


def chain_in(bucket: Bucket, signer: Signer, *, ledger: str, last: datetime) -> Chain:
    """Read the manifests until the hour `last`: the newest one that is signed, and `BACK` hours.

    Where none of `BACK` hours is signed by this key, a new chain begins.
    """
    chain = Chain()
    begun: datetime | None = None
    for hour, key, version_id in _newest_first(bucket, last):
        begun = begun or hour
        if (chain.hour or begun) - hour >= BACK * HOUR:
            break
        manifest = read(bucket, signer, key, version_id, ledger=ledger)
        if manifest is None:
            chain.taken.add(hour)
            chain.refused.append(of_object("manifest", key, version_id))
            continue
        if chain.newest is None:
            chain.newest, chain.hour = manifest.named(version_id), hour
        chain.recent.insert(0, manifest)
    return chain


def read(
    bucket: Bucket, signer: Signer, key: str, version_id: str, *, ledger: str
) -> Manifest | None:
    """Return a manifest, or None where it has no valid signature or is of something else."""
    body, hour = bucket.read(key, version_id), hour_in(key)
    if hour is None:
        return None
    signature, _ = firsts(bucket.versions(signature_key(hour, digest_of(body))))
    for name, version in signature.items():
        if signer.signed(digest_of(body), bucket.read(name, version)):
            try:
                return Manifest.read(body, hour=hour, ledger=ledger)
            except NoManifest:
                return None
    return None


def first_batch(bucket: Bucket, last: datetime) -> datetime:
    """Return the hour of the oldest batch, at most `last`: where an archive begins."""
    folder = BATCHES
    while hour_in(folder) is None:
        inside = bucket.folders(folder)
        if not inside:
            return last
        folder = inside[0]
    return min(hour_in(folder) or last, last)


def _newest_first(bucket: Bucket, last: datetime) -> Iterator[tuple[datetime, str, str]]:
    """Yield the hour, key and first version of each manifest until `last`."""
    for year in reversed(bucket.folders(MANIFESTS)):
        for month in reversed(bucket.folders(year)):
            for day in reversed(bucket.folders(month)):
                first, _ = firsts(bucket.versions(day))
                for key in sorted(filter(is_manifest, first), reverse=True):
                    hour = hour_in(key)
                    if hour and hour <= last:
                        yield hour, key, first[key]

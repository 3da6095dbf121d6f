"""Checks an archive hour by hour, and names what is missing, altered, added, late or unexplained.

It trusts nothing but the public keys and the digests that it is given. A manifest counts once its
signature does; an object counts by the digest in the manifest; a record by its line in the object.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_vend.archive.contents import Contents, whole_lines
from ecr_vend.archive.documents import (
    FOLDER,
    FORM,
    HOUR,
    Malformed,
    Manifest,
    hour_of,
)
from ecr_vend.archive.results import Result

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from ecr_vend.archive.comparing import Comparison
    from ecr_vend.archive.copies import Source
    from ecr_vend.archive.documents import Object
    from ecr_vend.archive.public_key import PublicKey

INTENT = "1#intent"


@dataclass
class Verification:
    """One run over an archive.

    Attributes:
        source: Where it is read.
        keys: Whose signatures count.
        comparison: With the ledger; None where that is not asked.
        result: What it came to so far.
    """

    source: Source
    keys: Collection[PublicKey]
    comparison: Comparison | None = None
    result: Result = field(default_factory=Result)
    _ledger: str = ""
    _before: str | None = None
    _archived: dict[datetime, set[str]] = field(default_factory=dict)
    _pending: set[str] = field(default_factory=set)

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
                for one, content in Contents(self.source, self.result).whole(manifest):
                    self._in_the_ledger(manifest, one, content)
                self.result.hours += 1
                told = (f"{hour:{FORM}}", manifest.sha256)
                self.result.first = self.result.first or told
                self.result.last = told
                self._unarchived(hour - HOUR, start)
            yield hour
            hour += HOUR
        for vend_id in sorted(self._pending):
            what = "it is in the ledger and not in the archive"
            self.result.problem("added", f"vend#{vend_id} {INTENT}", what)
        for digest in sorted(set(witnesses) - seen):
            what = "a witness saw a manifest that is not in these hours of this archive"
            self.result.problem("unwitnessed", digest, what)

    def _manifest(self, hour: datetime) -> Manifest | None:
        key = f"manifests/{hour:{FOLDER}}.json"
        body = self.source.read(key)
        if body is None:
            self.result.problem("missing", key, "there is no manifest of this hour")
            self._before = None
            return None
        digest = hashlib.sha256(body).hexdigest()
        signature = self.source.read(f"manifests/{hour:{FOLDER}}.{digest}.sig")
        if signature is None or not any(one.signed(body, signature) for one in self.keys):
            what = "no signature" if signature is None else "its signature is by none of the keys"
            self.result.problem("unsigned", key, what)
            self._before = None
            return None
        try:
            manifest = Manifest.read(body)
        except Malformed as problem:
            self.result.problem("altered", key, str(problem))
            self._before = None
            return None
        self._ledger = self._ledger or manifest.ledger
        if (manifest.hour, manifest.ledger) != (hour, self._ledger):
            what = f"it is the manifest of {manifest.hour:{FORM}} of {manifest.ledger}"
            self.result.problem("altered", key, what)
        if self.result.first is None and self._before is None and manifest.previous:
            self.result.notes.append(
                f"It begins with {hour:{FORM}}, whose manifest names one before it: --from says "
                "from when on all must be there"
            )
        if self._before is not None and manifest.previous != self._before:
            named = manifest.previous or "none at all"
            self.result.problem(
                "unchained", key, f"the manifest before it is not the one it names: {named}"
            )
        self._before = manifest.sha256
        return manifest

    def _in_the_ledger(self, manifest: Manifest, one: Object, content: bytes) -> None:
        """Hold the ledger against an object's records."""
        if self.comparison is None or one.kind == "changes":
            return
        lines = whole_lines(content)
        for vend_id in (place[0] for place, _ in lines if place[2] == INTENT):
            hour = hour_of(vend_id)
            # What comes hours late, after an outage, was looked for before.
            self._pending.discard(vend_id)
            if hour and hour >= manifest.hour - HOUR:
                self._archived.setdefault(hour, set()).add(vend_id)
        for difference in (*self.comparison.take(lines), *self.comparison.rest()):
            what = {
                "missing": "it is in the archive and not in the ledger",
                "altered": "it is in the ledger, and not as it is in the archive",
            }[difference.kind]
            self.result.problem(difference.kind, " ".join(difference.key), what)

    def _unarchived(self, hour: datetime, start: datetime) -> None:
        """Look for vends of an hour in the ledger that no manifest of it or the next one has."""
        archived = self._archived.pop(hour, set())
        if self.comparison is None or hour < start:
            return
        end = hour + HOUR
        for vend_id in self.comparison.ledger.vends(
            f"{hour:{FORM}}:00:00Z", f"{end:{FORM}}:00:00Z"
        ):
            if vend_id not in archived:
                self._pending.add(vend_id)

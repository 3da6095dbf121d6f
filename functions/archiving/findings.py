"""What there should be none of: each kind is explained in docs/archive.md. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archiving.lines import canonical, parsed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archiving.lines import Event

MOST = 1000
"""Findings that one manifest lists; of the others it has the number."""

Finding = dict[str, str]
"""Its `kind`, and what that kind has."""


def of_change(event: Event) -> Finding:
    """Return the finding that a record was changed or removed after it was written."""
    kind = "expire" if event.expired else event.event.lower()
    return {
        "kind": kind,
        "pk": event.record["pk"],
        "sk": event.record["sk"],
        "sequence": event.sequence,
    }


def differs(pk: str, sk: str) -> Finding:
    """Return the finding that two records were written under one key."""
    return {"kind": "differs", "pk": pk, "sk": sk}


def of_object(kind: str, key: str, version_id: str) -> Finding:
    """Return a finding about an object: `batch`, `version`, `delete-marker` or `manifest`."""
    return {"kind": kind, "key": key, "version_id": version_id}


@dataclass(slots=True)
class Findings:
    """Those of one hour, in the order of their canonical JSON; the first `MOST` are kept.

    Attributes:
        total: All of them.
    """

    total: int = 0
    _first: list[str] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Add one. The same again is one, as far as it is among the first."""
        text = canonical(finding)
        at = bisect_left(self._first, text)
        if at < len(self._first) and self._first[at] == text:
            return
        self.total += 1
        insort(self._first, text)
        del self._first[MOST:]

    def update(self, findings: Iterable[Finding]) -> None:
        """Add several."""
        for finding in findings:
            self.add(finding)

    def listed(self) -> list[dict[str, Any]]:
        """Return the first of them."""
        return [parsed(text) for text in self._first]

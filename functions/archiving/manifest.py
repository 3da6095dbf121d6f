"""The manifest of an hour: what it says, and how it is written. Pure. See docs/archive.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from archiving.lines import canonical, parsed
from archiving.names import FORM, digest_of, manifest_key
from vending.records import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from archiving.findings import Finding, Findings
    from archiving.packing import Packed

SCHEMA = 1


class NoManifest(Exception):
    """This is no manifest of the ledger and the hour; it seals nothing."""


@dataclass(frozen=True, slots=True)
class Named:
    """A version of an object.

    Attributes:
        key: Where.
        version_id: S3's.
        sha256: Of its bytes, hex.
    """

    key: str
    version_id: str
    sha256: str

    def written(self) -> dict[str, str]:
        """Return it as manifests and witnesses have it."""
        return {"key": self.key, "version_id": self.version_id, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an hour's manifest says, as far as the next one must know.

    Attributes:
        hour: That it seals.
        body: Its bytes.
        batches: Keys of what it was made from.
        findings: Those it lists.
    """

    hour: datetime
    body: bytes
    batches: frozenset[str]
    findings: tuple[Finding, ...]

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes, hex: what is signed, and what the next one names."""
        return digest_of(self.body)

    def named(self, version_id: str) -> Named:
        """Return it as the next one names it."""
        return Named(manifest_key(self.hour), version_id, self.sha256)

    @classmethod
    def read(cls, body: bytes, *, hour: datetime, ledger: str) -> Self:
        """Read the manifest of an hour.

        Raises:
            NoManifest: It is none of this hour and this ledger.
        """
        try:
            said = parsed(body)
        except ValueError:
            raise NoManifest from None
        match said:
            case {
                "schema": 1,
                "ledger": str(of),
                "hour": str(sealed),
                "batches": list(batches),
                "findings": list(findings),
            } if of == ledger and sealed == f"{hour:{FORM}}":
                return cls(hour, body, frozenset(one["key"] for one in batches), tuple(findings))
        raise NoManifest


def manifest_of(
    hour: datetime,
    *,
    ledger: str,
    sealed_at: datetime,
    previous: Named | None,
    objects: Sequence[Mapping[str, Any]],
    batches: Sequence[Named],
    findings: Findings,
    key_id: str,
) -> Manifest:
    """Return the manifest of an hour.

    Args:
        hour: That it seals.
        ledger: ARN of the table.
        sealed_at: Now.
        previous: The manifest before it, None for the first of all.
        objects: In their order, as `described`.
        batches: What they were made from.
        findings: What there should be none of.
        key_id: ARN of the key that will sign it.
    """
    listed = findings.listed()
    said: dict[str, Any] = {
        "schema": SCHEMA,
        "ledger": ledger,
        "hour": f"{hour:{FORM}}",
        "sealed_at": timestamp(sealed_at.astimezone(UTC)),
        "previous": previous.written() if previous else None,
        "objects": list(objects),
        "batches": [one.written() for one in sorted(batches, key=lambda one: one.key)],
        "findings": listed,
        "findings_total": findings.total,
        "key_id": key_id,
    }
    keys = frozenset(one.key for one in batches)
    return Manifest(hour, canonical(said).encode(), keys, tuple(listed))


def described(packed: Packed, version_id: str) -> dict[str, Any]:
    """Return what a manifest says of one object."""
    return {
        "kind": packed.kind,
        "key": packed.key,
        "version_id": version_id,
        "sha256": packed.sha256,
        "bytes": len(packed.body),
        "lines": packed.lines,
        "hours": list(packed.hours),
        "first": list(packed.first),
        "last": list(packed.last),
    }

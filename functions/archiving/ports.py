"""What the archive needs of the world. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from archiving.manifest import Named


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an object, or a delete marker.

    Attributes:
        key: Of which object.
        version_id: S3's.
        marker: Whether it hides the object, and has no bytes.
    """

    key: str
    version_id: str
    marker: bool = False


class Bucket(Protocol):
    """The archive's bucket. What it cannot do is an error of botocore's, and ends the run."""

    def put(self, key: str, body: bytes) -> str | None:
        """Write an object where there is none, and return its version, or None: there is one."""

    def read(self, key: str, version_id: str) -> bytes:
        """Return a version's bytes."""

    def versions(self, beginning: str) -> Iterator[Version]:
        """Yield all versions of the keys that begin so: by key, of each the newest first."""

    def folders(self, beginning: str) -> list[str]:
        """Return how the keys that begin so go on until the next `/`, in order."""


class Signer(Protocol):
    """The key that signs manifests."""

    @property
    def key_id(self) -> str:
        """Its ARN."""

    def sign(self, sha256: str) -> bytes:
        """Return the signature of what has this SHA-256 (hex)."""

    def signed(self, sha256: str, signature: bytes) -> bool:
        """Return whether this is its signature of what has this SHA-256 (hex)."""


class NotPublished(Exception):
    """The witnesses were not told. The next hour's message covers this one."""


class Witness(Protocol):
    """Who keeps what operators cannot change."""

    def tell(self, ledger: str, hour: datetime, manifest: Named) -> None:
        """Tell of an hour's manifest.

        Raises:
            NotPublished: Nobody was told.
        """

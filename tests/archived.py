"""An archive that the real code wrote, as an auditor's copy of it on disk."""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from archiving.names import HOUR, digest_of, manifest_key, signature_key
from archiving.sealing import Sealer
from tests.fake_archive import KEY, LEDGER, FakeBucket, FakeWitness, put_batch, stream_record
from vending.vend_ids import written

if TYPE_CHECKING:
    from pathlib import Path

H20 = datetime(2026, 11, 23, 20, tzinfo=UTC)


OWN = "the archive's"


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """Return a key of that name, made once."""
    return rsa.generate_private_key(65537, 3072 if name == OWN else 2048)


def public_pem(name: str = OWN) -> bytes:
    """Return a public key as `aws kms get-public-key` and openssl give it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private_key(name).public_key().public_bytes(serialization.Encoding.PEM, form)


@dataclass
class RsaSigner:
    """Signs as KMS does."""

    key_id: str = KEY
    name: str = OWN

    def sign(self, sha256: str) -> bytes:
        return private_key(self.name).sign(
            bytes.fromhex(sha256), padding.PKCS1v15(), Prehashed(hashes.SHA256())
        )

    def signed(self, sha256: str, signature: bytes) -> bool:
        try:
            private_key(self.name).public_key().verify(
                signature, bytes.fromhex(sha256), padding.PKCS1v15(), Prehashed(hashes.SHA256())
            )
        except InvalidSignature:
            return False
        return True


def vend(at: datetime, number: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Return the records of a vend."""
    vend_id = written(at, number)
    pk = f"vend#{vend_id}"
    return [
        {"pk": pk, "sk": "1#intent", "vend_id": vend_id, "sealed": b"\0box", **more},
        {"pk": pk, "sk": "2#outcome", "vend_id": vend_id, "outcome": "issued"},
    ]


@dataclass
class Archived:
    """Three hours of an archive: 20, 21 with what came late, and 22 without anything."""

    bucket: FakeBucket = field(default_factory=FakeBucket)
    signer: RsaSigner = field(default_factory=RsaSigner)
    witness: FakeWitness = field(default_factory=FakeWitness)

    def __post_init__(self) -> None:
        self._sequence = count(1000)
        for number, minute in enumerate((1, 5, 30)):
            at = H20 + timedelta(minutes=minute)
            self.arrive(at, *vend(at, number, reason=f"reason {number} \u202e<b>"))
        # Asked for in the last second of an hour, recorded in the next one.
        late = H20 + timedelta(minutes=59, seconds=59)
        self.arrive(H20 + HOUR + timedelta(seconds=2), *vend(late, 7))
        at = H20 + HOUR + timedelta(minutes=10)
        self.arrive(at, *vend(at, 8))
        self.seal(H20 + 3 * HOUR + timedelta(minutes=10))

    def arrive(self, at: datetime, *records: dict[str, Any], event: str = "INSERT") -> None:
        """Let the archiving function be called."""
        made = [stream_record(one, next(self._sequence), event=event) for one in records]
        put_batch(self.bucket, at, made)

    def seal(self, now: datetime) -> None:
        """Let the sealing function run."""
        sealer = Sealer(self.bucket, self.signer, self.witness, lambda: now, LEDGER)
        sealer.run(lambda: math.inf)

    def copy(self, folder: Path) -> Path:
        """Write the first version of everything to a folder, and return it."""
        for key, versions in self.bucket.held.items():
            body = versions[0][1]
            assert body is not None
            file = folder / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        return folder


def objects(folder: Path, kind: str = "records", hour: datetime = H20) -> list[Path]:
    """Return the files of an hour's objects."""
    return sorted((folder / kind / f"{hour:%Y/%m/%d/%H}").glob("*.gz"))


def rewrite(file: Path, *change: tuple[str, str]) -> None:
    """Change the text of an object's lines."""
    text = gzip.decompress(file.read_bytes()).decode()
    for old, new in change:
        assert old in text
        text = text.replace(old, new)
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def resign(folder: Path, hour: datetime, body: bytes, name: str) -> None:
    """Write another manifest, signed by some key."""
    digest = digest_of(body)
    (folder / manifest_key(hour)).write_bytes(body)
    signature = RsaSigner(name=name).sign(digest)
    (folder / signature_key(hour, digest)).write_bytes(signature)

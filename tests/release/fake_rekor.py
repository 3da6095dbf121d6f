"""A transparency log of the tests' own, with Rekor's entries of version 0.0.1.

Written against RFC 6962 (Merkle trees), C2SP's signed notes and Rekor's schemas of entries.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509

SHA256 = ec.ECDSA(hashes.SHA256())


def der_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def compact(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def leaf(content: bytes) -> bytes:
    return hashlib.sha256(b"\0" + content).digest()


def root_of(leaves: list[bytes]) -> bytes:
    """Return the root of a Merkle tree (RFC 6962, 2.1)."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(leaves[:half]) + root_of(leaves[half:])).digest()


def path_of(index: int, leaves: list[bytes]) -> list[bytes]:
    """Return the proof that a leaf is in the tree (RFC 6962, 2.1.1)."""
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if index < half:
        return [*path_of(index, leaves[:half]), root_of(leaves[half:])]
    return [*path_of(index - half, leaves[half:]), root_of(leaves[:half])]


@dataclass
class Log:
    """A transparency log: its key and its leaves. It begins with some of other people's."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    leaves: list[bytes] = field(default_factory=lambda: [leaf(bytes([n])) for n in range(6)])

    @property
    def id(self) -> bytes:
        return hashlib.sha256(der_of(self.key)).digest()

    def enter(self, body: bytes, at: datetime, kind: str) -> dict[str, object]:
        """Return the entry of a body, as a bundle has it."""
        index = len(self.leaves)
        self.leaves.append(leaf(body))
        root = root_of(self.leaves)
        note = f"rekor.test - 1\n{len(self.leaves)}\n{b64(root)}\n"
        signed = b64(self.id[:4] + self.key.sign(note.encode(), SHA256))
        seconds = int(at.timestamp())
        told = {
            "body": b64(body),
            "integratedTime": seconds,
            "logID": self.id.hex(),
            "logIndex": index,
        }
        return {
            "logIndex": str(index),
            "logId": {"keyId": b64(self.id)},
            "kindVersion": {"kind": kind, "version": "0.0.1"},
            "integratedTime": str(seconds),
            "inclusionPromise": {"signedEntryTimestamp": b64(self.key.sign(compact(told), SHA256))},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": b64(root),
                "treeSize": str(len(self.leaves)),
                "hashes": [b64(part) for part in path_of(index, self.leaves)],
                "checkpoint": {"envelope": f"{note}\n— rekor.test {signed}\n"},
            },
            "canonicalizedBody": b64(body),
        }


def hashedrekord(digest: bytes, signature: bytes, certificate: x509.Certificate) -> bytes:
    """Return Rekor's entry of a file's signature."""
    return compact(
        {
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
                "signature": {
                    "content": b64(signature),
                    "publicKey": {"content": b64(certificate.public_bytes(Encoding.PEM))},
                },
            },
        }
    )


def dsse(envelope: dict[str, object], certificate: bytes) -> bytes:
    """Return Rekor's entry of an attestation, as it makes it of what is proposed."""
    payload, signatures = envelope["payload"], envelope["signatures"]
    assert isinstance(payload, str)
    assert isinstance(signatures, list)
    content = base64.b64decode(payload)
    return compact(
        {
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": hash_of(json.dumps(envelope).encode()),
                "payloadHash": hash_of(content),
                "signatures": [
                    {"signature": one["sig"], "verifier": b64(certificate)} for one in signatures
                ],
            },
        }
    )


def hash_of(content: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}

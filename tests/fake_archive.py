"""Fakes of the archive's ports: a bucket that keeps every version, a key, a witness."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archiving.batch import batch_of, streamed
from archiving.names import FORM
from archiving.ports import NotPublished, Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from archiving.manifest import Named

LEDGER = "arn:aws:dynamodb:eu-west-1:111122223333:table/ledger"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/seals"


class Crash(Exception):
    """The function was ended here."""


@dataclass
class FakeBucket:
    """A versioned bucket.

    Attributes:
        held: Key → its versions, the oldest first; None is a delete marker.
        puts: Keys that were put where there was nothing, in order.
        crash_after: Puts after which the function is ended.
        before_put: Called with each key, before it is looked for.
    """

    held: dict[str, list[tuple[str, bytes | None]]] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    crash_after: int | None = None
    before_put: Any = None

    def put(self, key: str, body: bytes) -> str | None:
        if self.before_put:
            self.before_put(key)
        versions = self.held.get(key, [])
        if versions and versions[-1][1] is not None:
            return None
        version = self.overwrite(key, body)
        self.puts.append(key)
        if self.crash_after is not None and len(self.puts) > self.crash_after:
            raise Crash
        return version

    def overwrite(self, key: str, body: bytes | None) -> str:
        """Add a version, or with None a delete marker, as somebody with the right to would."""
        versions = self.held.setdefault(key, [])
        versions.append((f"{key}@{len(versions)}", body))
        return versions[-1][0]

    def read(self, key: str, version_id: str) -> bytes:
        body = dict(self.held[key])[version_id]
        assert body is not None
        return body

    def versions(self, beginning: str) -> Iterator[Version]:
        for key in sorted(self.held):
            if key.startswith(beginning):
                for version_id, body in reversed(self.held[key]):
                    yield Version(key, version_id, body is None)

    def folders(self, beginning: str) -> list[str]:
        rests = [key.removeprefix(beginning) for key in self.held if key.startswith(beginning)]
        return sorted({f"{beginning}{rest.partition('/')[0]}/" for rest in rests if "/" in rest})

    # What tests ask.

    def lines(self, beginning: str) -> list[str]:
        """Return the lines of the objects whose keys begin so, each of its first version."""
        bodies = [self.held[key][0][1] for key in sorted(self.held) if key.startswith(beginning)]
        return [
            line for body in bodies if body for line in gzip.decompress(body).decode().splitlines()
        ]

    def manifest(self, hour: datetime) -> dict[str, Any]:
        """Return what an hour's manifest says."""
        body = self.held[f"manifests/{hour:%Y/%m/%d/%H}.json"][0][1]
        assert body is not None
        said: dict[str, Any] = json.loads(body)
        return said

    def sealed(self) -> dict[str, bytes | None]:
        """Return the first version of each object that a manifest names."""
        named = [
            one["key"]
            for key, versions in self.held.items()
            if key.endswith(".json")
            for one in json.loads(versions[0][1] or b"")["objects"]
        ]
        return {key: self.held[key][0][1] for key in sorted(named)}


@dataclass
class FakeSigner:
    """A key whose signature everybody could make."""

    key_id: str = KEY

    def sign(self, sha256: str) -> bytes:
        return hashlib.sha256(f"{self.key_id} {sha256}".encode()).digest()

    def signed(self, sha256: str, signature: bytes) -> bool:
        return signature == self.sign(sha256)


@dataclass
class FakeWitness:
    """Who was told what.

    Attributes:
        told: Hour and SHA-256 of each manifest, in order.
        deaf: How many messages get lost first.
    """

    told: list[tuple[str, str]] = field(default_factory=list)
    deaf: int = 0

    def tell(self, ledger: str, hour: datetime, manifest: Named) -> None:
        assert ledger == LEDGER
        if self.deaf:
            self.deaf -= 1
            raise NotPublished
        self.told.append((f"{hour:{FORM}}", manifest.sha256))


def wire(value: Any) -> dict[str, Any]:
    """Return a value as the stream has it in what Lambda passes on: bytes in base64."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case bytes():
            return {"B": base64.b64encode(value).decode()}
        case list():
            return {"L": [wire(member) for member in value]}
    return {"M": {name: wire(member) for name, member in value.items()}}


def stream_record(
    record: Mapping[str, Any],
    sequence: int,
    *,
    event: str = "INSERT",
    by: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a record of the ledger's stream (NEW_IMAGE), as Lambda passes it on."""
    told: dict[str, Any] = {
        "Keys": {name: wire(record[name]) for name in ("pk", "sk")},
        "SequenceNumber": str(sequence),
        "StreamViewType": "NEW_IMAGE",
    }
    if event != "REMOVE":
        told["NewImage"] = wire(dict(record))["M"]
    return {
        "eventID": f"{sequence:032x}",
        "eventName": event,
        "eventSource": "aws:dynamodb",
        "dynamodb": told,
        **({"userIdentity": dict(by)} if by else {}),
    }


def put_batch(bucket: FakeBucket, arrived: datetime, records: Sequence[dict[str, Any]]) -> str:
    """Put records of the stream as the archiving function does, and return their batch's key."""
    batch = batch_of([streamed(record) for record in records], arrived)
    bucket.put(batch.key, batch.body)
    return batch.key

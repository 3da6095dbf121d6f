"""The archive's bucket in S3."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from archiving.ports import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

CONFLICTS = (0.1, 0.5, 1.0)
"""Seconds to wait before a write is tried again that met another one of the same key."""


@dataclass(frozen=True, slots=True)
class Lock:
    """For how long what is written can be neither changed nor removed.

    Attributes:
        mode: `COMPLIANCE` or `GOVERNANCE`, as S3 names them.
        days: How long.
        clock: Returns the time, aware.
    """

    mode: str
    days: int
    clock: Callable[[], datetime]

    def of_a_put(self) -> dict[str, Any]:
        """Return what says so in a `PutObject`."""
        until = self.clock() + timedelta(days=self.days)
        return {"ObjectLockMode": self.mode, "ObjectLockRetainUntilDate": until}


class S3Bucket:
    """A bucket with Object Lock.

    Archiving needs `s3:PutObject` and `s3:PutObjectRetention` on `batches/*`. Sealing needs
    `s3:PutObject` on all else, `s3:GetObjectVersion` and `s3:ListBucketVersions`.

    Args:
        s3: A client.
        name: Of the bucket.
        lock: Of what is written; None for the bucket's default.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        s3: Any,
        name: str,
        lock: Lock | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._s3 = s3
        self._name = name
        self._lock = lock
        self._sleep = sleep

    def put(self, key: str, body: bytes) -> str | None:
        """Write an object where there is none, and return its version, or None: there is one."""
        asked = {"Bucket": self._name, "Key": key, "Body": body, "IfNoneMatch": "*"}
        if self._lock:
            asked |= self._lock.of_a_put()
        for pause in (*CONFLICTS, None):
            try:
                return str(self._s3.put_object(**asked)["VersionId"])
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "PreconditionFailed":
                    return None
                # Another write of this key is under way, and it is not known which one will stand.
                if code != "ConditionalRequestConflict" or pause is None:
                    raise
                self._sleep(pause)
        raise AssertionError("the last attempt returned or raised")

    def read(self, key: str, version_id: str) -> bytes:
        """Return a version's bytes."""
        answer = self._s3.get_object(Bucket=self._name, Key=key, VersionId=version_id)
        return bytes(answer["Body"].read())

    def versions(self, beginning: str) -> Iterator[Version]:
        """Yield all versions of the keys that begin so: of each key the newest first."""
        for page in self._pages(Prefix=beginning):
            for one in page.get("Versions", []):
                yield Version(one["Key"], one["VersionId"])
            for one in page.get("DeleteMarkers", []):
                yield Version(one["Key"], one["VersionId"], marker=True)

    def folders(self, beginning: str) -> list[str]:
        """Return how the keys that begin so go on until the next `/`, in order."""
        return sorted(
            {
                one["Prefix"]
                for page in self._pages(Prefix=beginning, Delimiter="/")
                for one in page.get("CommonPrefixes", [])
            }
        )

    def _pages(self, **asked: str) -> Iterator[dict[str, Any]]:
        while True:
            page = self._s3.list_object_versions(Bucket=self._name, **asked)
            yield page
            if not page.get("IsTruncated"):
                return
            asked["KeyMarker"] = page["NextKeyMarker"]
            # A page that ends with a folder names no version.
            asked.pop("VersionIdMarker", None)
            if page.get("NextVersionIdMarker"):
                asked["VersionIdMarker"] = page["NextVersionIdMarker"]

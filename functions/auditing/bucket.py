"""The archive's bucket, read."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from auditing.answered import answered
from auditing.archive import PART, Entry, Listing

GONE = frozenset({"404", "405", "416", "InvalidRange", "NoSuchKey", "NoSuchVersion"})
"""What S3 says of a version that is not there, or is a delete marker."""


class S3Archive:
    """The bucket. It needs `s3:ListBucketVersions` on it and `s3:GetObjectVersion` in it."""

    def __init__(self, s3: Any, *, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def versions(self, beginning: str, after: str) -> Listing:
        """Return versions of the keys that begin so, the newest of a key first.

        Raises:
            RecordsUnavailable: The bucket does not answer.
        """
        key, _, version = after.partition(" ")
        place = {"KeyMarker": key, "VersionIdMarker": version} if after else {}
        with answered():
            page = self._s3.list_object_versions(
                Bucket=self._bucket, Prefix=beginning, MaxKeys=1000, **place
            )
        found = [
            Entry(one["Key"], one["VersionId"], one["Size"], marker=False)
            for one in page.get("Versions", [])
        ]
        found += [
            Entry(one["Key"], one["VersionId"], 0, marker=True)
            for one in page.get("DeleteMarkers", [])
        ]
        more = page.get("IsTruncated", False)
        following = f"{page['NextKeyMarker']} {page['NextVersionIdMarker']}" if more else ""
        return Listing(sorted(found, key=key_of), following)

    def part(self, key: str, version_id: str, offset: int) -> bytes | None:
        """Return the bytes from `offset` on, as many as fit; None where there are none.

        Raises:
            RecordsUnavailable: The bucket does not answer.
        """
        with answered():
            try:
                found = self._s3.get_object(
                    Bucket=self._bucket,
                    Key=key,
                    VersionId=version_id,
                    Range=f"bytes={offset}-{offset + PART - 1}",
                )
            except ClientError as error:
                if error.response["Error"]["Code"] in GONE:
                    return None
                raise
            return bytes(found["Body"].read())


def key_of(entry: Entry) -> str:
    """Return where an entry is."""
    return entry.key

"""The archive and the ledger as the service shows them to auditors."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_vend.deadline import Deadline
from ecr_vend.errors import Problem
from ecr_vend.vend_pages import pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ecr_vend.service import Service

SECONDS = 60.0
"""For one answer."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an object of the archive.

    Attributes:
        key: Where.
        version_id: S3's.
        size: In bytes.
        marker: Whether it is a delete marker.
    """

    key: str
    version_id: str
    size: int
    marker: bool


class ServiceArchive:
    """What `Service` knows of the archive and the ledger."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def versions(self, day: str, kind: str) -> Iterator[Version]:
        """Yield the versions of a day's objects, the newest of a key first.

        Raises:
            Problem: They could not be had.
        """
        asked = {"day": day, "kind": kind}
        while True:
            answer = self._service.archive(asked, Deadline(SECONDS))
            try:
                for one in listed(answer["objects"]):
                    marker = one["marker"] is True
                    yield Version(str(one["key"]), str(one["version_id"]), int(one["size"]), marker)
                after = answer["next"]
            except (KeyError, TypeError, ValueError):
                raise self._unexpected("it is no list of the archive") from None
            if not after:
                return
            asked["after"] = str(after)

    def content(self, version: Version) -> bytes:
        """Return all of an object.

        Raises:
            Problem: It could not be had.
        """
        found = b""
        while len(found) < version.size:
            asked = {
                "key": version.key,
                "version_id": version.version_id,
                "offset": str(len(found)),
            }
            answer = self._service.archived(asked, Deadline(SECONDS))
            try:
                part = base64.b64decode(str(answer["content"]), validate=True)
            except (KeyError, binascii.Error):
                part = b""
            if not part:
                raise self._unexpected("it is no part of an object")
            found += part
        return found

    def records(self, keys: Sequence[tuple[str, str]]) -> list[str]:
        """Return the records of these keys that there are, as lines of the archive.

        Raises:
            Problem: They could not be had.
        """
        found: list[str] = []
        while keys:
            asked = {"keys": [{"pk": pk, "sk": sk} for pk, sk in keys]}
            answer = self._service.records(asked, Deadline(SECONDS))
            lines, number = answer.get("records"), answer.get("asked")
            if not isinstance(lines, list) or not isinstance(number, int) or number < 1:
                raise self._unexpected("it is no list of records")
            found += map(str, lines)
            keys = keys[number:]
        return found

    def vends(self, start: str, end: str) -> Iterator[str]:
        """Yield the ids of the vends of a time.

        Raises:
            Problem: They could not be had.
        """
        asked = {"from": start, "to": end, "order": "oldest"}
        for page in pages(self._service, asked):
            for vend in page.vends:
                yield str(vend["vend_id"])

    def _unexpected(self, detail: str) -> Problem:
        return Problem("unexpected_answer", endpoint=self._service.endpoint, detail=detail)


def listed(found: object) -> list[Mapping[str, Any]]:
    """Return a list of objects.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise TypeError
    return found

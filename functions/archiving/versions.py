"""Which version of an object counts: the first one, whatever came after it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiving.findings import of_object
from archiving.names import BATCHES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archiving.findings import Finding
    from archiving.ports import Version


def firsts(versions: Iterable[Version]) -> tuple[dict[str, str], list[Finding]]:
    """Return the first version of each key, and what there should not be besides.

    Args:
        versions: Of each key the newest first, as S3 lists them.
    """
    first: dict[str, str] = {}
    found: list[Finding] = []
    for one in versions:
        if one.marker:
            # The bucket's lifecycle puts them on batches whose time is over.
            if not one.key.startswith(BATCHES):
                found.append(of_object("delete-marker", one.key, one.version_id))
            continue
        if one.key in first:
            found.append(of_object("version", one.key, first[one.key]))
        first[one.key] = one.version_id
    return first, found

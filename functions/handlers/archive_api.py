"""The auditors' API over HTTP: the archive, and records as the archive has them. No decisions."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from auditing.archive_messages import (
    ArchiveResponse,
    ObjectResponse,
    RecordsResponse,
    VersionShown,
    beginning_of,
    keys_of,
    part_of,
)
from handlers.api import Answer, Event, answer, body_of, logger
from handlers.measures import measures
from vending.errors import Code, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditing.auditing import Auditing
    from vending.deadlines import Left


def archive_routes(
    auditing: Auditing,
) -> dict[tuple[str, str], Callable[[Event, Left], Answer]]:
    """Return the routes for whoever was admitted, by method and path."""

    def records(event: Event, _: Left) -> Answer:
        keys = keys_of(body_of(event))
        found, asked = auditing.raw(keys)
        logger.info("Audits", by="key", records=len(found))
        measures.answered("Audits")
        return answer(RecordsResponse(records=found, asked=asked))

    def archive(event: Event, _: Left) -> Answer:
        beginning, after = beginning_of(event.get("queryStringParameters"))
        found = auditing.archived().versions(beginning, after)
        logger.info("Audits", by="archive", value=beginning)
        measures.answered("Audits")
        shown = [
            VersionShown(key=one.key, version_id=one.version_id, size=one.size, marker=one.marker)
            for one in found.entries
        ]
        return answer(ArchiveResponse(objects=shown, next=found.after or None))

    def archived(event: Event, _: Left) -> Answer:
        key, version_id, offset = part_of(event.get("queryStringParameters"))
        content = auditing.archived().part(key, version_id, offset)
        if content is None:
            raise Refused(
                Code.NO_SUCH_OBJECT,
                "There is no such version in the archive, or not so much of it.",
            )
        logger.info("Audits", by="object", value=key, offset=offset)
        measures.answered("Audits")
        return answer(ObjectResponse(content=base64.b64encode(content).decode()))

    return {
        ("POST", "/v1/records"): records,
        ("GET", "/v1/archive"): archive,
        ("GET", "/v1/archive/object"): archived,
    }

"""The auditors' API over HTTP. No decisions. Every read is logged, with who read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditing.auditing import Auditing, RecordsUnavailable, access_to
from auditing.messages import (
    VendsResponse,
    access_of,
    facts,
    question_of,
    selection_of,
    token_of,
)
from auditing.selection import By
from handlers.api import Answer, Event, answer, body_of, known, logger, serving
from handlers.archive_api import archive_routes
from handlers.measures import measures
from vending.caller import caller_of
from vending.errors import Code, Refused
from vending.vend_ids import VEND_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditing.record import VendRecord
    from vending.deadlines import Left


def audit(auditing: Auditing) -> Callable[[Event, Any], Answer]:
    """Return the Lambda handler that serves `auditing`."""

    def admitted(route: Callable[[Event, Left], Answer]) -> Callable[[Event, Left], Answer]:
        def serve(event: Event, left: Left) -> Answer:
            caller, _origin = caller_of(event)
            known(caller, None)
            auditing.admit(caller)
            try:
                return route(event, left)
            except RecordsUnavailable as problem:
                logger.error("the records cannot be read", error=str(problem))
                raise Refused(
                    Code.RECORDS_UNAVAILABLE,
                    "The records cannot be read now. Send the same request again.",
                ) from None

        return serve

    def vends(event: Event, left: Left) -> Answer:
        selection, most = selection_of(event.get("queryStringParameters"), now=auditing.clock())
        page = auditing.listed(selection, most=most, left=left)
        logger.info("Audits", vends=len(page.vends), **facts(selection))
        measures.answered("Audits")
        of_repository = page.vends if selection.by is By.REPOSITORY else []
        could = {one.vend_id: access_to(one, selection.value) for one in of_repository}
        return answer(VendsResponse(vends=page.vends, next=page.after, could=could))

    def vend(event: Event, _: Left) -> Answer:
        named = str((event.get("pathParameters") or {}).get("id", ""))
        if not VEND_ID.fullmatch(named):
            raise Refused(Code.NO_SUCH_VEND, "That is no vend id: v- and 26 letters and digits.")
        return one(auditing.shown(named))

    def lookup(event: Event, _: Left) -> Answer:
        return one(auditing.traced(token_of(body_of(event))))

    def access(event: Event, left: Left) -> Answer:
        question = question_of(event.get("queryStringParameters"), now=auditing.clock())
        periods, found = auditing.could(question, left=left)
        logger.info("Audits", by="access", value=question.repository, access=question.access)
        measures.answered("Audits")
        return answer(access_of(periods, found))

    return serving(
        {
            ("GET", "/v1/access"): admitted(access),
            ("GET", "/v1/vends"): admitted(vends),
            ("GET", "/v1/vends/{id}"): admitted(vend),
            ("POST", "/v1/vends/lookup"): admitted(lookup),
            **{asked: admitted(route) for asked, route in archive_routes(auditing).items()},
        }
    )


def one(found: VendRecord) -> Answer:
    """Return one vend as the answer, and note that it was read."""
    logger.info("Audits", vends=1, by="id", value=found.vend_id)
    measures.answered("Audits")
    return answer(found)

"""`/v1/revocations` over HTTP, and the schedule's call. No decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.api import Answer, Event, answer, body_of, known, logger, serving
from handlers.measured import measured_revoking
from handlers.measures import measures
from vending.caller import caller_of
from vending.errors import Refused
from vending.records import timestamp
from vending.revocation_messages import (
    RevocationShown,
    RevocationsResponse,
    revocation_request,
)
from vending.revocations import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vending.deadlines import Left
    from vending.revoking import Outcome, Revoking

KEEP_UP = {"keep_up": "revocations"}
"""What the schedule sends. Only API Gateway and this schedule may invoke the function."""


def revocations(revoking: Revoking) -> Callable[[Event, Any], Answer]:
    """Return the Lambda handler that serves `revoking`."""
    revoking = measured_revoking(revoking)

    def revoke(event: Event, _: Left) -> Answer:
        caller, origin = caller_of(event)
        known(caller, None)
        revoking.admit(caller)
        asked = revocation_request(body_of(event))
        outcome = shown_when_refused(lambda: revoking.revoke(caller, origin, asked))
        note("Revocations", outcome)
        return answer(shown(outcome))

    def listed(event: Event, _: Left) -> Answer:
        caller, _origin = caller_of(event)
        known(caller, None)
        found = [shown(outcome) for outcome in revoking.listed(caller)]
        measures.answered("RevocationLists")
        return answer(RevocationsResponse(revocations=found, time=rfc3339(revoking.clock())))

    def lift(event: Event, _: Left) -> Answer:
        caller, origin = caller_of(event)
        known(caller, None)
        named = str((event.get("pathParameters") or {}).get("id", ""))[:64]
        outcome = shown_when_refused(lambda: revoking.lift(caller, origin, named))
        note("Lifts", outcome)
        return answer(shown(outcome))

    api = serving(
        {
            ("POST", "/v1/revocations"): revoke,
            ("GET", "/v1/revocations"): listed,
            ("DELETE", "/v1/revocations/{id}"): lift,
        }
    )

    def handler(event: Event, context: Any) -> Answer:
        if event != KEEP_UP:
            return api(event, context)
        measures.begin(getattr(context, "aws_request_id", ""))
        left = revoking.keep_up()
        for outcome in left:
            logger.error("not denied", **facts(outcome))
        measures.set("RevocationsPending", len(left))
        measures.flush()
        return {"pending": len(left)}

    return handler


def shown_when_refused(act: Callable[[], Outcome]) -> Outcome:
    """Return the act's outcome; a refusal that has one shows it as `revocation`.

    Raises:
        Refused: As the act does.
    """
    try:
        return act()
    except Refused as refused:
        if outcome := refused.more.get("outcome"):
            logger.error("not denied", **facts(outcome))
            refused.more = {"revocation": shown(outcome).model_dump()}
        raise


def shown(outcome: Outcome) -> RevocationShown:
    """Return a revocation as revokers read it."""
    one = outcome.revocation
    return RevocationShown(
        id=one.id,
        kind=one.kind.value,
        target=one.target,
        reason=one.reason,
        revoked_by=one.by,
        revoked_at=timestamp(one.at),
        blocked=one.blocked_at is not None and one.lifted_at is None,
        lifted_by=one.lifted_by or None,
        lifted_at=timestamp(one.lifted_at) if one.lifted_at else None,
        denied_until=rfc3339(one.denied_until) if one.denied_until else None,
        registries=dict(outcome.registries),
    )


def note(what: str, outcome: Outcome) -> None:
    """Log and count something that was done everywhere."""
    logger.info(what, **facts(outcome))
    measures.answered(what)


def facts(outcome: Outcome) -> Mapping[str, Any]:
    """Return what a log line says of a revocation; the reason is in the ledger."""
    one = outcome.revocation
    return {
        "revocation_id": one.id,
        "kind": one.kind.value,
        "target": one.target,
        "registries": dict(outcome.registries),
    }

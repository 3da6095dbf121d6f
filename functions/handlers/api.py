"""The API over HTTP: routes, problem+json, logs and metrics. No decisions."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from handlers import answers
from handlers.measured import measured
from handlers.measures import measures
from vending import clients, release
from vending.caller import caller_of
from vending.deadlines import unhurried
from vending.errors import KINDS, Code, Refused
from vending.messages import token_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from vending.budgets import CountersUnavailable
    from vending.caller import Caller
    from vending.deadlines import Left
    from vending.messages import Message
    from vending.ports import Intent
    from vending.probe import Prober
    from vending.vend import Vending

ERRORS = "https://github.com/ecr-vend/ecr-vend/blob/main/docs/errors.md"
"""Where each error's `type` is explained."""

Event = Mapping[str, Any]
Answer = dict[str, Any]

# The event is never logged, whatever POWERTOOLS_LOGGER_LOG_EVENT says: only Powertools' decorator
# reads that variable, and it is not used here.
logger = Logger()

# With POWERTOOLS_DEBUG, Powertools logs what it works on. What is worth logging is logged here.
powertools = logging.getLogger("aws_lambda_powertools")
powertools.handlers[:] = [logging.NullHandler()]
powertools.propagate = False


def api(vending: Vending) -> Callable[[Event, Any], Answer]:
    """Return the Lambda handler that serves `vending`."""
    vending = measured(vending)

    def tokens(event: Event, left: Left) -> Answer:
        caller, origin = caller_of(event)
        known(caller, vending.prober)
        try:
            clients.check(origin.user_agent)
            asked = token_request(body_of(event))
        except Refused:
            vending.ask(caller, origin)
            raise
        if asked.dry_run:
            vending.ask(caller, origin)
            intent = vending.preview(caller, origin, asked)
            note("DryRuns", intent)
            return answer(answers.dry_run(intent))
        with measures.timed("VendSeconds"):
            vend = vending.vend(caller, origin, asked, left=left)
        note("Vends", vend.intent)
        return answer(answers.token(vend))

    def whoami(event: Event, _: Left) -> Answer:
        caller, origin = caller_of(event)
        known(caller, vending.prober)
        vending.ask(caller, origin)
        shown = answer(answers.whoami(vending, caller, origin))
        measures.answered("Whoami")
        return shown

    return serving({("POST", "/v1/tokens"): tokens, ("GET", "/v1/whoami"): whoami}, vending.prober)


def serving(
    routes: Mapping[tuple[str, str], Callable[[Event, Left], Answer]], prober: Prober | None = None
) -> Callable[[Event, Any], Answer]:
    """Return the Lambda handler that answers by `routes`: method and resource of each.

    Args:
        routes: Each takes the event and what tells the seconds that are left.
        prober: Of this stack, whose invocations are served as if it had come by the API.

    A few routes need no router. Powertools' takes longer to load than all the rest of this module,
    and logs an exception with its text.
    """
    paths = {path for _, path in routes}
    *others, last = (f"{method} {path}" for method, path in routes)
    known = f"The service answers {', '.join(others)} and {last} here."

    def handler(event: Event, context: Any) -> Answer:
        invocation = getattr(context, "aws_request_id", "")
        logger.clear_state()
        logger.append_keys(function_request_id=invocation)
        measures.begin(invocation)
        try:
            # API Gateway's events have many keys and none of this name: who can send this one may
            # invoke the function, which in this stack is its prober alone.
            if prober and event.keys() == {"probe"}:
                event = prober.event(event["probe"])
            # The resource as the API declares it: a custom domain may put a base path before it.
            method, path = str(event.get("httpMethod")), str(event.get("resource"))
            if route := routes.get((method, path)):
                return route(event, time_left(context))
            code = Code.METHOD_NOT_ALLOWED if path in paths else Code.NOT_FOUND
            return problem(Refused(code, known), event)
        except Refused as refused:
            return problem(refused, event)
        except Exception as error:  # noqa: BLE001  the outermost frame
            # An exception's text may quote what it failed on, so only type and frames are kept.
            found = traceback.extract_tb(error.__traceback__)
            frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in found]
            logger.error("unhandled", error=type(error).__name__, frames=frames)
            detail = "Try again; if it lasts, give the request id to the platform team."
            return problem(Refused(Code.INTERNAL_ERROR, detail), event)
        finally:
            measures.flush()

    return handler


def known(caller: Caller, prober: Prober | None) -> None:
    """Note who asks: in the log, since a caller is never a dimension of a metric."""
    logger.append_keys(caller=caller.key, caller_arn=caller.arn)
    if prober and prober.concerns(caller):
        measures.probed()


def time_left(context: Any) -> Left:
    """Return what tells the seconds until Lambda ends the invocation, outside Lambda for ever."""
    milliseconds = getattr(context, "get_remaining_time_in_millis", None)
    return (lambda: milliseconds() / 1000) if milliseconds else unhurried


def uncounted(failure: CountersUnavailable) -> None:
    """Note that requests go on without their budgets."""
    logger.error("requests are not counted, and go on", error=str(failure))
    measures.count("BudgetFailures")


def watch(intent: Intent) -> None:
    """Log and count what each rule in monitor mode would have done to a vend that is recorded."""
    for one in intent.decision.monitored:
        logger.info("monitored", vend_id=intent.vend_id, **asdict(one))
        measures.count(f"Would{one.effect.title()}")


def body_of(event: Event) -> bytes:
    """Return the request's body.

    Raises:
        Refused: It is said to be base64 and is not.
    """
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(Code.INVALID_REQUEST, "Send the body as JSON text.") from None


def answer(message: Message) -> Answer:
    """Return a message as the answer to API Gateway."""
    return reply(200, "application/json", message.model_dump_json(by_alias=True))


def reply(status: int, content_type: str, body: str, **headers: str) -> Answer:
    """Return API Gateway's form of an answer, which no cache keeps."""
    return {
        "statusCode": status,
        "headers": {
            "Content-Type": content_type,
            "Cache-Control": "no-store",
            "Ecr-Vend-Version": release.VERSION,
            **headers,
        },
        "body": body,
        "isBase64Encoded": False,
    }


def problem(error: Refused, event: Event) -> Answer:
    """Return a refusal as RFC 9457 problem+json, and note it."""
    code, kind = error.refusal.code, KINDS[error.refusal.code]
    body = {
        "type": f"{ERRORS}#{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": error.refusal.detail,
        "code": code,
        "request_id": request_id(event),
        **error.more,
    }
    if error.vend_id:
        body["vend_id"] = error.vend_id
    level = logger.error if kind.status >= 500 else logger.warning
    level("refused", code=code, vend_id=error.vend_id, request_id=body["request_id"])
    measures.refused(code, kind.status, error.vend_id)
    waits = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return reply(kind.status, "application/problem+json", json.dumps(body), **waits)


def request_id(event: Event) -> str:
    """Return API Gateway's id of the request, empty where the event has none."""
    context = event.get("requestContext")
    return str(context.get("requestId") or "") if isinstance(context, dict) else ""


def note(what: str, intent: Intent) -> None:
    """Log and count something that went well."""
    logger.info(
        what,
        vend_id=intent.vend_id,
        grants=intent.decision.grants,
        access=intent.decision.access if intent.decision.scope else None,
        break_glass=intent.decision.break_glass,
        policy_revision=intent.policy.revision,
        policy_age_seconds=int(intent.policy.age.total_seconds()),
        session_policy_size=len(intent.session_policy),
    )
    measures.answered(what, intent)
    if what == "Vends" and intent.decision.break_glass:
        measures.count("BreakGlass")

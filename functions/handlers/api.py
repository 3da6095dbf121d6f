"""The API over HTTP: routes, problem+json, logs and metrics. No decisions."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import answers
from vending import clients, release
from vending.caller import caller_of
from vending.errors import KINDS, Code, Refused
from vending.messages import token_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from vending.messages import Message
    from vending.vend import Intent, Vending

ERRORS = "https://github.com/ecr-vend/ecr-vend/blob/main/docs/errors.md"
"""Where each error's `type` is explained."""

Event = Mapping[str, Any]
Answer = dict[str, Any]

# The event is never logged, whatever POWERTOOLS_LOGGER_LOG_EVENT says: only Powertools' decorator
# reads that variable, and it is not used here.
logger = Logger(service="ecr-vend")
metrics = Metrics(service="ecr-vend", namespace="ecr-vend")

# With POWERTOOLS_DEBUG, Powertools logs what it works on. What is worth logging is logged here.
powertools = logging.getLogger("aws_lambda_powertools")
powertools.handlers[:] = [logging.NullHandler()]
powertools.propagate = False


def api(vending: Vending) -> Callable[[Event, Any], Answer]:
    """Return the Lambda handler that serves `vending`."""

    def tokens(event: Event) -> Answer:
        caller, origin = caller_of(event)
        clients.check(origin.user_agent)
        asked = token_request(body_of(event))
        if asked.dry_run:
            intent = vending.preview(caller, origin, asked)
            note("DryRuns", intent)
            return answer(answers.dry_run(intent))
        vend = vending.vend(caller, origin, asked)
        note("Vends", vend.intent)
        if vend.intent.decision.break_glass:
            metrics.add_metric("BreakGlass", MetricUnit.Count, 1)
        return answer(answers.token(vend))

    def whoami(event: Event) -> Answer:
        caller, origin = caller_of(event)
        metrics.add_metric("Whoami", MetricUnit.Count, 1)
        return answer(answers.whoami(vending, caller, origin))

    return serving({("POST", "/v1/tokens"): tokens, ("GET", "/v1/whoami"): whoami})


def serving(
    routes: Mapping[tuple[str, str], Callable[[Event], Answer]],
) -> Callable[[Event, Any], Answer]:
    """Return the Lambda handler that answers by `routes`: method and resource of each.

    A few routes need no router. Powertools' takes longer to load than all the rest of this module,
    and logs an exception with its text.
    """
    paths = {path for _, path in routes}
    *others, last = (f"{method} {path}" for method, path in routes)
    known = f"The service answers {', '.join(others)} and {last} here."

    def handler(event: Event, context: Any) -> Answer:
        logger.clear_state()
        logger.append_keys(function_request_id=getattr(context, "aws_request_id", ""))
        try:
            # The resource as the API declares it: a custom domain may put a base path before it.
            method, path = str(event.get("httpMethod")), str(event.get("resource"))
            if route := routes.get((method, path)):
                return route(event)
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
            metrics.flush_metrics()

    return handler


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
    return reply(200, "application/json", message.model_dump_json())


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
    metrics.add_dimension("code", code)
    metrics.add_metric("Refusals", MetricUnit.Count, 1)
    waits = {"Retry-After": str(kind.retry_after)} if kind.retry_after else {}
    return reply(kind.status, "application/problem+json", json.dumps(body), **waits)


def request_id(event: Event) -> str:
    """Return API Gateway's id of the request, empty where the event has none."""
    context = event.get("requestContext")
    return str(context.get("requestId") or "") if isinstance(context, dict) else ""


def note(what: str, intent: Intent) -> None:
    """Log and count something that went well. The caller is in the log, never a dimension."""
    logger.info(
        what,
        vend_id=intent.vend_id,
        caller=intent.caller.key,
        grants=intent.decision.grants,
        access=intent.decision.access if intent.decision.scope else None,
        break_glass=intent.decision.break_glass,
        policy_revision=intent.policy.revision,
        policy_age_seconds=int(intent.policy.age.total_seconds()),
        session_policy_size=len(intent.session_policy),
    )
    metrics.add_metric(what, MetricUnit.Count, 1)
    metrics.add_metric("SessionPolicySize", MetricUnit.Count, len(intent.session_policy))

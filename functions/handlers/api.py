"""The API over HTTP: routes, problem+json, logs and metrics. No decisions."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import traceback
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.metrics import MetricUnit

from handlers import answers
from vending.caller import caller_of
from vending.errors import KINDS, Code, Refused
from vending.messages import token_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vending.messages import Message
    from vending.vend import Intent, Vending

ERRORS = "https://github.com/ecr-vend/ecr-vend/blob/main/docs/errors.md"
"""Where each error's `type` is explained."""

NO_STORE = {"Cache-Control": "no-store"}

# The event is never logged, whatever POWERTOOLS_LOGGER_LOG_EVENT says: only Powertools' decorator
# reads that variable, and it is not used here.
logger = Logger(service="ecr-vend")
metrics = Metrics(service="ecr-vend", namespace="ecr-vend")

# Powertools' resolver logs an exception with its text, which may quote what it failed on, and with
# POWERTOOLS_DEBUG more than that. What is worth logging is logged here.
powertools = logging.getLogger("aws_lambda_powertools")
powertools.handlers[:] = [logging.NullHandler()]
powertools.propagate = False


def api(vending: Vending) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return the Lambda handler that serves `vending`."""
    # Said aloud, because POWERTOOLS_DEV would otherwise put tracebacks into answers.
    app = APIGatewayRestResolver(debug=False)

    @app.post("/v1/tokens")
    def tokens() -> Response[str]:
        event = app.current_event.raw_event
        caller, origin = caller_of(event)
        asked = token_request(body_of(event))
        if asked.dry_run:
            intent = vending.preview(caller, origin, asked)
            note("DryRuns", intent)
            return answer(200, answers.dry_run(intent))
        vend = vending.vend(caller, origin, asked)
        note("Vends", vend.intent)
        return answer(200, answers.token(vend))

    @app.get("/v1/whoami")
    def whoami() -> Response[str]:
        caller, origin = caller_of(app.current_event.raw_event)
        metrics.add_metric("Whoami", MetricUnit.Count, 1)
        return answer(200, answers.whoami(vending, caller, origin))

    @app.exception_handler(Refused)  # type: ignore[untyped-decorator]
    def refused(error: Refused) -> Response[str]:
        return problem(error, app.current_event.raw_event)

    @app.not_found
    def not_found(_: Exception) -> Response[str]:
        here = app.current_event.path in ("/v1/tokens", "/v1/whoami")
        code = Code.METHOD_NOT_ALLOWED if here else Code.NOT_FOUND
        detail = "The service answers POST /v1/tokens and GET /v1/whoami."
        return problem(Refused(code, detail), app.current_event.raw_event)

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        logger.clear_state()
        logger.append_keys(function_request_id=getattr(context, "aws_request_id", ""))
        try:
            return app.resolve(event, context)
        except Exception as error:  # noqa: BLE001  the outermost frame
            # An exception's text may quote what it failed on, so only type and frames are kept.
            found = traceback.extract_tb(error.__traceback__)
            frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in found]
            logger.error("unhandled", error=type(error).__name__, frames=frames)
            detail = "Try again; if it lasts, give the request id to the platform team."
            shown = problem(Refused(Code.INTERNAL_ERROR, detail), event)
            return {
                "statusCode": shown.status_code,
                "headers": {**shown.headers, "Content-Type": shown.content_type},
                "body": shown.body,
                "isBase64Encoded": False,
            }
        finally:
            metrics.flush_metrics()

    return handler


def body_of(event: Mapping[str, Any]) -> bytes:
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


def answer(status: int, message: Message) -> Response[str]:
    """Return a message as an answer that no cache keeps."""
    text = message.model_dump_json()
    return Response(status, content_type="application/json", body=text, headers=dict(NO_STORE))


def problem(error: Refused, event: Mapping[str, Any]) -> Response[str]:
    """Return a refusal as RFC 9457 problem+json, and note it."""
    code, kind = error.refusal.code, KINDS[error.refusal.code]
    body = {
        "type": f"{ERRORS}#{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": error.refusal.detail,
        "code": code,
        "request_id": (event.get("requestContext") or {}).get("requestId", ""),
    }
    if error.vend_id:
        body["vend_id"] = error.vend_id
    headers: dict[str, str | list[str]] = dict(NO_STORE)
    if kind.retry_after:
        headers["Retry-After"] = str(kind.retry_after)
    level = logger.error if kind.status >= 500 else logger.warning
    level("refused", code=code, vend_id=error.vend_id, request_id=body["request_id"])
    metrics.add_dimension("code", code)
    metrics.add_metric("Refusals", MetricUnit.Count, 1)
    return Response(
        kind.status, content_type="application/problem+json", body=json.dumps(body), headers=headers
    )


def note(what: str, intent: Intent) -> None:
    """Log and count something that went well. The caller is in the log, never a dimension."""
    logger.info(
        what,
        vend_id=intent.vend_id,
        caller=intent.caller.key,
        grants=intent.decision.grants,
        access=intent.decision.access if intent.decision.scope else None,
        policy_revision=intent.policy.revision,
        policy_age_seconds=int(intent.policy.age.total_seconds()),
        session_policy_size=len(intent.session_policy),
    )
    metrics.add_metric(what, MetricUnit.Count, 1)
    metrics.add_metric("SessionPolicySize", MetricUnit.Count, len(intent.session_policy))

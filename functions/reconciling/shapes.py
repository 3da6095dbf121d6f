"""How the logs write what is looked for: the API's access log, the function's, CloudTrail. Pure.

CloudTrail's events come as EventBridge passes them on. Sources: "AWS API Call via CloudTrail" in
the EventBridge user guide, "CloudTrail record contents", "Logging Amazon ECR actions".
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reconciling.findings import MINTING, Answered, Called

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ANSWERS = (
    '{ ($.httpMethod = "POST") && ($.resourcePath = "/v1/tokens") '
    '&& (($.status = "200") || ($.status = "5*")) }'
)
"""What CloudWatch Logs is asked for in the access log."""

EXPLANATIONS = '{ ($.message = "DryRuns") || ($.message = "refused") }'
"""What it is asked for in the function's log."""

CALLS = ""
"""Everything: EventBridge puts nothing else into that log."""

Line = dict[str, Any]


def lines_of(messages: Iterable[str]) -> Iterator[Line]:
    """Yield what is a JSON object among the messages of a log."""
    for message in messages:
        try:
            line = json.loads(message)
        except ValueError:
            continue
        if isinstance(line, dict):
            yield line


def answers_in(messages: Iterable[str]) -> Iterator[Answered]:
    """Yield the answers to requests for a token, other than refusals, in the access log."""
    for line in lines_of(messages):
        status = str(line.get("status", ""))
        asked = (line.get("httpMethod"), line.get("resourcePath"))
        if asked != ("POST", "/v1/tokens") or not (status == "200" or status.startswith("5")):
            continue
        yield Answered(
            str(line["requestId"]),
            str(line.get("functionRequestId") or "-"),
            int(status),
            datetime.fromtimestamp(int(line["requestTimeEpoch"]) / 1000, UTC),
        )


def said_in(messages: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield Lambda's id of each invocation that minted nothing, and what the function logged."""
    for line in lines_of(messages):
        if line.get("message") in ("DryRuns", "refused") and line.get("function_request_id"):
            yield str(line["function_request_id"]), str(line["message"])


def calls_in(messages: Iterable[str]) -> Iterator[Called]:
    """Yield the calls of vended roles that AWS granted."""
    for line in lines_of(messages):
        told = line.get("detail")
        if (
            not isinstance(told, dict)
            or told.get("errorCode")
            or told.get("eventName") not in MINTING
        ):
            continue
        if told["eventName"] == "AssumeRole":
            asked = told.get("requestParameters") or {}
            role, session = asked.get("roleArn"), asked.get("roleSessionName")
        else:
            who = told.get("userIdentity") or {}
            role = ((who.get("sessionContext") or {}).get("sessionIssuer") or {}).get("arn")
            session = str(who.get("arn") or "").rpartition("/")[2]
        at = datetime.fromisoformat(str(told["eventTime"]))
        yield Called(
            str(told["eventName"]), str(session or ""), str(role or ""), str(told["eventID"]), at
        )

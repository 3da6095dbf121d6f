"""The reconciler on the embedded stack, on a ledger and logs as they would be after an hour."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.journal import written
from tests.load.run import items_of
from tests.people import unsealed
from vending.ledger import attributes_of
from vending.sealing import sealed
from vending.vend_ids import new_vend_id

if TYPE_CHECKING:
    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator

TRAIL: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors/cloudtrail.json").read_text()
)

ROLE = TRAIL["AssumeRole"]["detail"]["requestParameters"]["roleArn"]


def log(stack: Stack, group: str, at: datetime, *messages: dict[str, Any]) -> None:
    """Put lines into a log group, as the service that writes it would."""
    logs = stack.client("logs")
    name, stream = stack.physical(group), f"test-{time.monotonic_ns()}"
    logs.create_log_stream(logGroupName=name, logStreamName=stream)
    events = [
        {"timestamp": int(at.timestamp() * 1000), "message": json.dumps(message)}
        for message in messages
    ]
    logs.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)


def past_vend(stack: Stack, at: datetime, *, ended: bool) -> tuple[str, str, str]:
    """Put a vend of another time into the ledger: its id, its request's, and its role's ARN."""
    table = stack.about["outputs"]["LedgerTableName"]
    made = stack.vend("payments-ci")["vend_id"]
    records = [one for one in items_of(stack, table) if one["pk"]["S"] == f"vend#{made}"]
    vend_id, keys = new_vend_id(at), stack.person_keys()
    for record in records if ended else records[:1]:
        changed = {
            **record,
            "pk": {"S": f"vend#{vend_id}"},
            "vend_id": {"S": vend_id},
            **({"request_id": {"S": f"request-{vend_id}"}} if "request_id" in record else {}),
            **({"hour": {"S": at.strftime("%Y-%m-%dT%H")}} if "hour" in record else {}),
            **({"outcome_day": {"S": f"issued#{at:%Y-%m-%d}"}} if "outcome" in record else {}),
        }
        if "asked_at" in record:
            changed["asked_at"] = {"S": at.strftime("%Y-%m-%dT%H:%M:%S.000Z")}
            # What is sealed opens in its own record only, so it is sealed anew for this one.
            key = keys[record["sealed_under"]["S"]]
            name = f"vend#{vend_id}|{record['sk']['S']}"
            changed |= attributes_of(sealed(unsealed(record, keys), key, record=name))
        stack.client("dynamodb").put_item(TableName=table, Item=changed)
    return vend_id, f"request-{vend_id}", records[0]["role"]["S"]


def answer(request_id: str, at: datetime, *, invocation: str, status: int = 200) -> dict[str, Any]:
    """Return a line of the access log."""
    return {
        "requestId": request_id,
        "requestTimeEpoch": str(int(at.timestamp() * 1000)),
        "httpMethod": "POST",
        "resourcePath": "/v1/tokens",
        "status": str(status),
        "functionRequestId": invocation,
    }


def call(name: str, session: str, at: datetime, role: str = ROLE) -> dict[str, Any]:
    """Return CloudTrail's event of a call by a session."""
    text = json.dumps(TRAIL[name]).replace("v-01jd8w0123456789abcdefghjk", session)
    event: dict[str, Any] = json.loads(text.replace(ROLE, role))
    event["detail"]["eventID"] = f"{name} of {session} as {role.rpartition('-')[2]}"
    event["detail"]["eventTime"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return event


def reconciled(stack: Stack) -> dict[str, int]:
    """Run the reconciler and return how many findings of each kind were new."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.physical("ReconcilerFunction"), Payload=b"{}"
    )
    found = json.loads(answer["Payload"].read())
    assert "new" in found, found
    new: dict[str, int] = found["new"]
    return new


def test_what_does_not_add_up_is_found_once_and_changes_no_record(stack: Stack) -> None:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=40)
    ended, request, role = past_vend(stack, at, ended=True)
    unfinished, *_ = past_vend(stack, at + timedelta(seconds=1), ended=False)
    nobodys = new_vend_id(at)
    log(
        stack,
        "ApiAccessLogGroup",
        at,
        answer(request, at, invocation="one"),
        answer("a dry run", at, invocation="two"),
        answer("of nobody", at, invocation="three"),
    )
    log(stack, "VendLogGroup", at, {"message": "DryRuns", "function_request_id": "two"})
    log(
        stack,
        "TrailLogGroup",
        at,
        call("AssumeRole", ended, at, role),
        call("GetAuthorizationToken", ended, at, role),
        call("AssumeRole", unfinished, at, role),
        call("AssumeRole", ended, at, "arn:aws:iam::111122223333:role/ecr-vend-stolen"),
        call("GetAuthorizationToken", nobodys, at),
    )
    table = stack.about["outputs"]["LedgerTableName"]
    before = {written(item) for item in items_of(stack, table)}
    assert reconciled(stack) == {
        "unfinished": 1,
        "unrecorded_answer": 1,
        "unrecorded_call": 1,
        "borrowed_name": 1,
    }
    found = {
        item["sk"]["S"]: item
        for item in items_of(stack, table)
        if item["pk"]["S"].startswith("finding#")
    }
    assert set(found) == {
        f"unfinished#{unfinished}",
        "unrecorded_answer#of nobody",
        f"unrecorded_call#GetAuthorizationToken#{nobodys}",
        f"borrowed_name#AssumeRole#{ended}#AssumeRole of {ended} as stolen",
    }
    evidence = found[f"unfinished#{unfinished}"]["evidence"]["M"]
    assert evidence == {"AssumeRole": {"N": "1"}, "GetAuthorizationToken": {"N": "0"}}
    assert reconciled(stack) == {}
    assert before <= {written(item) for item in items_of(stack, table)}


def test_a_late_event_is_found_by_the_overlap(stack: Stack) -> None:
    reconciled(stack)
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=25)
    log(stack, "TrailLogGroup", at, call("AssumeRole", new_vend_id(at), at))
    table = stack.about["outputs"]["LedgerTableName"]
    (latest,) = stack.client("dynamodb").query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"reconciled#{datetime.now(UTC):%Y-%m}"}},
        ScanIndexForward=False,
        Limit=1,
    )["Items"]
    assert latest["sk"]["S"] > at.strftime("%Y-%m-%dT%H:%M:%S")  # it had been looked at before
    time.sleep(1)
    assert reconciled(stack) == {"unrecorded_call": 1}

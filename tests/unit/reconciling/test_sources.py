"""The ledger and the logs are read whole, page by page, and written once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from reconciling.findings import Finding, Intended, Kind, Span
from reconciling.sources import CloudWatchLogs, LedgerRecords, partitions
from vending.records import timestamp
from vending.vend_ids import first_vend_id, new_vend_id

NOW = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)
SPAN = Span(NOW - timedelta(minutes=40), NOW)
KEYS = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-west-1"}


@pytest.fixture
def dynamodb() -> Iterator[Stubber]:
    make: Any = boto3.client
    with Stubber(make("dynamodb", **KEYS)) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def records(dynamodb: Stubber) -> LedgerRecords:
    client: Any = dynamodb.client
    return LedgerRecords(client, "ledger")


def intent(vend_id: str) -> dict[str, Any]:
    return {
        "vend_id": {"S": vend_id},
        "asked_at": {"S": "2026-11-01T00:10:00.250Z"},
        "request_id": {"S": "request-1"},
        "registry": {"M": {"name": {"S": "default"}}},
        **({} if vend_id == "v-2" else {"role": {"S": "arn of a role"}}),
    }


def asked(index: str, key: str, partition: str, *more: str) -> dict[str, Any]:
    return {
        "TableName": "ledger",
        "IndexName": index,
        "KeyConditionExpression": "#key = :key AND vend_id BETWEEN :first AND :last",
        "ExpressionAttributeNames": {"#key": key, **{f"#{name}": name for name in more}},
        "ExpressionAttributeValues": {
            ":key": {"S": partition},
            ":first": {"S": first_vend_id(SPAN.start)},
            ":last": {"S": first_vend_id(SPAN.end)},
        },
        "ProjectionExpression": ", ".join(["vend_id", *(f"#{name}" for name in more)]),
    }


def test_intents_are_read_hour_by_hour_and_page_by_page(dynamodb: Stubber) -> None:
    fields = ("asked_at", "request_id", "registry", "role")
    before = asked("by-time", "hour", "2026-10-31T23", *fields)
    after = asked("by-time", "hour", "2026-11-01T00", *fields)
    last = {"vend_id": {"S": "v-1"}}
    dynamodb.add_response("query", {"Items": [intent("v-1")], "LastEvaluatedKey": last}, before)
    dynamodb.add_response("query", {"Items": []}, before | {"ExclusiveStartKey": last})
    dynamodb.add_response("query", {"Items": [intent("v-2")]}, after)
    at = datetime(2026, 11, 1, 0, 10, 0, 250_000, UTC)
    assert list(records(dynamodb).intents(SPAN)) == [
        Intended("v-1", at, "request-1", "default", "arn of a role"),
        Intended("v-2", at, "request-1", "default", ""),
    ]


def test_outcomes_are_read_of_each_day_and_kind(dynamodb: Stubber) -> None:
    for day in ("2026-10-31", "2026-11-01"):
        for outcome in ("issued", "refused", "failed"):
            dynamodb.add_response(
                "query",
                {"Items": [{"vend_id": {"S": f"{outcome} {day}"}}]},
                asked("by-outcome", "outcome_day", f"{outcome}#{day}"),
            )
    found = dict(records(dynamodb).outcomes(SPAN))
    assert found["failed 2026-10-31"] == "failed"
    assert len(found) == 6


def test_the_bounds_of_a_span_part_the_ids_of_its_time() -> None:
    ids = [
        new_vend_id(SPAN.start - timedelta(milliseconds=1)),
        first_vend_id(SPAN.start),
        new_vend_id(SPAN.start),
        new_vend_id(SPAN.end - timedelta(milliseconds=1)),
        first_vend_id(SPAN.end),
        new_vend_id(SPAN.end),
    ]
    assert ids == sorted(ids)
    assert len({len(one) for one in ids}) == 1


def test_the_last_run_is_found_in_another_month(dynamodb: Stubber) -> None:
    def of(month: str) -> dict[str, Any]:
        return {
            "TableName": "ledger",
            "KeyConditionExpression": "pk = :pk AND sk <= :now",
            "ExpressionAttributeValues": {
                ":pk": {"S": f"reconciled#{month}"},
                ":now": {"S": timestamp(NOW)},
            },
            "ConsistentRead": True,
            "ScanIndexForward": False,
            "Limit": 1,
        }

    dynamodb.add_response("query", {"Items": []}, of("2026-11"))
    item = {"sk": {"S": "2026-10-31T23:40:00.000Z"}}
    dynamodb.add_response("query", {"Items": [item]}, of("2026-10"))
    until = records(dynamodb).reconciled_until(NOW)
    assert until == datetime(2026, 10, 31, 23, 40, tzinfo=UTC)


def test_a_first_run_finds_none(dynamodb: Stubber) -> None:
    for _ in range(3):
        dynamodb.add_response("query", {"Items": []})
    assert records(dynamodb).reconciled_until(NOW) is None


def test_a_finding_is_put_where_there_is_none(dynamodb: Stubber) -> None:
    dynamodb.add_response(
        "put_item",
        {},
        {
            "TableName": "ledger",
            "Item": ANY,
            "ConditionExpression": "attribute_not_exists(pk) OR attempt = :attempt",
            "ExpressionAttributeValues": ANY,
        },
    )
    assert records(dynamodb).add(Finding(Kind.UNFINISHED, "v-1", NOW, {"AssumeRole": 1}), NOW)


def test_a_finding_that_is_there_is_no_new_one_and_another_error_is_raised(
    dynamodb: Stubber,
) -> None:
    finding = Finding(Kind.UNFINISHED, "v-1", NOW)
    dynamodb.add_client_error("put_item", "ConditionalCheckFailedException")
    assert not records(dynamodb).add(finding, NOW)
    dynamodb.add_client_error("put_item", "AccessDeniedException")
    with pytest.raises(dynamodb.client.exceptions.ClientError):
        records(dynamodb).add(finding, NOW)


def test_a_log_is_read_to_its_end_through_empty_pages() -> None:
    make: Any = boto3.client
    logs = make("logs", **KEYS)
    wanted = {
        "logGroupName": "access",
        "startTime": int(SPAN.start.timestamp() * 1000),
        "endTime": int(SPAN.end.timestamp() * 1000),
        "filterPattern": "{ x }",
    }
    with Stubber(logs) as stubber:
        stubber.add_response("filter_log_events", {"events": [], "nextToken": "more"}, wanted)
        page = {"events": [{"message": "one"}]}
        stubber.add_response("filter_log_events", page, wanted | {"nextToken": "more"})
        found = CloudWatchLogs(logs, {"api": "access"}).api(SPAN, "{ x }")
        assert list(found) == ["one"]


def test_a_span_touches_the_hours_and_days_that_it_is_in() -> None:
    hours = list(partitions(SPAN, timedelta(hours=1), "%Y-%m-%dT%H"))
    assert hours == ["2026-10-31T23", "2026-11-01T00"]
    until_midnight = Span(NOW - timedelta(minutes=40), NOW - timedelta(minutes=30))
    assert list(partitions(until_midnight, timedelta(days=1), "%Y-%m-%d")) == ["2026-10-31"]

"""The ledger in DynamoDB, and the logs in CloudWatch, as the reconciler reads and writes them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from reconciling.findings import Intended
from vending.ledger import ONCE, attributes_of
from vending.records import SCHEMA, timestamp
from vending.release import VERSION
from vending.vend_ids import first_vend_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from types_boto3_dynamodb import DynamoDBClient

    from reconciling.findings import Finding, Span

OUTCOMES = ("issued", "refused", "failed")
MONTHS_BACK = 3
"""Months among which the last run is looked for; logs are kept for a month at least."""

HOUR, DAY = "%Y-%m-%dT%H", "%Y-%m-%d"


class LedgerRecords:
    """The ledger's table.

    It needs `dynamodb:Query` on the table and two of its indexes, and `dynamodb:PutItem` on the
    records `finding#…` and `reconciled#…`.
    """

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._attempt = secrets.token_hex(8)

    def reconciled_until(self, now: datetime) -> datetime | None:
        """Return until when everything was looked at, or None where nothing ever was."""
        month = now.replace(day=1)
        for _ in range(MONTHS_BACK):
            found = self._dynamodb.query(
                TableName=self._table,
                # A record of the future would keep everything until then from being looked at.
                KeyConditionExpression="pk = :pk AND sk <= :now",
                ExpressionAttributeValues={
                    ":pk": {"S": f"reconciled#{month:%Y-%m}"},
                    ":now": {"S": timestamp(now)},
                },
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=1,
            )["Items"]
            if found:
                return moment_of(found[0]["sk"]["S"])
            month = (month - timedelta(days=1)).replace(day=1)
        return None

    def intents(self, span: Span) -> Iterator[Intended]:
        """Yield the intents of a span."""
        for hour in partitions(span, timedelta(hours=1), HOUR):
            fields = ("asked_at", "request_id", "registry", "role")
            for item in self._index("by-time", "hour", hour, span, fields):
                yield Intended(
                    item["vend_id"]["S"],
                    moment_of(item["asked_at"]["S"]),
                    item.get("request_id", {}).get("S", ""),
                    item["registry"]["M"]["name"]["S"],
                    item.get("role", {}).get("S", ""),
                )

    def outcomes(self, span: Span) -> Iterator[tuple[str, str]]:
        """Yield the id and the outcome of each vend of a span that ended."""
        for day in partitions(span, timedelta(days=1), DAY):
            for outcome in OUTCOMES:
                partition = f"{outcome}#{day}"
                for item in self._index("by-outcome", "outcome_day", partition, span):
                    yield item["vend_id"]["S"], outcome

    def has(self, vend_id: str, record: str) -> bool:
        """Return whether a vend has a record by now, whatever an index said."""
        found = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk = :sk",
            ExpressionAttributeValues={":pk": {"S": f"vend#{vend_id}"}, ":sk": {"S": record}},
            ConsistentRead=True,
            Select="COUNT",
        )
        return found["Count"] > 0

    def add(self, finding: Finding, now: datetime) -> bool:
        """Record a finding, and return whether it is a new one."""
        item = {
            "pk": f"finding#{finding.at:%Y-%m}",
            "sk": f"{finding.kind}#{finding.subject}",
            "kind": finding.kind,
            "subject": finding.subject,
            "at": timestamp(finding.at),
            "found_at": timestamp(now),
            "evidence": dict(finding.evidence),
        }
        return self._put(item)

    def reconciled(self, span: Span, now: datetime, findings: int) -> None:
        """Record that a span was looked at."""
        item = {
            "pk": f"reconciled#{span.end:%Y-%m}",
            "sk": timestamp(span.end),
            "start": timestamp(span.start),
            "recorded_at": timestamp(now),
            "findings": findings,
        }
        self._put(item)

    def _put(self, item: Mapping[str, Any]) -> bool:
        common = {"schema": SCHEMA, "service_version": VERSION, "attempt": self._attempt}
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=attributes_of({**item, **common}),
                ConditionExpression=ONCE,
                ExpressionAttributeValues={":attempt": {"S": self._attempt}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _index(
        self, index: str, key: str, partition: str, span: Span, more: Sequence[str] = ()
    ) -> Iterator[Mapping[str, Any]]:
        asked: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": index,
            "KeyConditionExpression": "#key = :key AND vend_id BETWEEN :first AND :last",
            # Some of the names are DynamoDB's own words.
            "ExpressionAttributeNames": {"#key": key, **{f"#{name}": name for name in more}},
            "ExpressionAttributeValues": {
                ":key": {"S": partition},
                ":first": {"S": first_vend_id(span.start)},
                # The end itself is not within: an id of 80 zeros is not drawn.
                ":last": {"S": first_vend_id(span.end)},
            },
            "ProjectionExpression": ", ".join(("vend_id", *(f"#{name}" for name in more))),
        }
        while True:
            page = self._dynamodb.query(**asked)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


class CloudWatchLogs:
    """The three log groups. It needs `logs:FilterLogEvents` on each."""

    def __init__(self, logs: Any, groups: Mapping[str, str]) -> None:
        self._logs = logs
        self._groups = groups

    def api(self, span: Span, pattern: str) -> Iterator[str]:
        """Yield the messages of the API's access log."""
        return self._messages(self._groups["api"], span, pattern)

    def function(self, span: Span, pattern: str) -> Iterator[str]:
        """Yield the messages of the vending function's log."""
        return self._messages(self._groups["function"], span, pattern)

    def trail(self, span: Span, pattern: str) -> Iterator[str]:
        """Yield the events of CloudTrail."""
        return self._messages(self._groups["trail"], span, pattern)

    def _messages(self, group: str, span: Span, pattern: str) -> Iterator[str]:
        asked: dict[str, Any] = {
            "logGroupName": group,
            "startTime": int(span.start.timestamp() * 1000),
            "endTime": int(span.end.timestamp() * 1000),
            **({"filterPattern": pattern} if pattern else {}),
        }
        while True:
            page = self._logs.filter_log_events(**asked)
            yield from (event["message"] for event in page["events"])
            # A page can be empty, and not be the last.
            if not page.get("nextToken"):
                return
            asked["nextToken"] = page["nextToken"]


def partitions(span: Span, step: timedelta, form: str) -> Iterator[str]:
    """Yield the names of the hours or days that a span touches, in order."""
    at = span.start.replace(minute=0, second=0, microsecond=0)
    if form == DAY:
        at = at.replace(hour=0)
    while at < span.end:
        yield at.strftime(form)
        at += step


def moment_of(text: str) -> datetime:
    """Return the time that a record writes."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)

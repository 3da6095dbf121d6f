"""Checks of what watches the service: logs, metrics, alarms, queries, CloudTrail's events."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tools.live_check.answers import code_of, refused_by_iam
from tools.live_check.check import CannotTell, Seen, check, seen
from vending.vend_ids import asked_at, first_vend_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tools.live_check.world import World

ARRIVING = 600.0
"""Seconds in which a log line or a metric must have come."""

ID = re.compile(r"[\w=-]{8,64}", re.ASCII)


def refused_before_the_function(world: World) -> httpx.Response:
    """Return the answer to a signed request that IAM refuses: a route that is not the caller's.

    Raises:
        CannotTell: Something else came of it.
    """
    answer = world.call("DELETE", "/v1/revocations/live-check")
    if not refused_by_iam(answer):
        raise CannotTell(f"IAM did not refuse a route of revoking: {answer.status_code}")
    return answer


@check(
    "access-log",
    "The access log says whom IAM refused and why, and which of the function's requests it served",
    rests="docs/operations.md, Not verified without an AWS account",
    minutes=11,
)
def the_access_log_names_them(world: World) -> Seen:
    began = datetime.now(UTC)
    refused = access_line(world, refused_before_the_function(world), began)
    served = access_line(world, world.call("GET", "/v1/whoami"), began)
    named = world.caller in refused.get("userArn", "")
    saw = (
        f"refused: {refused.get('errorType')}, {'with' if named else 'without'} the identity; "
        f"served: {'with' if ID.fullmatch(served.get('functionRequestId', '')) else 'without'} "
        "the function's request"
    )
    holds = named and refused.get("errorType") == "ACCESS_DENIED" and "served: with " in saw
    return seen(holds, "made a request that IAM refuses and one that is served", saw)


def access_line(world: World, answer: httpx.Response, since: datetime) -> dict[str, str]:
    """Return the access log's line of an answer, when it has come.

    Raises:
        CannotTell: It has not come, or cannot be asked for.
    """
    known = (answer.headers.get("x-amzn-requestid", ""), answer.headers.get("x-amz-apigw-id", ""))
    if not all(ID.fullmatch(one) for one in known):
        raise CannotTell("the answer has no request id of API Gateway's")
    wanted = f'{{ ($.requestId = "{known[0]}") || ($.extendedRequestId = "{known[1]}") }}'
    end = time.monotonic() + ARRIVING
    while time.monotonic() < end:
        for line in logged(world, "ApiAccessLogGroup", wanted, since):
            told: dict[str, str] = json.loads(line)
            return told
        world.sleep(10)
    raise CannotTell(f"no line of the request came within {ARRIVING:.0f} s")


def logged(
    world: World, group: str, wanted: str, since: datetime, until: datetime | None = None
) -> Iterator[str]:
    """Yield the lines of one of the stack's log groups that a filter pattern takes."""
    logs = world.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=world.physical(group),
        filterPattern=wanted,
        startTime=int((since - timedelta(minutes=1)).timestamp() * 1000),
        endTime=int((until or datetime.now(UTC) + timedelta(minutes=1)).timestamp() * 1000),
    )
    for page in pages:
        yield from (event["message"] for event in page["events"])


@check(
    "metrics",
    "Refusals are counted: IAM's by the access log's filters, the policy's by the function's lines",
    rests="docs/operations.md, Not verified without an AWS account",
    minutes=11,
)
def refusals_are_counted(world: World) -> Seen:
    began = datetime.now(UTC).replace(second=0, microsecond=0)
    refused_before_the_function(world)
    world.call("POST", "/v1/tokens", {"pull": [f"{world.prefix}/of-nobody"]})
    filtered, service = f"ecr-vend/{world.stack}", [{"Name": "service", "Value": world.stack}]
    wanted = {"IamRefusals": (filtered, []), "Refusals": ("ecr-vend", service)}
    counts = dict.fromkeys(wanted, 0.0)
    end = time.monotonic() + ARRIVING
    while min(counts.values()) < 1 and time.monotonic() < end:
        world.sleep(15)
        for name, (namespace, dimensions) in wanted.items():
            points = world.client("cloudwatch").get_metric_statistics(
                Namespace=namespace,
                MetricName=name,
                Dimensions=dimensions,
                StartTime=began,
                EndTime=datetime.now(UTC) + timedelta(minutes=1),
                Period=60,
                Statistics=["Sum"],
            )["Datapoints"]
            counts[name] = sum(point["Sum"] for point in points)
    saw = ", ".join(f"{name} {count:g}" for name, count in counts.items())
    return seen(min(counts.values()) >= 1, "was refused by IAM and by the policy", saw)


@check(
    "alarms",
    "CloudWatch has evaluated every alarm of the stack",
    rests="docs/operations.md, Not verified without an AWS account",
)
def alarms_are_evaluated(world: World) -> Seen:
    names = of_the_stack(world, "AWS::CloudWatch::Alarm")
    found: dict[str, str] = {}
    young = datetime.now(UTC) - timedelta(hours=4)
    changed = []
    for page in (
        world.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=world.stack, AlarmTypes=["MetricAlarm"])
    ):
        found |= {one["AlarmName"]: one["StateValue"] for one in page["MetricAlarms"]}
        changed += [
            one["AlarmName"]
            for one in page["MetricAlarms"]
            if one["AlarmConfigurationUpdatedTimestamp"] > young
        ]
    states = {name: found.get(name, "missing") for name in names}
    ringing = sorted(name for name, state in states.items() if state == "ALARM")
    never = sorted(name for name, state in states.items() if state not in {"OK", "ALARM"})
    saw = f"{len(names)} alarms; ringing: {', '.join(ringing) or 'none'}"
    if never:
        saw += f"; without a state: {', '.join(never)}"
    if never and set(never) <= set(changed):
        raise CannotTell(f"{saw}, which were made or changed within four hours")
    return seen(bool(names) and not never, "read the state of each", saw)


def of_the_stack(world: World, kind: str) -> list[str]:
    """Return the physical ids of the stack's resources of a type."""
    pages = world.client("cloudformation").get_paginator("list_stack_resources")
    return [
        one["PhysicalResourceId"]
        for page in pages.paginate(StackName=world.stack)
        for one in page["StackResourceSummaries"]
        if one["ResourceType"] == kind
    ]


@check(
    "queries",
    "Logs Insights takes every saved query, and those of the dashboard",
    rests="docs/operations.md, Saved queries",
    minutes=5,
)
def queries_run(world: World) -> Seen:
    logs = world.client("logs")
    found = logs.describe_query_definitions(queryDefinitionNamePrefix=f"{world.stack}/")
    asked = {
        one["name"]: (one["logGroupNames"], one["queryString"]) for one in found["queryDefinitions"]
    }
    if not asked:
        raise CannotTell("the stack has no saved queries")
    dashboard = world.client("cloudwatch").get_dashboard(DashboardName=world.stack)
    for widget in json.loads(dashboard["DashboardBody"])["widgets"]:
        if source := re.fullmatch(
            r"SOURCE '([^']+)' \| (.+)", widget["properties"].get("query", "")
        ):
            asked[f"dashboard, {widget['properties']['title']}"] = ([source[1]], source[2])
    states = {name: ended(world, *one) for name, one in asked.items()}
    failed = [f"{name}: {state}" for name, state in sorted(states.items()) if state != "Complete"]
    saw = f"{len(states)} queries; {'; '.join(failed) or 'all complete'}"
    return seen(not failed, "ran each over the last hour", saw)


def ended(world: World, groups: list[str], query: str) -> str:
    """Return how a query over the last hour has ended."""
    logs, now = world.client("logs"), int(datetime.now(UTC).timestamp())
    try:
        begun = logs.start_query(
            logGroupNames=groups, queryString=query, startTime=now - 3600, endTime=now
        )["queryId"]
    except ClientError as error:
        return code_of(error)
    for _ in range(60):
        state = str(logs.get_query_results(queryId=begun)["status"])
        if state not in {"Scheduled", "Running"}:
            return state
        world.sleep(1)
    return "Running"


@check(
    "trail",
    "CloudTrail's events of a vend reach the stack's log group by EventBridge",
    rests="docs/reconciling.md, What this was tried on",
)
def the_trail_arrives(world: World) -> Seen:
    now = datetime.now(UTC)
    vend_id = newest_probe(world, now)
    asked = asked_at(vend_id)
    events: dict[str, int] = {}
    for line in logged(world, "TrailLogGroup", f'"{vend_id}"', asked, now):
        name = str(json.loads(line)["detail"]["eventName"])
        events[name] = events.get(name, 0) + 1
    minutes = (now - asked).total_seconds() / 60
    did = f"looked for a token that the prober was vended {minutes:.0f} minutes ago"
    saw = ", ".join(f"{name} {count}" for name, count in sorted(events.items())) or "no event"
    return seen({"AssumeRole", "GetAuthorizationToken"} <= set(events), did, saw)


def newest_probe(world: World, now: datetime) -> str:
    """Return the newest token of the prober whose events have had their time to come.

    Raises:
        CannotTell: It has none between 20 minutes and two hours old.
    """
    oldest, newest = now - timedelta(hours=2), now - timedelta(minutes=20)
    dynamodb = world.client("dynamodb")
    for day in sorted({oldest.date(), newest.date()}, reverse=True):
        asked: dict[str, Any] = {
            "TableName": world.outputs()["LedgerTableName"],
            "IndexName": "by-outcome",
            "KeyConditionExpression": "outcome_day = :day AND vend_id BETWEEN :from AND :to",
            "FilterExpression": "probe = :yes",
            "ExpressionAttributeValues": {
                ":day": {"S": f"issued#{day}"},
                ":from": {"S": first_vend_id(oldest)},
                ":to": {"S": first_vend_id(newest)},
                ":yes": {"BOOL": True},
            },
            "ScanIndexForward": False,
        }
        for page in dynamodb.get_paginator("query").paginate(**asked):
            for item in page["Items"]:
                return str(item["vend_id"]["S"])
    raise CannotTell("the prober was vended nothing between 20 minutes and two hours ago")

"""The checks of what watches a stack: each can hold, and comes out otherwise when it should."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.unit.tools.live_world import IDS, verdict
from vending.vend_ids import new_vend_id


def line(**fields: str) -> dict[str, Any]:
    return {"events": [{"message": json.dumps({"functionRequestId": "f-12345678", **fields})}]}


CALLER = "arn:aws:sts::111122223333:assumed-role/ecr-vend-check-caller/check"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"userArn": CALLER, "errorType": "ACCESS_DENIED"}, "holds"),
        ({"userArn": "-", "errorType": "ACCESS_DENIED"}, "does not hold"),
        ({"userArn": CALLER, "errorType": "-"}, "does not hold"),
        (
            {"userArn": CALLER, "errorType": "ACCESS_DENIED", "functionRequestId": "-"},
            "does not hold",
        ),
    ],
)
def test_the_access_log_must_name_whom_iam_refused(fields: dict[str, str], expected: str) -> None:
    assert verdict("access-log", {"logs.FilterLogEvents": line(**fields)})[0] == expected


def test_a_route_that_iam_does_not_refuse_proves_nothing_of_refusals() -> None:
    def open_to_all(request: str, role: str) -> httpx.Response:
        return httpx.Response(200, json={}, headers=IDS)

    for name in ("access-log", "metrics"):
        assert verdict(name, {}, open_to_all)[0] == "could not tell"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing to arrive."""
    monkeypatch.setattr("tools.live_check.watching.ARRIVING", 0.3)


def counted(**sums: float) -> dict[str, Any]:
    def points(parameters: dict[str, Any]) -> dict[str, Any]:
        return {"Datapoints": [{"Sum": sums[parameters["MetricName"]]}]}

    return {"cloudwatch.GetMetricStatistics": points}


@pytest.mark.usefixtures("impatient")
def test_both_kinds_of_refusals_must_be_counted() -> None:
    assert verdict("metrics", counted(IamRefusals=1, Refusals=2))[0] == "holds"
    assert verdict("metrics", counted(IamRefusals=0, Refusals=2))[0] == "does not hold"
    assert verdict("metrics", counted(IamRefusals=1, Refusals=0))[0] == "does not hold"


def alarm(state: str, *, hours: int = 9) -> dict[str, Any]:
    """Return the answers of a CloudWatch with one alarm that has stood for some hours."""
    changed = datetime.now(UTC) - timedelta(hours=hours)
    one = {"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": "ecr-vend-ProbeAlarm"}
    held = {
        "AlarmName": "ecr-vend-ProbeAlarm",
        "StateValue": state,
        "AlarmConfigurationUpdatedTimestamp": changed,
    }
    return {
        "cloudformation.ListStackResources": {"StackResourceSummaries": [one]},
        "cloudwatch.DescribeAlarms": {"MetricAlarms": [held]},
    }


def test_an_alarm_without_a_state_is_told_unless_it_is_new() -> None:
    assert verdict("alarms", alarm("OK"))[0] == "holds"
    assert verdict("alarms", alarm("ALARM")) == (
        "holds",
        "1 alarms; ringing: ecr-vend-ProbeAlarm",
    )
    assert verdict("alarms", alarm("INSUFFICIENT_DATA"))[0] == "does not hold"
    assert verdict("alarms", alarm("INSUFFICIENT_DATA", hours=1))[0] == "could not tell"
    assert (
        verdict("alarms", alarm("OK") | {"cloudwatch.DescribeAlarms": {"MetricAlarms": []}})[0]
        == "does not hold"
    )


def insights(state: str = "Complete", begun: Any = None) -> dict[str, Any]:
    """Return the answers of an Insights in which every query ends so."""
    query = {"name": "ecr-vend/defects", "logGroupNames": ["g"], "queryString": "filter a = 1"}
    shown = {"properties": {"title": "t", "query": "SOURCE 'h' | filter b = 1"}}
    return {
        "logs.DescribeQueryDefinitions": {"queryDefinitions": [query]},
        "cloudwatch.GetDashboard": {
            "DashboardBody": json.dumps({"widgets": [shown, {"properties": {}}]})
        },
        "logs.StartQuery": begun or {"queryId": "q"},
        "logs.GetQueryResults": {"status": state},
    }


def test_a_query_that_insights_does_not_take_is_told() -> None:
    assert verdict("queries", insights()) == ("holds", "2 queries; all complete")
    assert verdict("queries", insights("Failed"))[0] == "does not hold"
    outcome, saw = verdict("queries", insights(begun="MalformedQueryException: at line 1"))
    assert (outcome, "at line 1" in saw) == ("does not hold", False)


def trail(*names: str, minutes: int = 30) -> dict[str, Any]:
    """Return the answers of a ledger with one vend of the prober, and of its trail's log group."""
    vend_id = new_vend_id(datetime.now(UTC) - timedelta(minutes=minutes))
    lines = [{"message": json.dumps({"detail": {"eventName": name}})} for name in names]

    def logged(parameters: dict[str, Any]) -> dict[str, Any]:
        return {"events": lines if parameters["filterPattern"] == f'"{vend_id}"' else []}

    def kept(parameters: dict[str, Any]) -> dict[str, Any]:
        bounds = parameters["ExpressionAttributeValues"]
        within = bounds[":from"]["S"] <= vend_id <= bounds[":to"]["S"]
        return {"Items": [{"vend_id": {"S": vend_id}}] if within else []}

    return {"dynamodb.Query": kept, "logs.FilterLogEvents": logged}


def test_both_calls_of_a_vend_must_be_in_the_trail() -> None:
    assert verdict("trail", trail("AssumeRole", "GetAuthorizationToken"))[0] == "holds"
    assert verdict("trail", trail("AssumeRole"))[0] == "does not hold"
    assert verdict("trail", trail())[0] == "does not hold"


@pytest.mark.parametrize("minutes", [5, 180])
def test_a_vend_that_is_too_young_or_too_old_proves_nothing_of_the_trail(minutes: int) -> None:
    assert verdict("trail", trail(minutes=minutes))[0] == "could not tell"

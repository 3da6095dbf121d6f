"""What the reconciler may do, what reaches it, and what rings."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.template.test_functions import environment
from tests.template.test_roles import granted, using_the_ledgers_key
from tools.template.stack import ACCOUNT, Stack

TRAIL: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors/cloudtrail.json").read_text()
)
RULES = {"TrailOfSessions": "AssumeRole", "TrailOfTokens": "GetAuthorizationToken"}


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Return whether an event matches EventBridge's pattern, of exact values only."""
    if not isinstance(event, dict):
        return False
    return all(
        matches(wanted, event.get(key)) if isinstance(wanted, dict) else event.get(key) in wanted
        for key, wanted in pattern.items()
    )


def test_the_reconciler_may_read_and_record_findings_and_nothing_else() -> None:
    stack = Stack()
    ledger = stack.attribute("LedgerTable", "Arn")
    only = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["finding#*", "reconciled#*"]}}
    groups = [
        stack.attribute(name, "Arn")
        for name in ("ApiAccessLogGroup", "VendLogGroup", "TrailLogGroup")
    ]
    log = stack.attribute("ReconcilerLogGroup", "Arn")
    assert granted(stack, "ReconcilerFunctionRole") == {
        ("dynamodb:Query", ledger): None,
        ("dynamodb:Query", f"{ledger}/index/by-time"): None,
        ("dynamodb:Query", f"{ledger}/index/by-outcome"): None,
        ("dynamodb:PutItem", ledger): only,
        **using_the_ledgers_key(stack),
        **{("logs:FilterLogEvents", group): None for group in groups},
        **{("logs:FilterLogEvents", group.removesuffix(":*")): None for group in groups},
        ("logs:CreateLogStream", log): None,
        ("logs:PutLogEvents", log): None,
    }


def test_the_reconciler_reads_the_logs_that_are_written() -> None:
    stack = Stack()
    variables = environment(stack, "ReconcilerFunction")
    (stage,) = stack.resources("AWS::ApiGateway::Stage").values()
    access_log = stage["Properties"]["AccessLogSetting"]["DestinationArn"]
    assert access_log == stack.attribute("ApiAccessLogGroup", "Arn")
    assert variables["RECONCILE_API_LOG"] == stack.ref("ApiAccessLogGroup")
    vend_log = stack.properties("VendFunction")["LoggingConfig"]["LogGroup"]
    assert variables["RECONCILE_FUNCTION_LOG"] == vend_log
    assert variables["RECONCILE_TRAIL_LOG"] == stack.ref("TrailLogGroup")
    assert variables["RECONCILE_LEDGER_TABLE"] == stack.ref("LedgerTable")


@pytest.mark.parametrize(("rule", "call"), RULES.items())
def test_a_call_of_a_vended_role_reaches_the_trail(rule: str, call: str) -> None:
    stack = Stack()
    properties = stack.properties(rule)
    assert matches(properties["EventPattern"], TRAIL[call])
    # Both only read: a rule that is merely enabled does not get them.
    assert properties["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    (target,) = properties["Targets"]
    assert target["Arn"] == stack.arn("logs", f"log-group:{stack.ref('TrailLogGroup')}")


@pytest.mark.parametrize(("rule", "call"), RULES.items())
def test_no_other_roles_calls_are_kept(rule: str, call: str) -> None:
    pattern = Stack().properties(rule)["EventPattern"]
    text = json.dumps(TRAIL[call])
    elsewhere = json.loads(text.replace("role/ecr-vend-pull", "role/somebodys"))
    assert not matches(pattern, elsewhere)
    other = copy.deepcopy(TRAIL[call])
    other["detail"]["eventName"] = "AssumeRoleWithSAML"
    assert not matches(pattern, other)


def test_nobody_but_the_two_rules_may_write_into_the_trail() -> None:
    stack = Stack()
    document = json.loads(stack.properties("TrailLogPolicy")["PolicyDocument"])
    (statement,) = document["Statement"]
    assert statement["Resource"] == stack.attribute("TrailLogGroup", "Arn")
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": [stack.attribute(rule, "Arn") for rule in RULES]}
    }
    assert set(statement["Principal"]["Service"]) == {
        "events.amazonaws.com",
        "delivery.logs.amazonaws.com",
    }


def test_it_runs_every_hour_and_nobody_else_invokes_it() -> None:
    stack = Stack()
    rule = stack.properties("ReconcilerSchedule")
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 hour)", "ENABLED")
    permissions = [
        one["Properties"]
        for one in stack.resources("AWS::Lambda::Permission").values()
        if one["Properties"]["FunctionName"] == stack.ref("ReconcilerFunction")
    ]
    assert [one["SourceArn"] for one in permissions] == [
        stack.attribute("ReconcilerSchedule", "Arn")
    ]


def test_the_stacks_roles_are_those_of_its_account() -> None:
    roles = Stack().properties("TrailOfSessions")["EventPattern"]["detail"]["requestParameters"]
    assert len(roles["roleArn"]) == 3
    assert all(f":{ACCOUNT}:role/ecr-vend-" in arn for arn in roles["roleArn"])

"""How a new version of the vending function takes over, and what may stop it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.template.test_functions import environment
from tests.template.test_roles import granted, own_policies
from tools.template.stack import ACCOUNT, Stack
from tools.template.translation import source, translate
from vending.settings import Settings


def deployment_group(stack: Stack) -> dict[str, Any]:
    """Return the properties of CodeDeploy's group for the vending function."""
    (group,) = stack.resources("AWS::CodeDeploy::DeploymentGroup").values()
    properties: dict[str, Any] = group["Properties"]
    return properties


def without_canary() -> Stack:
    """Return the stack as it is deployed with Canary=false."""
    parameters = {"Canary": "false"}
    return Stack(parameters, template=translate(source(), parameters))


def test_a_new_version_takes_a_tenth_of_the_traffic_first() -> None:
    group = deployment_group(Stack())
    assert "LambdaCanary10Percent10Minutes" in json.dumps(group["DeploymentConfigName"])
    alias = Stack().resource("VendFunctionAliaslive")
    assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["BeforeAllowTrafficHook"] == (
        Stack().ref("ProberFunction")
    )


def test_an_alarm_rolls_a_new_version_back() -> None:
    stack, group = Stack(), deployment_group(Stack())
    alarms = {one["Name"] for one in group["AlarmConfiguration"]["Alarms"]}
    assert group["AlarmConfiguration"]["Enabled"]
    assert alarms == {stack.ref("VendDefectsAlarm"), stack.ref("VendCrashesAlarm")}
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert "DEPLOYMENT_FAILURE" in group["AutoRollbackConfiguration"]["Events"]


def test_no_other_functions_deployment_waits_for_the_prober() -> None:
    assert len(Stack().resources("AWS::CodeDeploy::DeploymentGroup")) == 1


def test_without_the_canary_a_version_takes_all_at_once() -> None:
    stack = without_canary()
    assert not stack.resources("AWS::CodeDeploy::DeploymentGroup")
    assert "UpdatePolicy" not in stack.resource("VendFunctionAliaslive")


def test_the_prober_probes_the_version_that_is_about_to_serve() -> None:
    variables = environment(Stack(), "ProberFunction")
    (version,) = (
        name for name in Stack().template["Resources"] if name.startswith("VendFunctionVersion")
    )
    assert variables["PROBE_VERSION"] == Stack().ref(version)
    assert variables["PROBE_FUNCTION"] == f"{Stack().attribute('VendFunction', 'Arn')}:live"


def test_the_prober_may_ask_and_report_and_nothing_else() -> None:
    stack = Stack()
    log = stack.attribute("ProberLogGroup", "Arn")
    groups = stack.arn("codedeploy", "deploymentgroup:ecr-vend-*/*")
    assert granted(stack, "ProberFunctionRole") == {
        ("lambda:InvokeFunction", f"{stack.attribute('VendFunction', 'Arn')}:*"): None,
        ("codedeploy:PutLifecycleEventHookExecutionStatus", groups): None,
        ("execute-api:Invoke", stack.route("/live/POST/v1/tokens")): None,
        ("logs:CreateLogStream", log): None,
        ("logs:PutLogEvents", log): None,
    }


def test_nobody_in_the_stack_but_the_prober_may_invoke_the_vending_function() -> None:
    stack = Stack()
    function = stack.attribute("VendFunction", "Arn")
    invoking = {
        role
        for role in stack.resources("AWS::IAM::Role")
        for action, resource in granted(stack, role)
        if action in ("lambda:InvokeFunction", "lambda:*", "*") and resource.startswith(function)
    }
    assert invoking == {"ProberFunctionRole"}


def test_codedeploy_may_move_one_alias_and_run_one_hook() -> None:
    stack = Stack()
    vend, prober = (stack.attribute(name, "Arn") for name in ("VendFunction", "ProberFunction"))
    moves = ("lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias")
    assert granted(stack, "ReleaseRole") == {
        **{(action, arn): None for action in moves for arn in (vend, f"{vend}:*")},
        **{("lambda:InvokeFunction", arn): None for arn in (prober, f"{prober}:*")},
        ("cloudwatch:DescribeAlarms", "*"): None,
    }
    (trust,) = stack.properties("ReleaseRole")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "codedeploy.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_the_schedule_asks_at_the_front_door() -> None:
    stack = Stack()
    rule = stack.properties("ProbeSchedule")
    (target,) = rule["Targets"]
    assert rule["State"] == "ENABLED"
    assert json.loads(target["Input"]) == {"endpoint": stack.output("Endpoint")}
    assert target["Arn"] == stack.attribute("ProberFunction", "Arn")


@pytest.mark.parametrize(
    ("prefixes", "begins"), [("", "ecr-vend-probe/"), ("team/,base/", "team/ecr-vend-probe/")]
)
def test_the_probes_repository_is_within_reach_of_the_vended_roles(
    prefixes: str, begins: str
) -> None:
    stack = Stack({"RepositoryPrefixes": prefixes})
    repository = stack.properties("ProbeRepository")["RepositoryName"]
    assert repository.startswith(begins)
    settings = Settings.from_environment(environment(stack))
    prober = settings.stack_prober()
    assert prober is not None
    assert prober.role == stack.attribute("ProberFunctionRole", "Arn")
    assert prober.repository == repository


def test_the_prober_holds_no_ecr_permission_of_its_own() -> None:
    text = json.dumps(own_policies(Stack(), "ProberFunctionRole"))
    assert "ecr:" not in text
    assert "sts:" not in text

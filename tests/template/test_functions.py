"""The functions, the policy's store, and what whoever deploys is asked and told."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest

from tools.environments import FUNCTIONS_PYTHON
from tools.template.stack import Stack
from tools.template.translation import source, translate
from vending.budgets import Kind
from vending.deadlines import ANSWER, COUNT, END, INTEND, LOOK, MINT, READ_POLICY, longest
from vending.denying import LEASE
from vending.settings import AuditingSettings, RevokingSettings, Settings

FUNCTIONS = {
    "VendFunction": ("handlers.vend.handler", "VendLogGroup"),
    "AuditFunction": ("handlers.audit.handler", "AuditLogGroup"),
    "RevokeFunction": ("handlers.revocations.handler", "RevokeLogGroup"),
    "PolicyValidatorFunction": ("handlers.policy_validator.handler", "PolicyValidatorLogGroup"),
    "ArchiveFunction": ("handlers.archive.handler", "ArchiveLogGroup"),
    "SealFunction": ("handlers.seal.handler", "SealLogGroup"),
    "ProberFunction": ("handlers.prober.handler", "ProberLogGroup"),
    "ReconcilerFunction": ("handlers.reconciler.handler", "ReconcilerLogGroup"),
}


def environment(stack: Stack, function: str = "VendFunction") -> dict[str, str]:
    """Return a function's environment variables."""
    return dict(stack.properties(function)["Environment"]["Variables"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_the_released_runtime_and_logs_into_its_own_group(function: str) -> None:
    stack = Stack()
    handler, log_group = FUNCTIONS[function]
    properties = stack.properties(function)
    assert properties["Handler"] == handler
    assert properties["Runtime"] == f"python{FUNCTIONS_PYTHON}"
    assert properties["Architectures"] == ["arm64"]
    assert properties["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": stack.ref(log_group)}


def test_there_are_no_functions_but_these_and_each_has_its_alias() -> None:
    stack = Stack()
    assert set(stack.resources("AWS::Lambda::Function")) == set(FUNCTIONS)
    aliases = stack.resources("AWS::Lambda::Alias").values()
    assert {(one["Properties"]["FunctionName"], one["Properties"]["Name"]) for one in aliases} == {
        (stack.ref(function), "live") for function in FUNCTIONS
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_of_a_function_captures_what_it_answers(function: str) -> None:
    properties = Stack().properties(function)
    assert properties.get("TracingConfig", {"Mode": "PassThrough"})["Mode"] == "PassThrough"
    assert "Layers" not in properties
    variables = environment(Stack(), function)
    assert not {"POWERTOOLS_LOGGER_LOG_EVENT", "POWERTOOLS_DEV", "POWERTOOLS_TRACE_ENABLED"} & set(
        variables
    )
    assert variables["POWERTOOLS_LOG_LEVEL"] == "INFO"


@pytest.mark.parametrize("function", ["VendFunction", "RevokeFunction", "AuditFunction"])
def test_a_function_of_the_api_ends_before_api_gateway_gives_up(function: str) -> None:
    assert Stack().properties(function)["Timeout"] < 29


def test_the_auditing_functions_settings_are_read_as_they_stand() -> None:
    stack = Stack()
    settings = AuditingSettings.from_environment(environment(stack, "AuditFunction"))
    vending = Settings.from_environment(environment(stack))
    assert (settings.ledger_table, settings.token_key) == (vending.ledger_table, vending.token_key)
    assert settings.policy == vending.policy


def test_a_writer_of_denies_has_ended_before_its_lease_has() -> None:
    assert timedelta(seconds=Stack().properties("RevokeFunction")["Timeout"]) < LEASE


def test_the_revoking_functions_settings_are_read_as_they_stand() -> None:
    stack = Stack()
    settings = RevokingSettings.from_environment(environment(stack, "RevokeFunction"))
    assert settings.registries == Settings.from_environment(environment(stack)).registries
    revoker = settings.registries["default"].revoker
    assert revoker
    assert revoker.role is None
    assert sorted(revoker.policies.values()) == sorted(
        stack.ref(f"{access}Revocations") for access in ("Pull", "Push", "PullThrough")
    )
    for table in ("LedgerTable", "BlockTable"):
        assert stack.ref(table) in (settings.ledger_table, settings.block_table)


def test_all_that_a_vend_may_wait_for_fits_into_the_functions_time() -> None:
    phases = (READ_POLICY, LOOK, COUNT, INTEND, MINT, END)
    assert longest(*phases) + ANSWER <= Stack().properties("VendFunction")["Timeout"]


def test_the_parameters_are_the_budgets_of_the_service() -> None:
    given = {
        "VendsPerHourSession": "1",
        "VendsPerHourCaller": "2",
        "VendsPerHourAccount": "3",
        "AsksPerHourCaller": "4",
    }
    settings = Settings.from_environment(environment(Stack(given)))
    assert [settings.budgets[kind] for kind in Kind] == [1, 2, 3, 4]
    assert settings.budget_table == Stack().ref("BudgetTable")


def test_every_budget_is_set_by_default_and_a_session_gets_a_part_of_its_callers() -> None:
    budgets = Settings.from_environment(environment(Stack())).budgets
    assert all(budgets[kind] for kind in Kind)
    assert budgets[Kind.SESSION] < budgets[Kind.CALLER] < budgets[Kind.ACCOUNT]


def test_the_counters_are_encrypted_expire_and_go_with_the_stack() -> None:
    resource = Stack().resource("BudgetTable")
    assert not {"DeletionPolicy", "UpdateReplacePolicy"} & set(resource)
    table = resource["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["SSESpecification"]["KMSMasterKeyId"] == Stack().attribute("LedgerKey", "Arn")
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]


def test_the_functions_settings_are_read_by_the_service_as_they_stand() -> None:
    stack = Stack({"MaxTokenLifetime": "900"})
    settings = Settings.from_environment(environment(stack))
    assert (settings.max_ttl, settings.min_ttl) == (900, 60)
    registry = settings.served()["default"]
    assert registry.host == "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
    assert sorted(registry.roles.values()) == sorted(
        stack.attribute(role, "Arn") for role in ("PullRole", "PushRole", "PullThroughRole")
    )
    assert settings.ledger_table == stack.ref("LedgerTable")
    assert settings.block_table == stack.ref("BlockTable")
    assert settings.token_key == stack.attribute("TokenKey", "Arn")
    assert settings.policy == "appconfig:" + "/".join(
        stack.ref(name) for name in ("PolicyApplication", "PolicyEnvironment", "PolicyProfile")
    )


def test_the_functions_settings_name_the_registry_of_another_partition() -> None:
    stack = Stack(partition="aws-cn", region="cn-north-1", suffix="amazonaws.com.cn")
    registries = json.loads(environment(stack)["VEND_REGISTRIES"])
    assert registries["default"]["suffix"] == "amazonaws.com.cn"
    assert (
        registries["default"]["roles"]["push"] == "arn:aws-cn:iam::111122223333:role/ecr-vend-push"
    )


def version(stack: Stack) -> tuple[str, Any]:
    """Return the logical id and description of the vend function's version."""
    found = stack.resources("AWS::Lambda::Version")
    ((logical, resource),) = [
        (name, one) for name, one in found.items() if name.startswith("VendFunctionVersion")
    ]
    return logical, resource["Properties"]["Description"]


def test_a_changed_lifetime_publishes_a_version_so_the_alias_does_not_serve_the_old_one() -> None:
    # CloudFormation replaces a version when its description changes.
    assert version(Stack()) != version(Stack({"MaxTokenLifetime": "900"}))


def test_a_changed_environment_publishes_a_version() -> None:
    changed = copy.deepcopy(source())
    variables = changed["Resources"]["VendFunction"]["Properties"]["Environment"]["Variables"]
    variables["VEND_POLICY_MAX_AGE"] = "60"
    assert version(Stack(template=translate(changed)))[0] != version(Stack())[0]


def test_a_changed_parameter_reaches_the_api_because_every_deployment_is_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def deployment(now: str) -> str:
        monkeypatch.setattr("samtranslator.model.apigateway.time.time", lambda: float(now))
        found = Stack(template=translate(source())).resources("AWS::ApiGateway::Deployment")
        (logical,) = found
        return logical

    assert deployment("1795464000") != deployment("1795464060")


def test_a_policy_is_validated_by_the_function_before_it_is_deployed() -> None:
    stack = Stack()
    profile = stack.properties("PolicyProfile")
    assert profile["LocationUri"] == "hosted"
    assert profile["Validators"] == [
        {"Type": "LAMBDA", "Content": stack.attribute("PolicyValidatorFunction", "Arn")}
    ]


def test_a_policy_reaches_everyone_at_once() -> None:
    strategy = Stack().properties("PolicyStrategy")
    assert (strategy["GrowthFactor"], strategy["DeploymentDurationInMinutes"]) == (100, 0)


def test_no_alarm_undoes_a_policy_unless_the_stack_is_told_to_watch() -> None:
    stack = Stack()
    assert int(stack.properties("PolicyStrategy")["FinalBakeTimeInMinutes"]) == 0
    assert "Monitors" not in stack.properties("PolicyEnvironment")
    assert not stack.holds(stack.template["Resources"]["PolicyMonitorRole"]["Condition"])


def test_a_stack_that_watches_has_a_bad_policy_undone_and_a_deny_published_all_the_same() -> None:
    stack = Stack({"PolicyBakeMinutes": "20"})
    assert int(stack.properties("PolicyStrategy")["FinalBakeTimeInMinutes"]) == 20
    at_once = stack.properties("PolicyAtOnceStrategy")
    assert (at_once["FinalBakeTimeInMinutes"], at_once["DeploymentDurationInMinutes"]) == (0, 0)
    role = stack.attribute("PolicyMonitorRole", "Arn")
    alarms = ("NotGrantedAlarm", "PolicyUnavailableAlarm", "FailuresAlarm")
    assert stack.properties("PolicyEnvironment")["Monitors"] == [
        {"AlarmArn": stack.attribute(alarm, "Arn"), "AlarmRoleArn": role} for alarm in alarms
    ]
    # Each of them rings within the time, or nothing is undone.
    for alarm in map(stack.properties, alarms):
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= 15 * 60
    (policy,) = stack.properties("PolicyMonitorRole")["Policies"]
    (allowed,) = policy["PolicyDocument"]["Statement"]
    assert allowed["Action"] == "cloudwatch:DescribeAlarms"


def test_the_stack_brings_no_policy_so_it_starts_by_refusing_everybody() -> None:
    kinds = {found["Type"] for found in Stack().template["Resources"].values()}
    assert not kinds & {
        "AWS::AppConfig::HostedConfigurationVersion",
        "AWS::AppConfig::Deployment",
    }


def test_the_outputs_are_those_that_others_read() -> None:
    assert set(Stack().template["Outputs"]) == {
        "Archive",
        "ArchiveParameters",
        "ArchiveReaderStatements",
        "CallerStatement",
        "DomainTarget",
        "Endpoint",
        "LedgerTableName",
        "PersonKeyTableName",
        "PolicyApplicationId",
        "PolicyAtOnceStrategyId",
        "PolicyEnvironmentId",
        "PolicyProfileId",
        "PolicyStrategyId",
        "PublisherStatements",
        "RegistryParameters",
        "AuditorStatement",
        "RevokerStatement",
        "SealKeyArn",
        "WitnessTopicArn",
    }

"""Who may reach the service, and what the API keeps to itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.revocation_api import KEEP_UP
from tests.iam.evaluator import Policies, Request, evaluate, statements
from tools.template.stack import ACCOUNT, Stack

PARTNER = "444455556666"
ROUTES = ["/live/GET/v1/whoami", "/live/POST/v1/tokens"]
REVOKING = [
    "/live/DELETE/v1/revocations/*",
    "/live/GET/v1/revocations",
    "/live/POST/v1/revocations",
]
AUDITING = [
    "/live/GET/v1/access",
    "/live/GET/v1/archive",
    "/live/GET/v1/archive/object",
    "/live/GET/v1/vends",
    "/live/GET/v1/vends/*",
    "/live/POST/v1/records",
    "/live/POST/v1/vends/lookup",
]
ORGANIZATION = "o-a1b2c3d4e5"
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "execute-api:*", "Resource": "*"}],
}
"""What an account's administrators may give their own: the resource policy must hold against it."""


def operations(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return each operation by `METHOD path`."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in stack.api()["paths"].items()
        for method, operation in methods.items()
    }


def may_call(
    stack: Stack,
    account: str,
    *,
    route: str = ROUTES[1],
    role: str = "role/ci",
    identity: tuple[dict[str, Any], ...] = (EVERYTHING,),
    **context: str | None,
) -> bool:
    """Say whether a role of an account may call a route, given its own account's policies."""
    keys = {f"aws:{key}": value for key, value in context.items()}
    request = Request(
        "execute-api:Invoke",
        stack.route(route),
        f"arn:{stack.partition}:iam::{account}:{role}",
        context=keys,
        account=ACCOUNT,
    )
    return bool(evaluate(Policies(identity=identity, resource=stack.api_policy()), request))


def test_the_api_has_these_routes_and_no_other() -> None:
    assert sorted(operations(Stack())) == [
        "DELETE /v1/revocations/{id}",
        "GET /v1/access",
        "GET /v1/archive",
        "GET /v1/archive/object",
        "GET /v1/revocations",
        "GET /v1/vends",
        "GET /v1/vends/{id}",
        "GET /v1/whoami",
        "POST /v1/records",
        "POST /v1/revocations",
        "POST /v1/tokens",
        "POST /v1/vends/lookup",
    ]


def test_no_route_is_without_iam_authorisation() -> None:
    stack = Stack()
    for name, operation in operations(stack).items():
        assert operation["security"] == [{"AWS_IAM": []}], name
    scheme = stack.api()["components"]["securitySchemes"]["AWS_IAM"]
    assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"


def test_no_integration_calls_the_function_with_the_callers_credentials() -> None:
    stack = Stack()
    for name, operation in operations(stack).items():
        integration = operation["x-amazon-apigateway-integration"]
        assert "credentials" not in integration, name
        assert integration["type"] == "aws_proxy"
        functions = {
            "access": "AuditFunction",
            "archive": "AuditFunction",
            "records": "AuditFunction",
            "revocations": "RevokeFunction",
            "vends": "AuditFunction",
        }
        function = functions.get(name.split("/")[2], "VendFunction")
        assert f"{stack.ref(f'{function}Aliaslive')}/invocations" in integration["uri"]


@pytest.mark.parametrize(
    ("function", "routes"), [("Vend", ROUTES), ("Revoke", REVOKING), ("Audit", AUDITING)]
)
def test_only_the_apis_own_routes_in_its_own_stage_may_invoke_the_function(
    function: str, routes: list[str]
) -> None:
    # A permission for every stage would admit test-invoke-stage, the console's Test button.
    stack = Stack()
    permissions = stack.resources("AWS::Lambda::Permission").values()
    found = [
        one["Properties"]
        for one in permissions
        if f"{function}Function" in one["Properties"]["FunctionName"]
        and one["Properties"]["Principal"] == "apigateway.amazonaws.com"
    ]
    assert sorted(one["SourceArn"] for one in found) == [stack.route(route) for route in routes]
    for one in found:
        assert one["Action"] == "lambda:InvokeFunction"
        assert one["FunctionName"] == stack.ref(f"{function}FunctionAliaslive")


def test_only_the_policys_profile_may_invoke_the_validator() -> None:
    stack = Stack()
    (one,) = [
        found["Properties"]
        for found in stack.resources("AWS::Lambda::Permission").values()
        if "Validator" in found["Properties"]["FunctionName"]
    ]
    assert one["Principal"] == "appconfig.amazonaws.com"
    application, profile = stack.ref("PolicyApplication"), stack.ref("PolicyProfile")
    assert one["SourceArn"] == stack.arn(
        "appconfig", f"application/{application}/configurationprofile/{profile}"
    )


def test_nothing_else_opens_a_way_to_a_function() -> None:
    kinds = {found["Type"] for found in Stack().template["Resources"].values()}
    assert "AWS::Lambda::Url" not in kinds
    # The ledger's stream calls the archiving function, which answers nobody.
    (mapping,) = Stack().resources("AWS::Lambda::EventSourceMapping").values()
    assert mapping["Properties"]["FunctionName"] == Stack().ref("ArchiveFunction")
    rules = Stack().resources("AWS::Events::Rule")
    assert set(rules) == {
        "ProbeSchedule",
        "ReconcilerSchedule",
        "RevocationSchedule",
        "SealSchedule",
        "TrailOfSessions",
        "TrailOfTokens",
    }
    reached = {target["Arn"] for rule in rules.values() for target in rule["Properties"]["Targets"]}
    assert Stack().attribute("VendFunction", "Arn") not in reached
    assert len(Stack().resources("AWS::Lambda::Permission")) == 17


def test_the_schedule_sends_the_revoking_function_what_it_takes_for_its_own_and_nothing_else() -> (
    None
):
    stack = Stack()
    (target,) = stack.properties("RevocationSchedule")["Targets"]
    assert json.loads(target["Input"]) == KEEP_UP
    assert target["Arn"] == stack.ref("RevokeFunctionAliaslive")
    permission = stack.properties("RevocationSchedulePermission")
    assert permission["Principal"] == "events.amazonaws.com"
    assert permission["SourceArn"] == stack.attribute("RevocationSchedule", "Arn")
    assert permission["FunctionName"] == stack.ref("RevokeFunctionAliaslive")


@pytest.mark.parametrize("route", ROUTES)
def test_a_named_foreign_account_may_call_both_routes(route: str) -> None:
    stack = Stack({"AllowedAccounts": f"777788889999,{PARTNER}"})
    assert may_call(stack, PARTNER, route=route)
    assert may_call(stack, "777788889999", route=route)


@pytest.mark.parametrize(
    "route",
    [
        "/live/GET/v1/tokens",
        "/live/POST/v1/whoami",
        "/live/DELETE/v1/tokens",
        "/live/POST/v1/tokens/more",
        "/live/GET/v1/audit",
        "/test-invoke-stage/POST/v1/tokens",
        "/live/OPTIONS/v1/tokens",
        "/live/POST/v1/revocations",
        "/live/GET/v1/revocations",
        "/live/DELETE/v1/revocations/r-a",
        "/live/GET/v1/access",
        "/live/GET/v1/vends",
        "/live/GET/v1/vends/v-a",
        "/live/POST/v1/vends/lookup",
        "/live/POST/v1/records",
        "/live/GET/v1/archive",
        "/live/GET/v1/archive/object",
    ],
)
def test_a_named_foreign_account_reaches_nothing_but_the_two_routes(route: str) -> None:
    assert not may_call(Stack({"AllowedAccounts": PARTNER}), PARTNER, route=route)


@pytest.mark.parametrize("allowed", ["", "777788889999", "777788889999,222233334444"])
def test_an_account_that_is_not_named_may_not_call(allowed: str) -> None:
    assert not may_call(Stack({"AllowedAccounts": allowed}), PARTNER)


@pytest.mark.parametrize("allowed", ["", PARTNER])
def test_an_account_that_is_not_named_is_denied_and_not_merely_not_allowed(allowed: str) -> None:
    # The own account's callers need no Allow here, so what keeps others out must be a Deny.
    stack = Stack({"AllowedAccounts": allowed})
    policy = stack.api_policy()
    policy["Statement"].append(
        {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}
    )
    request = Request(
        "execute-api:Invoke",
        stack.route(ROUTES[1]),
        "arn:aws:iam::888899990000:role/stranger",
        account=ACCOUNT,
    )
    verdict = evaluate(Policies(identity=(EVERYTHING,), resource=policy), request)
    assert verdict.because == "explicit deny of the resource policy"


def test_a_caller_of_this_account_needs_its_own_permission_and_no_more() -> None:
    stack = Stack()
    assert may_call(stack, ACCOUNT)
    assert not may_call(stack, ACCOUNT, identity=())


def test_the_caller_statement_is_enough_to_call_and_for_nothing_else() -> None:
    stack = Stack()
    statement = json.loads(stack.output("CallerStatement"))
    own = {"Version": "2012-10-17", "Statement": [statement]}
    assert all(may_call(stack, ACCOUNT, route=route, identity=(own,)) for route in ROUTES)
    assert not may_call(stack, ACCOUNT, route="/live/GET/v1/tokens", identity=(own,))
    for route in (*REVOKING, *AUDITING, "/live/DELETE/v1/revocations/r-a"):
        assert not may_call(stack, ACCOUNT, route=route, identity=(own,))


def test_the_auditor_statement_is_enough_to_audit_and_for_nothing_else() -> None:
    stack = Stack()
    statement = json.loads(stack.output("AuditorStatement"))
    own = {"Version": "2012-10-17", "Statement": [statement]}
    for route in (*AUDITING, "/live/GET/v1/vends/v-a"):
        assert may_call(stack, ACCOUNT, route=route, identity=(own,))
    for route in (*ROUTES, *REVOKING, "/live/DELETE/v1/vends/v-a", "/live/POST/v1/vends"):
        assert not may_call(stack, ACCOUNT, route=route, identity=(own,))


def test_the_revoker_statement_is_enough_to_revoke_and_for_nothing_else() -> None:
    stack = Stack()
    statement = json.loads(stack.output("RevokerStatement"))
    own = {"Version": "2012-10-17", "Statement": [statement]}
    for route in (*REVOKING, "/live/DELETE/v1/revocations/r-a"):
        assert may_call(stack, ACCOUNT, route=route, identity=(own,))
    for route in (*ROUTES, "/live/PUT/v1/revocations", "/live/POST/v1/revocations/r-a"):
        assert not may_call(stack, ACCOUNT, route=route, identity=(own,))


@pytest.mark.parametrize("account", [ACCOUNT, PARTNER])
@pytest.mark.parametrize("theirs", ["o-zzzzzzzzzz", None])
def test_nobody_outside_the_organisation_may_call(account: str, theirs: str | None) -> None:
    stack = Stack({"AllowedAccounts": PARTNER, "OrganizationId": ORGANIZATION})
    assert may_call(stack, account, PrincipalOrgID=ORGANIZATION)
    assert not may_call(stack, account, PrincipalOrgID=theirs)


def test_a_partners_organisation_can_be_named_beside_our_own() -> None:
    stack = Stack({"AllowedAccounts": PARTNER, "OrganizationId": f"{ORGANIZATION},o-partner0000"})
    assert may_call(stack, PARTNER, PrincipalOrgID="o-partner0000")
    assert not may_call(stack, PARTNER, PrincipalOrgID="o-zzzzzzzzzz")


def test_without_an_organisation_nobody_is_asked_for_one() -> None:
    assert may_call(Stack(), ACCOUNT, PrincipalOrgID=None)


@pytest.mark.parametrize("account", [ACCOUNT, PARTNER])
def test_nobody_may_call_without_tls(account: str) -> None:
    stack = Stack({"AllowedAccounts": PARTNER})
    assert not may_call(stack, account, SecureTransport="false")


@pytest.mark.parametrize("account", [ACCOUNT, PARTNER])
@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef", True),
        ("role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Dev_0123456789abcdef", True),
        ("role/AWSReservedSSO_Dev_0123456789abcdef", False),
        ("role/team/AWSReservedSSO_Dev_0123456789abcdef", False),
        ("role/a/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef", False),
        ("role/NotAWSReservedSSO_Dev", True),
    ],
)
def test_no_role_that_looks_like_identity_centers_may_call(
    account: str, role: str, *, allowed: bool
) -> None:
    assert may_call(Stack({"AllowedAccounts": PARTNER}), account, role=role) is allowed


def test_the_api_policy_fits_the_china_partition() -> None:
    stack = Stack(
        {"AllowedAccounts": PARTNER},
        partition="aws-cn",
        region="cn-north-1",
        suffix="amazonaws.com.cn",
    )
    assert may_call(stack, PARTNER)
    assert not may_call(stack, PARTNER, role="role/AWSReservedSSO_Dev_0123456789abcdef")
    assert stack.output("Endpoint") == (
        "https://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn/live"
    )


def test_denies_of_the_api_policy_cover_every_route() -> None:
    stack = Stack({"AllowedAccounts": PARTNER, "OrganizationId": ORGANIZATION})
    denies = [one for one in statements(stack.api_policy()) if one["Effect"] == "Deny"]
    assert len(denies) == 4
    for deny in denies:
        assert deny["Resource"] == stack.route("/*")
        assert deny["Principal"] == "*"


def stage() -> dict[str, Any]:
    """Return the properties of the one stage."""
    (found,) = Stack().resources("AWS::ApiGateway::Stage").values()
    return dict(found["Properties"])


def test_no_request_or_answer_is_traced_and_none_is_cached() -> None:
    (settings,) = stage()["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert settings["DataTraceEnabled"] is False
    assert settings["CachingEnabled"] is False
    assert settings["LoggingLevel"] == "OFF"
    assert stage()["CacheClusterEnabled"] is False
    assert stage()["TracingEnabled"] is False


def test_every_call_is_throttled_and_measured() -> None:
    (settings,) = stage()["MethodSettings"]
    assert settings["MetricsEnabled"] is True
    assert 0 < int(settings["ThrottlingRateLimit"]) <= int(settings["ThrottlingBurstLimit"])


def test_the_access_log_says_who_called_and_lets_no_caller_write_into_it() -> None:
    log = stage()["AccessLogSetting"]
    assert log["DestinationArn"] == Stack().attribute("ApiAccessLogGroup", "Arn")
    fields = json.loads(log["Format"])
    for name in ("accountId", "caller", "userArn", "principalOrgId", "sourceIp"):
        assert fields[name] == f"$context.identity.{name}"
    assert {"requestId", "status", "errorType", "resourcePath"} <= set(fields)
    written_by_callers = {
        "$context.identity.userAgent",
        "$context.path",
        "$context.error.message",
        "$context.error.messageString",
    }
    assert not written_by_callers & set(fields.values())


def test_the_log_role_of_the_whole_region_is_left_alone_unless_asked_for() -> None:
    assert not Stack().resources("AWS::ApiGateway::Account")
    assert not [name for name in Stack().resources("AWS::IAM::Role") if "LogWriter" in name]
    asked = Stack({"ApiGatewayLogRole": "create"})
    (account,) = asked.resources("AWS::ApiGateway::Account").values()
    assert account["DeletionPolicy"] == "Retain"

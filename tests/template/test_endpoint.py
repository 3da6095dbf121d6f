"""Where the API is reached: from where, by which name, behind what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.iam.evaluator import statements
from tests.template.test_api import PARTNER, ROUTES, may_call
from tests.template.test_parameters import CERTIFICATE, NAMED, WEB_ACL
from tools.template.stack import ACCOUNT, Stack

OURS, SECOND, OTHER = (f"vpce-0123456789abcde{end}" for end in "f01")
PRIVATE = {
    "EndpointType": "PRIVATE",
    "VpcEndpointIds": f"{OURS},{SECOND}",
    "AllowedAccounts": PARTNER,
}


def test_the_api_is_regional_unless_asked_otherwise() -> None:
    (api,) = Stack().resources("AWS::ApiGateway::RestApi").values()
    assert api["Properties"]["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert "SourceVpce" not in str(Stack().api_policy())


def test_a_private_api_is_associated_with_the_endpoints_that_may_reach_it() -> None:
    (api,) = Stack(PRIVATE).resources("AWS::ApiGateway::RestApi").values()
    assert api["Properties"]["EndpointConfiguration"] == {
        "Types": ["PRIVATE"],
        "VpcEndpointIds": [OURS, SECOND],
    }
    assert api["Properties"]["Parameters"] == {"endpointConfigurationTypes": "PRIVATE"}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("account", [ACCOUNT, PARTNER])
@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [(OURS, True), (SECOND, True), (OTHER, False), (f"{OURS}0", False), (None, False)],
)
def test_a_private_api_is_reached_through_its_own_endpoints_alone(
    route: str, account: str, endpoint: str | None, *, allowed: bool
) -> None:
    stack = Stack(PRIVATE)
    assert may_call(stack, account, route=route, SourceVpce=endpoint) is allowed


def test_no_allow_of_the_policy_lets_anyone_around_the_endpoints() -> None:
    stack = Stack(PRIVATE)
    (deny,) = [one for one in statements(stack.api_policy()) if one["Sid"] == "OnlyTheseEndpoints"]
    assert (deny["Effect"], deny["Principal"]) == ("Deny", "*")
    assert deny["Resource"] == stack.route("/*")


def test_a_private_api_still_asks_for_everything_else() -> None:
    stack = Stack(PRIVATE | {"OrganizationId": "o-a1b2c3d4e5"})
    ours = "o-a1b2c3d4e5"

    def may(account: str, **changed: Any) -> bool:
        return may_call(stack, account, **{"SourceVpce": OURS, "PrincipalOrgID": ours} | changed)

    assert may(PARTNER)
    assert not may("777788889999")
    assert not may(PARTNER, PrincipalOrgID="o-zzzzzzzzzz")
    assert not may(ACCOUNT, identity=())
    assert not may(ACCOUNT, SecureTransport="false")


def test_without_a_name_of_its_own_the_api_has_api_gateways() -> None:
    stack = Stack()
    assert stack.output("Endpoint") == "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/live"
    for kind in ("DomainName", "BasePathMapping"):
        assert not stack.resources(f"AWS::ApiGateway::{kind}")
    assert not stack.resources("AWS::Route53::RecordSet")


def test_a_name_of_ones_own_leads_to_the_one_stage_over_tls_1_2() -> None:
    stack = Stack(NAMED)
    (domain,) = stack.resources("AWS::ApiGateway::DomainName").values()
    assert domain["Properties"] == {
        "DomainName": NAMED["DomainName"],
        "RegionalCertificateArn": CERTIFICATE,
        "SecurityPolicy": "TLS_1_2",
        "EndpointConfiguration": {"Types": ["REGIONAL"]},
    }
    (mapping,) = stack.resources("AWS::ApiGateway::BasePathMapping").values()
    assert mapping["Properties"]["Stage"] == "live"
    assert mapping["Properties"]["RestApiId"] == "a1b2c3d4e5"
    assert "BasePath" not in mapping["Properties"]
    assert stack.output("Endpoint") == f"https://{NAMED['DomainName']}"


def test_api_gateways_own_name_goes_on_serving_whoever_was_told_it() -> None:
    body = Stack(NAMED).api()
    assert "disableExecuteApiEndpoint" not in str(body)


def test_a_hosted_zone_gets_the_record_and_without_one_the_output_says_what_it_points_at() -> None:
    stack = Stack(NAMED | {"HostedZoneId": "Z0123456789ABCDEFGHIJ"})
    (record,) = stack.resources("AWS::Route53::RecordSet").values()
    assert record["Properties"]["HostedZoneId"] == "Z0123456789ABCDEFGHIJ"
    assert record["Properties"]["Name"] == NAMED["DomainName"]
    target = f"RegionalDomainName of {NAMED['DomainName']}"
    assert record["Properties"]["AliasTarget"]["DNSName"] == target
    assert not Stack(NAMED).resources("AWS::Route53::RecordSet")
    assert Stack(NAMED).output("DomainTarget") == target


def test_a_caller_needs_the_same_statement_whatever_the_apis_name() -> None:
    # The ARN that IAM asks about names the API, not the host.
    assert Stack(NAMED).output("CallerStatement") == Stack().output("CallerStatement")


def test_a_web_acl_stands_before_the_stage_that_serves() -> None:
    assert not Stack().resources("AWS::WAFv2::WebACLAssociation")
    (one,) = Stack({"WebAclArn": WEB_ACL}).resources("AWS::WAFv2::WebACLAssociation").values()
    assert one["Properties"] == {
        "ResourceArn": "arn:aws:apigateway:eu-west-1::/restapis/a1b2c3d4e5/stages/live",
        "WebACLArn": WEB_ACL,
    }

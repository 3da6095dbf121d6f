"""What whoever deploys is asked: each parameter, what it changes, and which go together."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tools.environments import ROOT
from tools.template.stack import Stack
from tools.template.translation import source, translate, translated

CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-90ab"
WEB_ACL = (
    "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/ours/12345678-90ab-cdef-1234-567890abcdef"
)
KEY = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234567890abcdef1234567890abcdef"
BOUNDARY = "arn:aws:iam::111122223333:policy/our-boundary"
EU = "arn:aws:iam::444455556666:role/ecr-vend.eu.eu-central-1"
ARCHIVE = {"ArchiveBucketName": "ecr-vend-archive", "ArchiveKeyArn": KEY}
NAMED = {"DomainName": "ecr-vend.example.com", "CertificateArn": CERTIFICATE}
ENDPOINTS = {"EndpointType": "PRIVATE", "VpcEndpointIds": "vpce-0123456789abcdef0"}
OTHER = {
    "AlarmTopicArn": {"AlarmTopicArn": "arn:aws:sns:eu-west-1:111122223333:alarms"},
    "AllowedAccounts": {"AllowedAccounts": "444455556666"},
    "ApiGatewayLogRole": {"ApiGatewayLogRole": "create"},
    "ArchiveBatchDays": {"ArchiveBatchDays": "30"},
    "ArchiveBucketName": ARCHIVE,
    "ArchiveKeyArn": ARCHIVE | {"ArchiveKeyArn": f"{KEY}1"},
    "ArchiveMode": {"ArchiveMode": "COMPLIANCE"},
    "ArchiveRetentionDays": {"ArchiveRetentionDays": "3650"},
    "Canary": {"Canary": "false"},
    "CertificateArn": NAMED | {"CertificateArn": f"{CERTIFICATE}-2"},
    "DomainName": NAMED,
    "EndpointType": ENDPOINTS,
    "HostedZoneId": NAMED | {"HostedZoneId": "Z0123456789ABCDEFGHIJ"},
    "KmsKeyArn": {"KmsKeyArn": KEY},
    "LegalHold": {"LegalHold": "true"},
    "LogRetentionDays": {"LogRetentionDays": "30"},
    "MaxTokenLifetime": {"MaxTokenLifetime": "900"},
    "OrganizationId": {"OrganizationId": "o-a1b2c3d4e5"},
    "PermissionsBoundaryArn": {"PermissionsBoundaryArn": BOUNDARY},
    "PolicyBakeMinutes": {"PolicyBakeMinutes": "20"},
    "Registries": {"Registries": EU},
    "RepositoryPrefixes": {"RepositoryPrefixes": "payments/"},
    "ReservedConcurrency": {"ReservedConcurrency": "50"},
    "SnapStart": {"SnapStart": "PublishedVersions"},
    "ThrottleBurst": {"ThrottleBurst": "500"},
    "ThrottleRate": {"ThrottleRate": "50"},
    "AsksPerHourCaller": {"AsksPerHourCaller": "0"},
    "VendsPerHourAccount": {"VendsPerHourAccount": "0"},
    "VendsPerHourCaller": {"VendsPerHourCaller": "0"},
    "VendsPerHourSession": {"VendsPerHourSession": "0"},
    "VpcEndpointIds": ENDPOINTS | {"VpcEndpointIds": "vpce-aaaaaaaaaaaaaaaaa"},
    "WebAclArn": {"WebAclArn": WEB_ACL},
}
"""A value for each parameter that is not its default, with what it needs beside it."""

PARAMETERS = source()["Parameters"]


def deployed(given: dict[str, str]) -> Stack:
    """Return the stack with these parameters. `Canary` is read by SAM, so its stack is another."""
    read_by_sam = {"Canary": given["Canary"]} if "Canary" in given else {}
    return Stack(given, template=translate(source(), read_by_sam) if read_by_sam else translated())


def whole(stack: Stack) -> dict[str, Any]:
    """Return every resource that is deployed, resolved: a reference to one that is not raises."""
    return {
        logical: stack.resource(logical)
        for logical, found in stack.template["Resources"].items()
        if stack.holds(found.get("Condition"))
    }


def outputs(stack: Stack) -> dict[str, str]:
    """Return every output that there is."""
    declared = stack.template["Outputs"]
    return {
        name: stack.output(name)
        for name in declared
        if stack.holds(declared[name].get("Condition"))
    }


def broken_rules(given: dict[str, str]) -> list[str]:
    """Return what CloudFormation says of a combination of parameters: nothing where it is good."""
    stack = Stack(given)
    return [
        assertion["AssertDescription"]
        for rule in stack.template["Rules"].values()
        if stack.resolve(rule["RuleCondition"])
        for assertion in rule["Assertions"]
        if not stack.resolve(assertion["Assert"])
    ]


def accepted(parameter: str, value: str) -> bool:
    """Say whether CloudFormation takes a value, item by item where the parameter is a list."""
    declared = PARAMETERS[parameter]
    if allowed := declared.get("AllowedValues"):
        return value in [str(one) for one in allowed]
    if "MaxValue" in declared:
        return value.isdigit() and declared["MinValue"] <= int(value) <= declared["MaxValue"]
    items = value.split(",") if declared["Type"] == "CommaDelimitedList" else [value]
    return all(re.fullmatch(declared["AllowedPattern"], item) for item in items)


def test_every_parameter_says_what_it_is_and_has_a_default_that_it_takes() -> None:
    for name, declared in PARAMETERS.items():
        assert declared["Description"], name
        assert accepted(name, str(declared["Default"])), name


def test_the_console_asks_for_every_parameter_in_a_group() -> None:
    groups = source()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(PARAMETERS)


def test_the_documentation_lists_every_parameter_with_its_default() -> None:
    page = (ROOT / "docs/deploying.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", page, re.MULTILINE)
    written = {
        name: "" if default in {"none", "every repository", "no demand"} else default.strip("`")
        for name, default in rows
    }
    assert written == {name: str(one["Default"]) for name, one in PARAMETERS.items()}


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_parameter_changes_what_is_deployed_and_names_nothing_that_is_not(parameter: str) -> None:
    given = OTHER[parameter]
    default = {name: value for name, value in given.items() if name != parameter}
    assert all(accepted(name, value) for name, value in given.items())
    assert broken_rules(given) == []
    changed, unchanged = deployed(given), Stack(default)
    if parameter == "EndpointType":
        unchanged = Stack()
    assert (whole(changed), outputs(changed)) != (whole(unchanged), outputs(unchanged))


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_what_changes_the_function_publishes_a_version_or_the_alias_serves_the_old_one(
    parameter: str,
) -> None:
    # Of a function, only what its next version holds: not what counts for all its versions.
    def published(stack: Stack) -> tuple[dict[str, Any], str]:
        (version,) = [
            one["Properties"]
            for one in stack.resources("AWS::Lambda::Version").values()
            if one["Properties"]["FunctionName"] == stack.ref("VendFunction")
        ]
        function = stack.properties("VendFunction")
        function.pop("ReservedConcurrentExecutions", None)
        return function, version["Description"]

    function, description = published(deployed(OTHER[parameter]))
    before, described = published(Stack())
    assert (function != before) is (description != described)


@pytest.mark.parametrize("given", [{}, *OTHER.values()])
def test_a_versions_description_fits_lambda_even_with_the_longest_names(
    given: dict[str, str],
) -> None:
    # A vended role's name has 64 characters at most, so a stack's has 51; CloudFormation adds a
    # suffix of 13 characters to the names it makes up, and a key's id has 36.
    stack = Stack(given, name="s" * 51)
    descriptions = stack.descriptions()
    assert set(descriptions) == {"VendFunction", "RevokeFunction", "AuditFunction"}
    for made_up in descriptions.values():
        for logical, length in (
            ("TokenKey", 36),
            ("PolicyApplication", 7),
            ("PolicyEnvironment", 7),
            ("PolicyProfile", 7),
        ):
            made_up = made_up.replace(stack.ref(logical), "x" * length)  # noqa: PLW2901
        assert len(made_up) <= 256


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"EndpointType": "PRIVATE"}, "needs VpcEndpointIds"),
        ({"VpcEndpointIds": "vpce-0123456789abcdef0"}, "limit nothing"),
        (ENDPOINTS | NAMED, "PRIVATE has no DomainName"),
        (ENDPOINTS | {"WebAclArn": WEB_ACL}, "PRIVATE has no WebAclArn"),
        ({"DomainName": "ecr-vend.example.com"}, "DomainName needs CertificateArn"),
        ({"CertificateArn": CERTIFICATE}, "without DomainName"),
        ({"HostedZoneId": "Z0123456789ABCDEFGHIJ"}, "without DomainName"),
        ({"ArchiveBucketName": "ecr-vend-archive"}, "needs ArchiveKeyArn"),
        ({"ArchiveKeyArn": KEY}, "without ArchiveBucketName"),
        ({"ArchiveKeyArn": KEY, "ArchiveBucketName": "none"}, "without ArchiveBucketName"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused_before_anything_is_made(
    given: dict[str, str], words: str
) -> None:
    (said,) = broken_rules(given)
    assert words in said


@pytest.mark.parametrize(
    ("parameter", "value", "good"),
    [
        ("AllowedAccounts", "111122223333", True),
        ("AllowedAccounts", "*", False),
        ("AllowedAccounts", "arn:aws:iam::111122223333:root", False),
        ("AllowedAccounts", "11112222333", False),
        ("OrganizationId", "o-a1b2c3d4e5", True),
        ("OrganizationId", "*", False),
        ("RepositoryPrefixes", "payments/", True),
        ("RepositoryPrefixes", "payments/api", True),
        ("RepositoryPrefixes", "payments/*", False),
        ("RepositoryPrefixes", "/payments", False),
        ("RepositoryPrefixes", "Payments/", False),
        ("RepositoryPrefixes", "${aws:userid}/", False),
        ("AlarmTopicArn", "arn:aws:sns:eu-west-1:111122223333:alarms", True),
        ("AlarmTopicArn", "arn:aws:sns:eu-west-1:111122223333:*", False),
        ("AlarmTopicArn", "arn:aws:lambda:eu-west-1:111122223333:function:f", False),
        ("Registries", f"{EU},arn:aws:iam::777788889999:role/a.b.us-east-1", True),
        ("Registries", f"{EU}*", False),
        ("Registries", "arn:aws:iam::444455556666:role/*", False),
        ("Registries", "arn:aws:iam::*:role/ecr-vend.eu.eu-central-1", False),
        ("Registries", f"{EU}-pull", False),
        ("Registries", "arn:aws:iam::444455556666:role/Administrator", False),
        ("ArchiveBucketName", "none", True),
        ("ArchiveBucketName", "*", False),
        ("ArchiveBucketName", "ecr-vend/other", False),
        ("ArchiveKeyArn", "*", False),
        ("ArchiveMode", "NONE", False),
        ("ArchiveRetentionDays", "0", False),
        ("ArchiveBatchDays", "1", False),
        ("EndpointType", "EDGE", False),
        ("VpcEndpointIds", "vpce-0123456789abcdef0,vpce-01234567", True),
        ("VpcEndpointIds", "vpce-*", False),
        ("VpcEndpointIds", "vpc-0123456789abcdef0", False),
        ("DomainName", "*.example.com", False),
        ("DomainName", "https://ecr-vend.example.com", False),
        ("DomainName", "localhost", False),
        ("WebAclArn", WEB_ACL.replace("regional", "global"), False),
        ("KmsKeyArn", "arn:aws:kms:eu-west-1:111122223333:alias/ours", False),
        ("PermissionsBoundaryArn", "arn:aws:iam::aws:policy/PowerUserAccess", True),
        ("PermissionsBoundaryArn", "arn:aws:iam::111122223333:role/ours", False),
        ("MaxTokenLifetime", "59", False),
        # STS gives a chained role an hour at most.
        ("MaxTokenLifetime", "3601", False),
        ("ThrottleRate", "0", False),
        ("LogRetentionDays", "7", False),
    ],
)
def test_a_parameter_takes_nothing_that_would_widen_what_it_limits(
    parameter: str, value: str, *, good: bool
) -> None:
    assert accepted(parameter, value) is good


def test_a_throttle_and_a_reserve_are_those_that_were_given() -> None:
    given = {"ThrottleRate": "50", "ThrottleBurst": "500", "ReservedConcurrency": "40"}
    stack = Stack(given)
    (stage,) = stack.resources("AWS::ApiGateway::Stage").values()
    (settings,) = stage["Properties"]["MethodSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == ("50", "500")
    assert stack.properties("VendFunction")["ReservedConcurrentExecutions"] == "40"
    assert "ReservedConcurrentExecutions" not in Stack().properties("VendFunction")


def test_snapshots_are_of_published_versions_and_only_when_asked_for() -> None:
    assert Stack().properties("VendFunction")["SnapStart"] == {"ApplyOn": "None"}
    asked = Stack({"SnapStart": "PublishedVersions"}).properties("VendFunction")
    assert asked["SnapStart"] == {"ApplyOn": "PublishedVersions"}


def test_a_boundary_is_on_every_role_but_the_vended_ones_whose_own_is_stricter() -> None:
    stack = Stack({"PermissionsBoundaryArn": BOUNDARY, "ApiGatewayLogRole": "create"})
    boundaries = {
        name: one["Properties"].get("PermissionsBoundary")
        for name, one in stack.resources("AWS::IAM::Role").items()
    }
    vended = {
        f"{access}Role": stack.ref(f"{access}Boundary")
        for access in ("Pull", "Push", "PullThrough")
    }
    assert boundaries == {name: vended.get(name, BOUNDARY) for name in boundaries}
    assert vended.keys() < boundaries.keys()
    own = Stack().resources("AWS::IAM::Role")
    assert {name for name, one in own.items() if "PermissionsBoundary" in one["Properties"]} == set(
        vended
    )


def test_a_key_of_ones_own_takes_the_place_of_the_stacks_everywhere() -> None:
    stack = Stack({"KmsKeyArn": KEY})
    made = stack.resources("AWS::KMS::Key")
    assert set(made) == {"ArchiveKey", "SealKey", "TokenKey"}
    assert stack.properties("LedgerTable")["SSESpecification"]["KMSMasterKeyId"] == KEY
    groups = stack.resources("AWS::Logs::LogGroup").values()
    assert {one["Properties"]["KmsKeyId"] for one in groups} == {KEY}


def test_the_stacks_key_is_kept_when_another_takes_its_place() -> None:
    # What was written with it stays legible.
    key = Stack().resource("LedgerKey")
    assert key["DeletionPolicy"] == "Retain"


def test_sam_leaves_the_rules_and_the_groups_where_cloudformation_reads_them() -> None:
    done = translate(source())
    assert done["Rules"] == source()["Rules"]
    assert done["Metadata"]["AWS::CloudFormation::Interface"]

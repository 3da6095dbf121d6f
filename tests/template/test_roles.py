"""What each role may do, and what no session of a vended role ever can."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.iam.evaluator import Policies, Request, evaluate, statements
from tools.template.stack import ACCOUNT, Stack
from vending.denies import document
from vending.revocations import Kind, Revocation
from vending.vend_ids import new_vend_id

PULL = {
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:ListImages",
}
PUSH = PULL | {
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
}
PULL_THROUGH = PULL | {"ecr:BatchImportUpstreamImage", "ecr:CreateRepository"}
VENDED = {"Pull": PULL, "Push": PUSH, "PullThrough": PULL_THROUGH}
NEVER = {
    "ecr:BatchDeleteImage",
    "ecr:DeleteRepository",
    "ecr:DescribeRepositories",
    "ecr:PutLifecyclePolicy",
    "ecr:ReplicateImage",
    "ecr:SetRepositoryPolicy",
    "s3:GetObject",
    "sts:AssumeRole",
    "kms:Decrypt",
}
MINT = "ecr:GetAuthorizationToken"
FUNCTIONS = [
    "ArchiveFunctionRole",
    "AuditFunctionRole",
    "PolicyValidatorFunctionRole",
    "ProberFunctionRole",
    "ReconcilerFunctionRole",
    "RevokeFunctionRole",
    "SealFunctionRole",
    "VendFunctionRole",
]


def listed(value: str | list[str]) -> list[str]:
    """Return a policy element as the list it may stand for."""
    return [value] if isinstance(value, str) else value


def own_policies(stack: Stack, role: str) -> list[dict[str, Any]]:
    """Return every identity policy of a role: inline, attached by the policy or by the role."""
    properties = stack.properties(role)
    attached = set(properties.get("ManagedPolicyArns", []))
    inline = [one["PolicyDocument"] for one in properties.get("Policies", [])]
    apart = [
        one["Properties"]["PolicyDocument"]
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for one in stack.resources(kind).values()
        if stack.ref(role) in one["Properties"].get("Roles", [])
    ]
    managed = {
        stack.attribute(logical, "Arn"): one["Properties"]["PolicyDocument"]
        for logical, one in stack.resources("AWS::IAM::ManagedPolicy").items()
    }
    return inline + apart + [managed[arn] for arn in sorted(attached)]


def granted(stack: Stack, role: str) -> dict[tuple[str, str], Any]:
    """Return what a role's policies allow: action and resource, with the condition on it."""
    return {
        (action, resource): one.get("Condition")
        for policy in own_policies(stack, role)
        for one in statements(policy)
        if one["Effect"] == "Allow"
        for action in listed(one["Action"])
        for resource in listed(one["Resource"])
    }


def reading_the_policy(stack: Stack) -> dict[tuple[str, str], Any]:
    """Return what reading the document that serves takes, as `granted` tells it."""
    application, environment, profile = (
        stack.ref(name) for name in ("PolicyApplication", "PolicyEnvironment", "PolicyProfile")
    )
    policy = stack.arn(
        "appconfig",
        f"application/{application}/environment/{environment}/configuration/{profile}",
    )
    actions = ("StartConfigurationSession", "GetLatestConfiguration")
    return {(f"appconfig:{action}", policy): None for action in actions}


def using_the_ledgers_key(stack: Stack) -> dict[tuple[str, str], Any]:
    """Return what DynamoDB does with the ledger's key in a role's name, as `granted` tells it."""
    key = stack.attribute("LedgerKey", "Arn")
    through = {"StringEquals": {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}}
    return {
        ("kms:Decrypt", key): through,
        ("kms:DescribeKey", key): through,
        ("kms:Encrypt", key): through,
        ("kms:GenerateDataKey", key): through,
        ("kms:GenerateDataKeyWithoutPlaintext", key): through,
        ("kms:ReEncryptFrom", key): through,
        ("kms:ReEncryptTo", key): through,
    }


def role_policies(stack: Stack, access: str, resource: Any = None) -> Policies:
    """Return all that limits a session of a vended role."""
    role = stack.properties(f"{access}Role")
    assert role["PermissionsBoundary"] == stack.attribute(f"{access}Boundary", "Arn")
    boundary = stack.properties(f"{access}Boundary")["PolicyDocument"]
    own = tuple(own_policies(stack, f"{access}Role"))
    return Policies(identity=own, boundary=boundary, resource=resource)


def session(stack: Stack, access: str, action: str, resource: str) -> Request:
    """Return a request by a session of a vended role."""
    return Request(action, resource, stack.attribute(f"{access}Role", "Arn"))


def repository(
    stack: Stack, name: str, *, region: str | None = None, account: str = ACCOUNT
) -> str:
    """Return the ARN of a repository, in this registry unless told otherwise."""
    return f"arn:{stack.partition}:ecr:{region or stack.region}:{account}:repository/{name}"


def test_the_vend_function_may_do_exactly_what_a_vend_needs() -> None:
    stack = Stack()
    roles = [stack.attribute(f"{access}Role", "Arn") for access in VENDED]
    log = stack.attribute("VendLogGroup", "Arn")
    assert granted(stack, "VendFunctionRole") == {
        **{("sts:AssumeRole", role): None for role in roles},
        **{("sts:SetSourceIdentity", role): None for role in roles},
        ("dynamodb:PutItem", stack.attribute("LedgerTable", "Arn")): None,
        ("dynamodb:UpdateItem", stack.attribute("BudgetTable", "Arn")): None,
        ("dynamodb:UpdateItem", stack.attribute("PersonKeyTable", "Arn")): None,
        ("dynamodb:ConditionCheckItem", stack.attribute("BlockTable", "Arn")): None,
        ("dynamodb:GetItem", stack.attribute("BlockTable", "Arn")): None,
        ("kms:GenerateMac", stack.attribute("TokenKey", "Arn")): None,
        **reading_the_policy(stack),
        ("logs:CreateLogStream", log): None,
        ("logs:PutLogEvents", log): None,
        **using_the_ledgers_key(stack),
    }


def test_the_revoking_function_may_do_exactly_what_a_revocation_needs() -> None:
    # Of IAM: new versions of these three policies, which can only take away. It assumes no role
    # here, passes none, and writes no other policy.
    stack = Stack()
    log = stack.attribute("RevokeLogGroup", "Arn")
    blocks = stack.attribute("BlockTable", "Arn")
    assert granted(stack, "RevokeFunctionRole") == {
        **{
            (f"iam:{action}PolicyVersion{plural}", stack.ref(f"{access}Revocations")): None
            for action, plural in (("Create", ""), ("Delete", ""), ("List", "s"))
            for access in VENDED
        },
        **{
            (f"dynamodb:{action}", blocks): None
            for action in ("DeleteItem", "GetItem", "PutItem", "Query")
        },
        ("dynamodb:PutItem", stack.attribute("LedgerTable", "Arn")): {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["revocation#*", "revocations#*"]}
        },
        ("dynamodb:UpdateItem", stack.attribute("PersonKeyTable", "Arn")): None,
        **reading_the_policy(stack),
        ("logs:CreateLogStream", log): None,
        ("logs:PutLogEvents", log): None,
        **using_the_ledgers_key(stack),
    }


def test_the_auditing_function_may_read_the_ledger_and_write_nothing_but_its_log() -> None:
    stack = Stack()
    found = granted(stack, "AuditFunctionRole")
    ledger, log = stack.attribute("LedgerTable", "Arn"), stack.attribute("AuditLogGroup", "Arn")
    indexes = {
        f"{ledger}/index/{name}" for name in ("by-caller", "by-outcome", "by-time", "by-token")
    }
    people = stack.attribute("PersonKeyTable", "Arn")
    assert {resource for action, resource in found if action == "dynamodb:Query"} == {
        ledger,
        *indexes,
        f"{people}/index/by-id",
    }
    assert {resource for action, resource in found if action == "dynamodb:GetItem"} == {people}
    assert {action for action, _ in found} == {
        "appconfig:GetLatestConfiguration",
        "appconfig:StartConfigurationSession",
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateMac",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:GetObjectVersion",
        "s3:ListBucketVersions",
    }
    assert {resource for action, resource in found if action.startswith("logs:")} == {log}
    key = stack.attribute("LedgerKey", "Arn")
    through = {"StringEquals": {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}}
    assert found["kms:Decrypt", key] == through
    assert ("kms:GenerateMac", stack.attribute("TokenKey", "Arn")) in found


@pytest.mark.parametrize("access", VENDED)
def test_a_vended_role_starts_with_nobody_denied_and_obeys_what_is_revoked(access: str) -> None:
    stack = Stack()
    logical = f"{access}Revocations"
    assert stack.ref(logical) in stack.properties(f"{access}Role")["ManagedPolicyArns"]
    first = stack.properties(logical)["PolicyDocument"]
    assert json.dumps(first, separators=(",", ":")) == document([], None)
    vend_id = new_vend_id(datetime(2026, 11, 23, tzinfo=UTC))
    revoked = Revocation(Kind.VEND, vend_id, "x", "", "", datetime(2026, 11, 23, tzinfo=UTC), "")
    own = (*own_policies(stack, f"{access}Role"), json.loads(document([revoked], None)))
    policies = Policies(
        identity=own,
        boundary=stack.properties(f"{access}Boundary")["PolicyDocument"],
        resource=_open_to_all(),
    )
    asked = session(stack, access, "ecr:BatchGetImage", repository(stack, "payments/api"))
    assert evaluate(policies, asked)
    verdict = evaluate(policies, replace(asked, session=vend_id))
    assert verdict.because == "explicit deny on the caller's side"


def test_the_validator_may_write_its_own_log_and_nothing_else() -> None:
    stack = Stack()
    log = stack.attribute("PolicyValidatorLogGroup", "Arn")
    assert granted(stack, "PolicyValidatorFunctionRole") == {
        ("logs:CreateLogStream", log): None,
        ("logs:PutLogEvents", log): None,
    }


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("{function}", True),
        ("{function}:7", True),
        ("arn:aws:lambda:eu-west-1:111122223333:function:somebodys", False),
        ("{function}-copy", False),
        (None, False),
    ],
)
@pytest.mark.parametrize(
    ("name", "action", "target"),
    [
        ("VendFunction", "sts:AssumeRole", "PullRole"),
        ("VendFunction", "sts:SetSourceIdentity", "PushRole"),
        ("VendFunction", "dynamodb:PutItem", "LedgerTable"),
        ("VendFunction", "kms:GenerateMac", "TokenKey"),
        ("RevokeFunction", "iam:CreatePolicyVersion", "PullRevocations"),
        ("RevokeFunction", "dynamodb:DeleteItem", "BlockTable"),
        ("AuditFunction", "dynamodb:Query", "LedgerTable"),
        ("AuditFunction", "dynamodb:GetItem", "PersonKeyTable"),
        ("AuditFunction", "kms:GenerateMac", "TokenKey"),
        # The vending function believes whoever may invoke it: an event is any caller's.
        ("ProberFunction", "lambda:InvokeFunction", "VendFunctionAliaslive"),
        ("ReconcilerFunction", "dynamodb:PutItem", "LedgerTable"),
    ],
)
def test_a_functions_role_passed_to_other_code_gains_nothing(
    name: str, action: str, target: str, source: str | None, *, allowed: bool
) -> None:
    stack = Stack()
    role = stack.attribute(f"{name}Role", "Arn")
    function = stack.attribute(name, "Arn")
    context = {"lambda:SourceFunctionArn": source and source.format(function=function)}
    # The trust of a vended role names this role, which alone would be enough in one account.
    trust = None
    if target.endswith("Role"):
        trust = stack.properties(target)["AssumeRolePolicyDocument"]
        context |= {
            "sts:RoleSessionName": new_vend_id(datetime.now(UTC)),
            "sts:SourceIdentity": "x",
        }
    request = Request(action, stack.attribute(target, "Arn"), role, context=context)
    own = tuple(own_policies(stack, f"{name}Role"))
    assert bool(evaluate(Policies(identity=own, resource=trust), request)) is allowed


@pytest.mark.parametrize("name", ["Vend", "Revoke", "Audit", "Reconciler"])
def test_what_lambda_and_dynamodb_do_in_the_roles_name_names_no_function(name: str) -> None:
    stack = Stack()
    own = tuple(own_policies(stack, f"{name}FunctionRole"))
    role = stack.attribute(f"{name}FunctionRole", "Arn")
    group = stack.attribute(f"{name}LogGroup", "Arn").removesuffix("*")
    log = Request("logs:PutLogEvents", f"{group}log-stream:x", role)
    assert evaluate(Policies(identity=own), log)
    through = {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}
    key = Request("kms:Decrypt", stack.attribute("LedgerKey", "Arn"), role, context=through)
    assert evaluate(Policies(identity=own), key)


# CodeDeploy's deployment groups have names that only it knows.
@pytest.mark.parametrize("role", sorted(set(FUNCTIONS) - {"ProberFunctionRole"}))
def test_no_function_is_granted_a_wildcard(role: str) -> None:
    stack = Stack()
    for action, resource in granted(stack, role):
        assert "*" not in action
        # A log group's ARN ends in `:*`, which means its own streams; a bucket's objects in `/*`.
        own = "/*" if resource.startswith("arn:aws:s3:::") else ":*"
        assert "*" not in resource.removesuffix(own), resource


@pytest.mark.parametrize("role", FUNCTIONS)
def test_only_lambda_takes_on_a_functions_role(role: str) -> None:
    (trust,) = Stack().properties(role)["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert trust["Action"] == "sts:AssumeRole"


def test_each_function_has_a_role_of_its_own() -> None:
    stack = Stack()
    functions = stack.resources("AWS::Lambda::Function")
    assert {name: one["Properties"]["Role"] for name, one in functions.items()} == {
        name: stack.attribute(f"{name}Role", "Arn") for name in functions
    }


@pytest.mark.parametrize("access", VENDED)
def test_a_vended_role_trusts_the_vend_function_alone(access: str) -> None:
    stack = Stack()
    vend = {"AWS": stack.attribute("VendFunctionRole", "Arn")}
    trust = stack.properties(f"{access}Role")["AssumeRolePolicyDocument"]["Statement"]
    assert [(one["Effect"], one["Principal"], one["Action"]) for one in trust] == [
        ("Allow", vend, "sts:AssumeRole"),
        ("Allow", vend, "sts:SetSourceIdentity"),
    ]


@pytest.mark.parametrize("access", VENDED)
@pytest.mark.parametrize(
    ("name", "source_identity", "allowed"),
    [
        ("v-01jd8w0123456789abcdefghjk", "ci@111122223333+0123456789abcdef", True),
        ("v-01jd8w0123456789abcdefghjk", None, False),
        ("v-01jd8w0123456789abcdefghjk", "", False),
        ("v-short", "ci@111122223333+0123456789abcdef", False),
        ("x-01jd8w0123456789abcdefghjk", "ci@111122223333+0123456789abcdef", False),
        (None, "ci@111122223333+0123456789abcdef", False),
    ],
)
def test_no_session_starts_without_a_vend_id_and_a_source_identity(
    access: str, name: str | None, source_identity: str | None, *, allowed: bool
) -> None:
    stack = Stack()
    request = Request(
        "sts:AssumeRole",
        stack.attribute(f"{access}Role", "Arn"),
        stack.attribute("VendFunctionRole", "Arn"),
        context={"sts:RoleSessionName": name, "sts:SourceIdentity": source_identity},
    )
    trust = stack.properties(f"{access}Role")["AssumeRolePolicyDocument"]
    assert bool(evaluate(Policies(resource=trust), request)) is allowed


def test_the_trust_fits_the_vend_ids_that_are_made() -> None:
    stack = Stack()
    trust, _ = stack.properties("PullRole")["AssumeRolePolicyDocument"]["Statement"]
    pattern = trust["Condition"]["StringLike"]["sts:RoleSessionName"]
    made = new_vend_id(datetime(2026, 11, 23, tzinfo=UTC))
    assert pattern.startswith("v-")
    assert set(pattern[2:]) == {"?"}
    assert (made[:2], len(made)) == ("v-", len(pattern))


@pytest.mark.parametrize("access", VENDED)
def test_a_session_of_a_vended_role_lasts_an_hour_at_most(access: str) -> None:
    assert Stack().properties(f"{access}Role")["MaxSessionDuration"] == 3600


@pytest.mark.parametrize("access", VENDED)
def test_a_vended_role_is_granted_exactly_its_actions(access: str) -> None:
    stack = Stack()
    here = repository(stack, "*")
    assert set(granted(stack, f"{access}Role")) == {
        (MINT, "*"),
        *((action, here) for action in VENDED[access]),
    }


@pytest.mark.parametrize("access", VENDED)
def test_a_vended_role_may_do_what_it_is_for(access: str) -> None:
    stack = Stack({"RepositoryPrefixes": "payments/,base/"})
    policies = role_policies(stack, access)
    assert evaluate(policies, session(stack, access, MINT, "*"))
    for action in VENDED[access]:
        for name in ("payments/api", "base/python"):
            assert evaluate(policies, session(stack, access, action, repository(stack, name)))


@pytest.mark.parametrize("access", VENDED)
@pytest.mark.parametrize("action", sorted(PUSH | PULL_THROUGH | NEVER))
def test_what_a_role_is_not_for_is_denied_even_where_a_repository_policy_names_the_session(
    access: str, action: str
) -> None:
    stack = Stack()
    target = repository(stack, "payments/api")
    policies = role_policies(stack, access, resource=_open_to_all())
    verdict = evaluate(policies, session(stack, access, action, target))
    assert bool(verdict) is (action in VENDED[access])
    if action not in VENDED[access]:
        assert verdict.because == "explicit deny on the caller's side"


@pytest.mark.parametrize("access", VENDED)
@pytest.mark.parametrize(
    "elsewhere",
    [
        {"region": "eu-central-1"},
        {"account": "444455556666"},
        {"region": "us-east-1", "account": "444455556666"},
    ],
)
def test_another_registry_is_denied_even_where_its_policy_names_the_session(
    access: str, elsewhere: dict[str, str]
) -> None:
    stack = Stack({"RepositoryPrefixes": "payments/"})
    policies = role_policies(stack, access, resource=_open_to_all())
    for action in VENDED[access]:
        target = repository(stack, "payments/api", **elsewhere)
        verdict = evaluate(policies, session(stack, access, action, target))
        assert verdict.because == "explicit deny on the caller's side"


@pytest.mark.parametrize("access", VENDED)
@pytest.mark.parametrize("name", ["other/api", "paymentsx/api", "my/payments/api", "base"])
def test_a_repository_outside_the_prefixes_is_denied_even_where_its_policy_names_the_session(
    access: str, name: str
) -> None:
    stack = Stack({"RepositoryPrefixes": "payments/,base/"})
    policies = role_policies(stack, access, resource=_open_to_all())
    for action in VENDED[access]:
        verdict = evaluate(policies, session(stack, access, action, repository(stack, name)))
        assert verdict.because == "explicit deny on the caller's side"


def _open_to_all() -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
    }


@pytest.mark.parametrize("access", VENDED)
def test_a_lost_boundary_or_a_lost_policy_leaves_every_deny_standing(access: str) -> None:
    stack = Stack({"RepositoryPrefixes": "payments/"})
    both = role_policies(stack, access, resource=_open_to_all())
    target = session(stack, access, "ecr:BatchDeleteImage", repository(stack, "payments/api"))
    for left in (
        Policies(identity=both.identity, resource=both.resource),
        Policies(boundary=both.boundary, resource=both.resource),
    ):
        assert not evaluate(left, target)


@pytest.mark.parametrize("access", VENDED)
def test_without_prefixes_every_repository_of_this_registry_is_within_reach(access: str) -> None:
    stack = Stack()
    policies = role_policies(stack, access)
    for name in ("a2", "team/app", "team/deep/app"):
        target = repository(stack, name)
        assert evaluate(policies, session(stack, access, "ecr:BatchGetImage", target))


@pytest.mark.parametrize(
    ("partition", "region", "suffix"),
    [
        ("aws-cn", "cn-north-1", "amazonaws.com.cn"),
        ("aws-us-gov", "us-gov-west-1", "amazonaws.com"),
    ],
)
@pytest.mark.parametrize("access", VENDED)
def test_a_vended_role_works_in_every_partition(
    access: str, partition: str, region: str, suffix: str
) -> None:
    stack = Stack({"RepositoryPrefixes": "payments/,base/"}, partition, region, suffix)
    policies = role_policies(stack, access)
    for name in ("payments/api", "base/python"):
        here = repository(stack, name)
        assert evaluate(policies, session(stack, access, "ecr:BatchGetImage", here))
    other = repository(stack, "other/api")
    assert not evaluate(policies, session(stack, access, "ecr:BatchGetImage", other))


def test_there_are_no_roles_but_these() -> None:
    vended = {f"{access}Role" for access in VENDED}
    functions = {f"{name}Role" for name in Stack().resources("AWS::Lambda::Function")}
    assert set(Stack().resources("AWS::IAM::Role")) == vended | functions | {"ReleaseRole"}

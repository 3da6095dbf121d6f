"""An account as the templates make it, for the doctor: sound, until a test spoils one thing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tools.template.stack import Stack
from tools.template.translation import registry_template
from vendctl.doctor.account import (
    Account,
    Asked,
    FunctionRole,
    Place,
    Repository,
    VendedRole,
)
from vendctl.doctor.documents import Document, document
from vendctl.doctor.examination import findings_of
from vendctl.doctor.resource_policies import REPOSITORY
from vendctl.doctor.sound import kind_of
from vending.access import Access

if TYPE_CHECKING:
    from collections.abc import Callable

    from vendctl.doctor.findings import Finding

Body = dict[str, Any]

IDS = {access: f"AROA{kind_of(access).upper():0<17}" for access in Access}


def asked_of(stack: Stack) -> Asked:
    """Return what the doctor knows beforehand of a deployed template."""
    own = "VendFunctionRole" in stack.template["Resources"]
    function = stack.attribute("VendFunction", "Arn") if own else ""
    role = stack.attribute("VendFunctionRole", "Arn") if own else stack.ref("VendFunctionRoleArn")
    prefixes = tuple(filter(None, stack.ref("RepositoryPrefixes")))
    return Asked(
        Place(stack.partition, stack.region, stack.account),
        {access: stack.properties(f"{kind_of(access)}Role")["RoleName"] for access in Access},
        str(role),
        prefixes,
        {access: stack.ref(f"{kind_of(access)}Revocations") for access in Access},
        function,
    )


def managed(stack: Stack, logical: str, kind: str, where: str) -> Document:
    """Return a managed policy of the template, attached to one role."""
    body = stack.properties(logical)["PolicyDocument"]
    return document(kind, where, stack.attribute(logical, "Arn"), body, alone=True)


def role_of(stack: Stack, access: Access) -> VendedRole:
    """Return a vended role as a template makes it."""
    kind = kind_of(access)
    properties = stack.properties(f"{kind}Role")
    arn = stack.attribute(f"{kind}Role", "Arn")
    own = {
        stack.attribute(f"{kind}{one}", "Arn"): f"{kind}{one}"
        for one in ("Boundary", "Revocations")
    }
    policies = tuple(
        managed(stack, own[policy], "managed policy", arn)
        for policy in properties["ManagedPolicyArns"]
    )
    (boundary,) = (one for one in policies if one.name == properties["PermissionsBoundary"])
    return VendedRole(
        access,
        arn,
        IDS[access],
        properties["MaxSessionDuration"],
        document("trust", arn, "trust", properties["AssumeRolePolicyDocument"]),
        policies,
        boundary,
    )


def function_role_of(stack: Stack) -> FunctionRole:
    """Return the vending function's role as the template makes it."""
    arn = stack.attribute("VendFunctionRole", "Arn")
    trust = stack.properties("VendFunctionRole")["AssumeRolePolicyDocument"]
    inline = [
        one["Properties"]
        for one in stack.resources("AWS::IAM::Policy").values()
        if stack.ref("VendFunctionRole") in one["Properties"]["Roles"]
    ]
    return FunctionRole(
        arn,
        document("trust", arn, "trust", trust),
        tuple(
            document("inline policy", arn, one["PolicyName"], one["PolicyDocument"])
            for one in inline
        ),
    )


def account_of(stack: Stack) -> Account:
    """Return an account with a template's roles and two repositories."""
    own = "VendFunctionRole" in stack.template["Resources"]
    return Account(
        tuple(role_of(stack, access) for access in Access),
        function_role_of(stack) if own else None,
        repositories=(Repository("payments/api", mutable=False), Repository("a2", mutable=False)),
    )


STACK = Stack({"RepositoryPrefixes": "payments/,base/"})
ASKED = asked_of(STACK)
SOUND = account_of(STACK)
PULL, PUSH, PULL_THROUGH = SOUND.roles
ELSEWHERE = Stack(
    {"RegistryName": "eu", "VendFunctionRoleArn": ASKED.function_role},
    region="eu-central-1",
    template=registry_template(),
    account="444455556666",
)


def allow(principal: object, *actions: str, condition: Body | None = None) -> Body:
    """Return a statement of a resource's policy that allows; everything of ECR by default."""
    body: Body = {"Effect": "Allow", "Principal": principal, "Action": list(actions) or "ecr:*"}
    return body | ({"Condition": condition} if condition else {})


def policy(*statements: Body, kind: str = REPOSITORY) -> Document:
    """Return the policy of a repository."""
    body = {"Version": "2012-10-17", "Statement": list(statements)}
    return document(kind, ASKED.place.repository("payments/api"), "payments/api", body)


def with_policy(*statements: Body, account: Account = SOUND, kind: str = REPOSITORY) -> Account:
    """Return an account whose one repository has a policy."""
    return replace(account, policies=(policy(*statements, kind=kind),))


def with_role(change: Callable[[VendedRole], VendedRole], access: Access = Access.PULL) -> Account:
    """Return the sound account with one vended role changed."""
    roles = tuple(change(one) if one.access is access else one for one in SOUND.roles)
    return replace(SOUND, roles=roles)


def stripped(role: VendedRole, *sids: str) -> VendedRole:
    """Return a role whose policies and boundary have lost statements, by their Sid."""

    def left(one: Document) -> Document:
        return replace(one, statements=tuple(s for s in one.statements if s.sid not in sids))

    boundary = left(role.boundary) if role.boundary else None
    return replace(role, policies=tuple(map(left, role.policies)), boundary=boundary)


def inline(*statements: Body, name: str = "more") -> Document:
    """Return an inline policy of the pulling role."""
    return document("inline policy", PULL.arn, name, {"Statement": list(statements)})


def found(account: Account, asked: Asked = ASKED, **more: Any) -> list[Finding]:
    """Return what the doctor finds."""
    return list(findings_of(account, asked, **more))


def codes(account: Account, asked: Asked = ASKED) -> dict[str, str]:
    """Return the severity of each code that the doctor finds; a code's worst."""
    return {one.code: str(one.severity) for one in reversed(found(account, asked))}

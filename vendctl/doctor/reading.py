"""Reads what is to be examined of an account, by calls of which none changes anything."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from vendctl.doctor.account import Account, FunctionRole, Repository, VendedRole
from vendctl.doctor.resource_policies import REGISTRY, REPOSITORY, TEMPLATE
from vending.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vendctl.doctor.account import Asked
    from vendctl.doctor.asking import Reader
    from vendctl.doctor.documents import Document
    from vending.access import Access

RIGHTS = (
    "cloudformation:DescribeStacks",
    "cloudformation:ListStackResources",
    "ecr:DescribePullThroughCacheRules",
    "ecr:DescribeRegistry",
    "ecr:DescribeRepositories",
    "ecr:DescribeRepositoryCreationTemplates",
    "ecr:GetRegistryPolicy",
    "ecr:GetRepositoryPolicy",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:ListRoles",
    "servicequotas:ListAWSDefaultServiceQuotas",
    "servicequotas:ListServiceQuotas",
)
"""Every right that reading takes; `sts:GetCallerIdentity` besides, which nobody can be denied."""

AWSS_OWN = "aws"
"""In place of the account, in the ARN of a policy that AWS wrote."""

NO_POLICY = ("RepositoryPolicyNotFoundException", "RepositoryNotFoundException")
NO_REGISTRY_POLICY = ("RegistryPolicyNotFoundException",)


def account_of(reader: Reader, asked: Asked, repositories: str) -> Account:
    """Return all that is to be examined.

    Args:
        reader: Asks, and keeps what it was refused.
        asked: Which registry.
        repositories: A pattern for the names of those to examine.
    """
    own = [(asked.roles[access], access) for access in asked.roles]
    roles = reader.each("roles", own, lambda one: vended_role(reader, asked, *one))
    here = asked.function_role.split(":")[4] == asked.place.account
    function = function_role(reader, asked.function_role) if here else None
    trusts = other_trusts(reader, {one.arn for one in roles} | {asked.function_role})
    found, _ = reader.pages("ecr", "describe_repositories", "the registry", "repositories")
    kept = [one for one in found if matches(repositories, one["repositoryName"])]
    of_repositories = reader.each(
        "repository policies", kept, lambda one: repository_policy(reader, asked, one)
    )
    policies = [one for one in of_repositories if one]
    policies += registry_policies(reader, asked)
    rules, _ = reader.pages(
        "ecr", "describe_pull_through_cache_rules", "the registry", "pullThroughCacheRules"
    )
    return Account(
        tuple(roles),
        function,
        tuple(trusts),
        tuple(
            Repository(one["repositoryName"], one.get("imageTagMutability") == "MUTABLE")
            for one in kept
        ),
        tuple(policies),
        tuple(str(one["ecrRepositoryPrefix"]) for one in rules),
        replicas(reader),
        token_rate(reader) if asked.throttle is not None else None,
    )


def vended_role(reader: Reader, asked: Asked, name: str, access: Access) -> VendedRole:
    """Return a vended role, as far as it can be read."""
    place = asked.place
    unread = VendedRole(
        access, f"arn:{place.partition}:iam::{place.account}:role/{name}", complete=False
    )
    answer = reader.ask("iam", "get_role", unread.arn, RoleName=name)
    if answer is None:
        return unread
    role = answer["Role"]
    arn = str(role["Arn"])
    trust = reader.parsed(
        "trust", arn, "trust", role["AssumeRolePolicyDocument"], call="iam:GetRole"
    )
    policies, complete = policies_of(reader, name, arn)
    boundary = None
    if limit := (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"):
        attached = next((one for one in policies if one.name == limit), None)
        boundary = attached or managed(reader, "permissions boundary", arn, limit)
        complete = complete and boundary is not None
    return VendedRole(
        access,
        arn,
        str(role["RoleId"]),
        int(role.get("MaxSessionDuration", 3600)),
        trust,
        policies,
        boundary,
        complete,
    )


def function_role(reader: Reader, arn: str) -> FunctionRole | None:
    """Return the vending function's role, or None where it cannot be read."""
    name = arn.rpartition("/")[2]
    answer = reader.ask("iam", "get_role", arn, RoleName=name)
    if answer is None:
        return None
    given = answer["Role"]["AssumeRolePolicyDocument"]
    trust = reader.parsed("trust", arn, "trust", given, call="iam:GetRole")
    policies, complete = policies_of(reader, name, arn)
    return FunctionRole(arn, trust, policies, complete)


def policies_of(reader: Reader, name: str, arn: str) -> tuple[tuple[Document, ...], bool]:
    """Return the inline and attached policies of a role, and whether these are all."""
    names, all_inline = reader.pages("iam", "list_role_policies", arn, "PolicyNames", RoleName=name)
    attached, all_attached = reader.pages(
        "iam", "list_attached_role_policies", arn, "AttachedPolicies", RoleName=name
    )
    found = [inline(reader, name, arn, one) for one in names]
    found += [managed(reader, "managed policy", arn, str(one["PolicyArn"])) for one in attached]
    complete = all_inline and all_attached and None not in found
    return tuple(one for one in found if one), complete


def inline(reader: Reader, role: str, arn: str, name: str) -> Document | None:
    """Return an inline policy of a role."""
    answer = reader.ask("iam", "get_role_policy", arn, RoleName=role, PolicyName=name)
    if answer is None:
        return None
    given = answer["PolicyDocument"]
    return reader.parsed("inline policy", arn, name, given, call="iam:GetRolePolicy")


def managed(reader: Reader, kind: str, role: str, arn: str) -> Document | None:
    """Return the version of a managed policy that is in force."""
    answer = reader.ask("iam", "get_policy", arn, PolicyArn=arn)
    if answer is None:
        return None
    policy = answer["Policy"]
    version = reader.ask(
        "iam", "get_policy_version", arn, PolicyArn=arn, VersionId=policy["DefaultVersionId"]
    )
    if version is None:
        return None
    alone = (
        policy.get("AttachmentCount") == 1
        and policy.get("PermissionsBoundaryUsageCount", 0) <= 1
        and arn.split(":")[4] != AWSS_OWN
    )
    given = version["PolicyVersion"]["Document"]
    return reader.parsed(kind, role, arn, given, call="iam:GetPolicyVersion", alone=alone)


def other_trusts(reader: Reader, own: Iterable[str]) -> list[Document]:
    """Return the trust of every role of the account but those of the service."""
    found, _ = reader.pages("iam", "list_roles", "the account", "Roles")
    ours = set(own)
    trusts = [
        reader.parsed(
            "trust", str(one["Arn"]), "trust", one["AssumeRolePolicyDocument"], call="iam:ListRoles"
        )
        for one in found
        if one["Arn"] not in ours
    ]
    return [one for one in trusts if one]


def repository_policy(reader: Reader, asked: Asked, one: dict[str, Any]) -> Document | None:
    """Return a repository's policy, or None where it has none."""
    name = str(one["repositoryName"])
    where = asked.place.repository(name)
    answer = reader.ask("ecr", "get_repository_policy", where, NO_POLICY, repositoryName=name)
    if answer is None:
        return None
    return reader.parsed(
        REPOSITORY, where, name, answer["policyText"], call="ecr:GetRepositoryPolicy"
    )


def registry_policies(reader: Reader, asked: Asked) -> list[Document]:
    """Return the registry's own policy, and those that new repositories get."""
    registry = f"{asked.place.account}.dkr.ecr.{asked.place.region}"
    parsed = partial(reader.parsed, TEMPLATE, call="ecr:DescribeRepositoryCreationTemplates")
    answer = reader.ask("ecr", "get_registry_policy", registry, NO_REGISTRY_POLICY)
    found = [
        reader.parsed(
            REGISTRY, registry, REGISTRY, answer["policyText"], call="ecr:GetRegistryPolicy"
        )
        if answer
        else None
    ]
    templates, _ = reader.pages(
        "ecr",
        "describe_repository_creation_templates",
        registry,
        "repositoryCreationTemplates",
    )
    found += [
        parsed(f"creation template {one['prefix']}", str(one["prefix"]), one["repositoryPolicy"])
        for one in templates
        if one.get("repositoryPolicy")
    ]
    return [one for one in found if one]


def replicas(reader: Reader) -> tuple[str, ...]:
    """Return where the registry copies images to."""
    answer = reader.ask("ecr", "describe_registry", "the registry") or {}
    rules = answer.get("replicationConfiguration", {}).get("rules", [])
    places = [one for rule in rules for one in rule["destinations"]]
    return tuple(sorted({f"{one['registryId']} {one['region']}" for one in places}))


def token_rate(reader: Reader) -> float | None:
    """Return the quota of GetAuthorizationToken a second, AWS's default where none is set."""
    set_here: dict[str, dict[str, Any]] = {}
    for call in ("list_aws_default_service_quotas", "list_service_quotas"):
        found, _ = reader.pages("service-quotas", call, "ecr", "Quotas", ServiceCode="ecr")
        set_here |= {one["QuotaCode"]: one for one in found}
    rates = [
        float(one["Value"])
        for one in set_here.values()
        if "GetAuthorizationToken" in one["QuotaName"]
    ]
    return min(rates, default=None)

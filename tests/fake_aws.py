"""AWS as the doctor reads it: boto3's own clients, answered here instead of by a network.

Parameters, paging and errors are botocore's, so a call that AWS would not take fails here as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3

from tests.doctored import ASKED, SOUND, STACK
from vendctl.doctor.resource_policies import REGISTRY, REPOSITORY, TEMPLATE
from vendctl.doctor.sound import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vendctl.doctor.account import Account, FunctionRole, VendedRole
    from vendctl.doctor.documents import Document

PAGE = 2
"""How many things a page has: a reader that stops at the first is found out."""


class Absent(Exception):
    """There is no such thing; the message is AWS's code."""


@dataclass
class FakeAws:
    """One account.

    Attributes:
        account: What it has.
        refused: Operations that are answered with AWS's code, such as `GetRole`.
        broken: Texts of documents that are given in place of the real ones, by policy.
        calls: Every operation that was asked, with its service.
        parameters: Of the stack.
        quota: Of GetAuthorizationToken, a second.
    """

    account: Account = SOUND
    refused: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)
    parameters: Mapping[str, str] = field(
        default_factory=lambda: {"RepositoryPrefixes": "payments/,base/", "ThrottleRate": "20"}
    )
    quota: float = 500

    def session(self) -> boto3.Session:
        """Return a session whose clients ask this account."""
        made = shared_session()
        made.asked = self
        return made

    def answer(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        """Answer one call in place of the network: the response, and what it says."""
        service = model.service_model.signing_name
        self.calls.add(f"{service}:{model.name}")
        code = self.refused.get(model.name)
        try:
            answer = {} if code else getattr(self, f"_{service}_{model.name}")(context["asked"])
        except Absent as problem:
            code = str(problem)
        if code:
            error = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {}}
            return SimpleNamespace(status_code=400), error
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {}}

    @staticmethod
    def _page(items: list[Any], name: str, asked: Any, token: str, given: str) -> dict[str, Any]:
        start = int(asked.get(given, 0))
        more = {token: str(start + PAGE)} if start + PAGE < len(items) else {}
        if more and token == "Marker":
            more["IsTruncated"] = True  # type: ignore[assignment]
        return {name: items[start : start + PAGE], **more}

    def _iam_page(self, items: list[Any], name: str, asked: Any) -> dict[str, Any]:
        return {"IsTruncated": False, **self._page(items, name, asked, "Marker", "Marker")}

    def _sts_GetCallerIdentity(self, _: Any) -> dict[str, Any]:  # noqa: N802  AWS's names
        return {"Account": STACK.account, "Arn": f"arn:aws:iam::{STACK.account}:user/ana"}

    def _cloudformation_DescribeStacks(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        given = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()
        ]
        return {"Stacks": [{"StackName": asked["StackName"], "Parameters": given}]}

    def _cloudformation_ListStackResources(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        made = {f"{kind_of(access)}Role": name for access, name in ASKED.roles.items()}
        made |= {
            f"{kind_of(access)}Revocations": arn
            for access, arn in (ASKED.revocations or {}).items()
        }
        made["VendFunctionRole"] = ASKED.function_role.rpartition("/")[2]
        made["VendFunction"] = ASKED.function.rpartition(":")[2]
        listed = [
            {"LogicalResourceId": key, "PhysicalResourceId": value} for key, value in made.items()
        ]
        return self._page(listed, "StackResourceSummaries", asked, "NextToken", "NextToken")

    def _roles(self) -> dict[str, VendedRole | FunctionRole]:
        own: list[VendedRole | FunctionRole] = [*self.account.roles]
        own += [self.account.function_role] if self.account.function_role else []
        return {one.arn.rpartition("/")[2]: one for one in own}

    def _role(self, asked: Any) -> VendedRole | FunctionRole:
        if asked["RoleName"] not in self._roles():
            raise Absent("NoSuchEntity")
        return self._roles()[asked["RoleName"]]

    def _iam_GetRole(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        role = self._role(asked)
        told = {
            "Arn": role.arn,
            "RoleId": getattr(role, "role_id", "AROAFUNCTION"),
            "MaxSessionDuration": getattr(role, "longest", 3600),
            "AssumeRolePolicyDocument": on_the_wire(role.trust),
        }
        if boundary := getattr(role, "boundary", None):
            told["PermissionsBoundary"] = {"PermissionsBoundaryArn": boundary.name}
        return {"Role": told}

    def _iam_ListRolePolicies(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        names = [one.name for one in self._role(asked).policies if one.kind == "inline policy"]
        return self._iam_page(names, "PolicyNames", asked)

    def _iam_ListAttachedRolePolicies(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        arns = [one.name for one in self._role(asked).policies if one.kind == "managed policy"]
        return self._iam_page([{"PolicyArn": arn} for arn in arns], "AttachedPolicies", asked)

    def _iam_GetRolePolicy(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        (one,) = (p for p in self._role(asked).policies if p.name == asked["PolicyName"])
        return {"PolicyDocument": on_the_wire(one)}

    def _managed(self, arn: str) -> Document:
        documents = [p for one in self._roles().values() for p in one.policies]
        documents += [one.boundary for one in self.account.roles if one.boundary]
        return next(one for one in documents if one.name == arn)

    def _iam_GetPolicy(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        alone = self._managed(asked["PolicyArn"]).alone
        counts = {"AttachmentCount": 1 if alone else 3, "PermissionsBoundaryUsageCount": 1}
        return {"Policy": {"DefaultVersionId": "v3", **counts}}

    def _iam_GetPolicyVersion(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        assert asked["VersionId"] == "v3"
        arn = asked["PolicyArn"]
        return {
            "PolicyVersion": {"Document": self.broken.get(arn) or on_the_wire(self._managed(arn))}
        }

    def _iam_ListRoles(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        own = [(one.arn, on_the_wire(one.trust)) for one in self._roles().values()]
        others = [(one.where, on_the_wire(one)) for one in self.account.trusts]
        roles = [{"Arn": arn, "AssumeRolePolicyDocument": body} for arn, body in own + others]
        return self._iam_page(roles, "Roles", asked)

    def _ecr_DescribeRepositories(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        found = [
            {
                "repositoryName": one.name,
                "imageTagMutability": "MUTABLE" if one.mutable else "IMMUTABLE",
            }
            for one in self.account.repositories
        ]
        return self._page(found, "repositories", asked, "nextToken", "nextToken")

    def _policies(self, kind: str) -> list[Document]:
        return [one for one in self.account.policies if one.kind == kind]

    def _ecr_GetRepositoryPolicy(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        name = asked["repositoryName"]
        found = [one for one in self._policies(REPOSITORY) if one.name == name]
        if not found:
            raise Absent("RepositoryPolicyNotFoundException")
        return {"policyText": self.broken.get(name) or json.dumps(body_of(found[0]))}

    def _ecr_GetRegistryPolicy(self, _: Any) -> dict[str, Any]:  # noqa: N802
        found = self._policies(REGISTRY)
        if not found:
            raise Absent("RegistryPolicyNotFoundException")
        return {"policyText": json.dumps(body_of(found[0]))}

    def _ecr_DescribeRepositoryCreationTemplates(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        found = [
            {"prefix": one.name, "repositoryPolicy": json.dumps(body_of(one))}
            for one in self._policies(TEMPLATE)
        ]
        found.insert(0, {"prefix": "plain"})
        return self._page(found, "repositoryCreationTemplates", asked, "nextToken", "nextToken")

    def _ecr_DescribeRegistry(self, _: Any) -> dict[str, Any]:  # noqa: N802
        places = [one.split() for one in self.account.replicas]
        rule = {"destinations": [{"registryId": to, "region": where} for to, where in places]}
        return {"replicationConfiguration": {"rules": [rule] if places else []}}

    def _ecr_DescribePullThroughCacheRules(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        found = [{"ecrRepositoryPrefix": prefix} for prefix in self.account.pull_through]
        return self._page(found, "pullThroughCacheRules", asked, "nextToken", "nextToken")

    def _servicequotas_ListAWSDefaultServiceQuotas(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        return self._quotas(asked, 500)

    def _servicequotas_ListServiceQuotas(self, asked: Any) -> dict[str, Any]:  # noqa: N802
        return self._quotas(asked, self.quota)

    def _quotas(self, asked: Any, value: float) -> dict[str, Any]:
        names = ["Rate of BatchGetImage", "Images", "Rate of GetAuthorizationToken requests"]
        found = [
            {"QuotaCode": f"L-{number}", "QuotaName": name, "Value": value}
            for number, name in enumerate(names)
        ]
        return self._page(found, "Quotas", asked, "NextToken", "NextToken")


class Shared(boto3.Session):
    """One session, with one client of a service, for all tests: to make these takes longer.

    Attributes:
        asked: The account that answers.
    """

    asked: FakeAws

    def __init__(self) -> None:
        super().__init__("AKIAEXAMPLE", "secret", region_name=STACK.region)
        self.events.register("before-parameter-build.*.*", remember)
        # botocore's types say that a handler returns nothing; what this one returns is the answer.
        answer: Any = self._answer
        self.events.register("before-call.*.*", answer)
        self._made: dict[str, Any] = {}

    def _answer(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        return self.asked.answer(**given)

    def client(self, service_name: str, **given: Any) -> Any:  # type: ignore[override]
        """Return the client of a service."""
        if service_name not in self._made:
            made: Any = super().client
            self._made[service_name] = made(service_name, **given)
        return self._made[service_name]


@cache
def shared_session() -> Shared:
    """Return the one session."""
    return Shared()


def remember(params: Any, context: dict[str, Any], **_: Any) -> None:
    """Keep a call's parameters as they were given, for whoever answers."""
    context["asked"] = dict(params)


def on_the_wire(document: Document | None) -> str:
    """Return a document as IAM sends it."""
    return quote(json.dumps(body_of(document)))


def body_of(document: Document | None) -> dict[str, Any]:
    """Return a document as AWS gives it."""
    assert document
    statements = [dict(one.body) for one in document.statements]
    return {"Version": document.version, "Statement": statements}


def with_repositories(*names: str) -> Account:
    """Return the sound account with these repositories."""
    from vendctl.doctor.account import Repository

    return replace(SOUND, repositories=tuple(Repository(name, mutable=True) for name in names))

"""Whether the session of an assumed role may do something to a resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from tests.iam.conditions import as_values, conditions_hold, variables_of
from tests.iam.patterns import matches

Policy = Mapping[str, Any]
"""A policy document, as JSON reads it."""

NEGATABLE = ("Action", "Resource", "Principal")
ELEMENTS = {"Sid", "Effect", "Condition", *NEGATABLE, *(f"Not{name}" for name in NEGATABLE)}


@dataclass(frozen=True, slots=True)
class Request:
    """One call by the session of an assumed role.

    Attributes:
        action: `service:Name`.
        resource: The ARN acted on, or `*` where the action knows no resource.
        role: ARN of the role, path included.
        session: The name of the session.
        role_id: The role's unique id, `AROA…`.
        now: When the call is made.
        source_ip: Where from, or None (through a VPC endpoint the key is absent).
        context: More condition keys, or other values for those above; None takes a key away.
        account: The account that owns the resource; the role's own where None.
    """

    action: str
    resource: str
    role: str
    session: str = "v-0000"
    role_id: str = "AROAEXAMPLEEXAMPLE000"
    now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)
    source_ip: str | None = "203.0.113.7"
    context: Mapping[str, str | tuple[str, ...] | None] = field(default_factory=dict)
    account: str | None = None

    @property
    def role_account(self) -> str:
        """The account of the caller."""
        return self.role.split(":")[4]

    @property
    def session_arn(self) -> str:
        """The ARN of the principal: the role's path is not in it."""
        partition = self.role.split(":")[1]
        name = self.role.rpartition("/")[2]
        return f"arn:{partition}:sts::{self.role_account}:assumed-role/{name}/{self.session}"

    def keys(self) -> dict[str, tuple[str, ...]]:
        """Return the request's context by lower-case key (reference_policies_condition-keys)."""
        known: dict[str, str | tuple[str, ...] | None] = {
            "aws:PrincipalArn": self.role,
            "aws:PrincipalAccount": self.role_account,
            "aws:PrincipalType": "AssumedRole",
            "aws:userid": f"{self.role_id}:{self.session}",
            "aws:CurrentTime": self.now.isoformat(),
            "aws:EpochTime": str(int(self.now.timestamp())),
            "aws:SecureTransport": "true",
            "aws:SourceIp": self.source_ip,
        }
        return {
            key.lower(): (value,) if isinstance(value, str) else value
            for key, value in (known | dict(self.context)).items()
            if value is not None
        }


@dataclass(frozen=True, slots=True)
class Policies:
    """Every policy that has a say. None means there is no such policy, not an empty one."""

    identity: tuple[Policy, ...] = ()
    session: Policy | None = None
    boundary: Policy | None = None
    resource: Policy | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, true or false, and in a few words what decided it."""

    allowed: bool
    because: str

    def __bool__(self) -> bool:
        """Say whether the request is allowed."""
        return self.allowed


class Named(Enum):
    """How the Principal of a resource policy means the caller."""

    NOT = "not at all"
    ROLE = "as its role or account"
    SESSION = "as this very session, or as anybody"


def statements(policy: Policy) -> list[Mapping[str, Any]]:
    """Return the statements of a document; one may stand without a list.

    Raises:
        ValueError: A statement has an element or effect this evaluator does not know.
    """
    found = policy["Statement"]
    found = [found] if isinstance(found, Mapping) else found
    for statement in found:
        if set(statement) - ELEMENTS or statement["Effect"] not in {"Allow", "Deny"}:
            raise ValueError(f"not a statement: {statement}")
    return list(found)


def principal_names(principal: object, request: Request) -> Named:
    """Say how a Principal element means the caller.

    A wildcard is read as naming the session itself: AWS says that session policies and boundaries
    do not limit what is granted to `*` with a condition on `aws:PrincipalArn`. Wildcards inside an
    ARN are not allowed there and mean nobody. An account in a grant means its identities may be
    allowed; whether that suffices by itself is not said, so here it does, as for the role's ARN
    (reference_policies_elements_principal.html).
    """
    if principal == "*":
        return Named.SESSION
    names = as_values(principal.get("AWS", ())) if isinstance(principal, Mapping) else ()
    if "*" in names or request.session_arn in names:
        return Named.SESSION
    partition = request.role.split(":")[1]
    account = request.role_account
    root = f"arn:{partition}:iam::{account}:root"
    mine = {request.role, request.role_id, account, root}
    return Named.ROLE if mine & set(names) else Named.NOT


def means_caller(statement: Mapping[str, Any], request: Request) -> Named:
    """Say how a statement of a resource policy means the caller.

    `NotPrincipal` means everyone who is not listed, and a session is only excepted when it is
    listed itself (reference_policies_elements_notprincipal.html).
    """
    if "NotPrincipal" in statement:
        named = principal_names(statement["NotPrincipal"], request)
        return Named.NOT if named is Named.SESSION else Named.SESSION
    return principal_names(statement["Principal"], request)


def listed(
    statement: Mapping[str, Any], element: str, text: str, variables: Mapping[str, str] | None
) -> bool:
    """Say whether Action or Resource, or its `Not…` form, covers `text`.

    A repository policy has no Resource: it stands on the resource it means.
    """
    fold = element == "Action"  # "The prefix and the action name are case insensitive"
    found = statement.get(element, statement.get(f"Not{element}", "*"))
    covered = any(
        matches(pattern, text, ignore_case=fold, variables=variables)
        for pattern in as_values(found)
    )
    return covered != (f"Not{element}" in statement)


def applies(statement: Mapping[str, Any], policy: Policy, request: Request) -> bool:
    """Say whether a statement speaks about the request, whoever its principal is."""
    version = policy.get("Version", "2008-10-17")
    context = request.keys()
    variables = variables_of(context, version)
    return (
        listed(statement, "Action", request.action, None)
        and listed(statement, "Resource", request.resource, variables)
        and conditions_hold(statement.get("Condition", {}), context, version)
    )


def says(policy: Policy | None, effect: str, request: Request) -> bool:
    """Say whether a policy of the caller has a statement of `effect` for the request."""
    return policy is not None and any(
        statement["Effect"] == effect and applies(statement, policy, request)
        for statement in statements(policy)
    )


def resource_says(policy: Policy | None, effect: str, request: Request) -> Named:
    """Return the strongest way in which a resource policy speaks of the caller with `effect`."""
    ways = [
        means_caller(statement, request)
        for statement in (statements(policy) if policy else ())
        if statement["Effect"] == effect and applies(statement, policy or {}, request)
    ]
    return next((way for way in (Named.SESSION, Named.ROLE) if way in ways), Named.NOT)


def evaluate(policies: Policies, request: Request) -> Verdict:
    """Decide a request, as the flow chart for a role in AWS's evaluation logic does.

    An explicit deny anywhere wins. In the role's own account, what the resource policy grants to
    the session itself is limited by nothing else, while what it grants to the role counts like an
    identity policy: the boundary and the session policy, where there are any, must allow it too.
    For a resource of another account both sides must allow.
    """
    own = (*policies.identity, policies.session, policies.boundary)
    if any(says(policy, "Deny", request) for policy in own):
        return Verdict(allowed=False, because="explicit deny on the caller's side")
    if resource_says(policies.resource, "Deny", request) is not Named.NOT:
        return Verdict(allowed=False, because="explicit deny of the resource policy")
    granted = resource_says(policies.resource, "Allow", request)
    abroad = request.account not in {None, request.role_account}
    if granted is Named.SESSION and not abroad:
        return Verdict(allowed=True, because="the resource policy names the session")
    if abroad and granted is Named.NOT:
        return Verdict(allowed=False, because="the other account does not allow it")
    identity = any(says(policy, "Allow", request) for policy in policies.identity)
    if not identity and (abroad or granted is Named.NOT):
        return Verdict(allowed=False, because="nothing grants it")
    for name, limit in (("boundary", policies.boundary), ("session policy", policies.session)):
        if limit is not None and not says(limit, "Allow", request):
            return Verdict(allowed=False, because=f"the {name} does not allow it")
    return Verdict(allowed=True, because="granted, within every limit")

"""What is wrong with a policy of a repository, of the registry, or of a creation template."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vendctl.doctor import conditions
from vendctl.doctor.findings import Command, Finding, minified
from vendctl.doctor.trust import account_root, is_session
from vending.policy_problems import Severity
from vending.session_policy import READ

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vendctl.doctor.account import Asked, VendedRole
    from vendctl.doctor.documents import Document, Statement

REPOSITORY, REGISTRY, TEMPLATE = "repository policy", "registry policy", "creation template"

LOOKING = tuple(one.lower().rstrip("*") for one in (*READ, "ecr:Describe*"))
"""How the actions begin that change nothing."""
TAKING = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
"""What gives out an image."""

ROUND_THE_SERVICE = "without the service: no grant, no end, no record"
ALL_LIMITS = "which neither a session policy nor a boundary limits but by an explicit deny"


def of_policy(
    document: Document, roles: Sequence[VendedRole], asked: Asked, held: frozenset[str]
) -> list[Finding]:
    """Return what is wrong with the statements of one document.

    Args:
        document: The policy.
        roles: The vended roles.
        asked: Which registry.
        held: ARNs of the vended roles that explicit denies bind.
    """
    found = [
        finding
        for statement in document.statements
        if statement.allows and matters(statement)
        for finding in of_statement(statement, document, roles, asked, held)
    ]
    # One document after all cures: each alone would bring back what another took out.
    wrong = frozenset(
        one.statement.number for one in found if one.statement and one.severity is not Severity.NOTE
    )
    commands = rewriting(document, wrong, asked) if wrong else ()
    return [
        one if one.severity is Severity.NOTE else replace(one, commands=commands) for one in found
    ]


def matters(statement: Statement) -> bool:
    """Return whether a statement gives out images, or changes anything."""
    return writes(statement) or any(statement.may_do(action) for action in TAKING)


def writes(statement: Statement) -> bool:
    """Return whether a statement allows more than looking."""
    if "NotAction" in statement.body:
        return True
    return any(not one.startswith(LOOKING) for one in statement.listed("Action"))


def of_statement(
    statement: Statement,
    document: Document,
    roles: Sequence[VendedRole],
    asked: Asked,
    held: frozenset[str],
) -> Iterator[Finding]:
    """Yield what is wrong with one statement that allows."""

    def finding(code: str, severity: Severity, why: str, cure: str) -> Finding:
        where = document.where
        return Finding(code, severity, where, why, cure, (), statement, document.kind)

    def for_tokens(of: Sequence[VendedRole]) -> Severity:
        widened = [one for one in of if one.arn not in held and statement.beyond(one.actions)]
        return Severity.ERROR if widened else Severity.WARNING

    out = "Take the statement out; name roles of this account by their own ARNs."
    if "NotPrincipal" in statement.body:
        why = (
            "It allows everybody who is not listed, anonymous callers and vended sessions included."
        )
        yield finding("everyone-but", Severity.ERROR, why, out)
        return
    principals = [one for kind, one in statement.principals() if kind == "AWS"]
    others = principals
    if "*" in principals:
        bounds = conditions.bounds(statement.condition) | conditions.bounds_of_denies(
            statement, document.statements
        )
        if not bounds:
            why = f"It allows whoever has an AWS account, {ROUND_THE_SERVICE}."
            yield finding("open-to-everyone", Severity.ERROR, why, out)
            return
        if meant := [
            one
            for one in roles
            if conditions.may_hold(statement.condition, one) and conditions.within(bounds, one)
        ]:
            why = (
                f"`Principal: *` under a condition grants to the sessions of {listing(meant)} "
                f"themselves, {ALL_LIMITS}; all of {conditions.left_by(bounds)} get in without the "
                "service."
            )
            yield finding("principal-by-condition", for_tokens(meant), why, out)
        others = accounts_in(bounds)
    elif meant := [
        one
        for one in roles
        if {account_root(one.arn), one.account} & set(principals)
        and conditions.names(statement.condition, one)
    ]:
        why = (
            f"The account under a condition on the principal's name may grant to the sessions of "
            f"{listing(meant)} themselves, {ALL_LIMITS}."
        )
        yield finding("principal-by-condition", for_tokens(meant), why, out)
    if meant := [one for one in roles if any(is_session(who, one.name) for who in principals)]:
        why = f"It names sessions of {listing(meant)}, {ALL_LIMITS}."
        yield finding("session-named", for_tokens(meant), why, out)
    if meant := [one for one in roles if {one.arn, one.role_id} & set(principals)]:
        widened = for_tokens(meant) is Severity.ERROR
        why = f"It grants to {listing(meant)} beside the role's own policies, " + (
            "which lack the denies that would bound it." if widened else "which bound it."
        )
        cure = out if widened else "It may stay; the service does not need it."
        yield finding("role-named", Severity.ERROR if widened else Severity.NOTE, why, cure)
    if foreign := sorted({who for who in others if is_foreign(who, asked)}):
        severity = Severity.WARNING if writes(statement) else Severity.NOTE
        why = f"It lets {', '.join(foreign)} in, {ROUND_THE_SERVICE}."
        cure = "Let them call the service instead, and take the statement out; else it may stay."
        yield finding("foreign-account", severity, why, cure)


def listing(roles: Sequence[VendedRole]) -> str:
    """Return the names of roles for a sentence."""
    return ", ".join(one.name for one in roles)


def is_foreign(principal: str, asked: Asked) -> bool:
    """Return whether a principal is of another account."""
    account = principal if principal.isdigit() else conditions.account_of(principal)
    return account not in {"", asked.place.account}


def accounts_in(bounds: dict[str, tuple[str, ...]]) -> list[str]:
    """Return the principals that bounds name one by one."""
    keys = ("aws:principalaccount", "aws:principalarn")
    return [value for key in keys for value in bounds.get(key, ())]


def rewriting(document: Document, wrong: frozenset[int], asked: Asked) -> tuple[Command, ...]:
    """Return the call that leaves a document without some statements."""
    left = document.without(wrong)
    text = minified(left) if left else ""
    region = asked.place.region
    if document.kind == REGISTRY:
        if left:
            return (Command("ecr", "put-registry-policy", {"policyText": text}, region),)
        return (Command("ecr", "delete-registry-policy", {}, region),)
    if document.kind == TEMPLATE:
        given = {"prefix": document.name, "repositoryPolicy": text}
        return (Command("ecr", "update-repository-creation-template", given, region),)
    which = {"repositoryName": document.name}
    if left:
        given = {**which, "policyText": text}
        return (Command("ecr", "set-repository-policy", given, region),)
    return (Command("ecr", "delete-repository-policy", which, region),)

"""Who may be a vended role or the vending function, and whom a vended role may become."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vendctl.doctor import conditions, sound
from vendctl.doctor.findings import Command, Finding, minified
from vending.policy_problems import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vendctl.doctor.account import Account, Asked, FunctionRole, VendedRole
    from vendctl.doctor.documents import Document, Statement

ASSUMING = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")
GONE = re.compile("A(ROA|IDA)[A-Z0-9]+")
"""What IAM shows in place of a principal that was deleted. Source: "Principal", user guide."""
LAMBDA = "lambda.amazonaws.com"
LAMBDA_ALONE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": LAMBDA}, "Action": "sts:AssumeRole"}
    ],
}
TIED = "lambda:sourcefunctionarn"
NAMED = ("sts:rolesessionname", "sts:sourceidentity")


def assuming(document: Document) -> Iterator[Statement]:
    """Yield the statements that let somebody assume the role."""
    for statement in document.statements:
        if statement.allows and any(statement.may_do(action) for action in ASSUMING):
            yield statement


def of_vended(trust: Document, asked: Asked) -> Iterator[Finding]:
    """Yield who but the vending function may assume a vended role, and under which name."""
    name = trust.where.rpartition("/")[2]
    body = {"RoleName": name, "PolicyDocument": minified(sound.trust(asked.function_role))}
    commands = (Command("iam", "update-assume-role-policy", body),)
    cure = "Let it trust the vending function's role alone, as the template does."
    for statement in assuming(trust):
        others = [
            one
            for kind, one in statement.principals()
            if not (kind == "AWS" and is_the_function(one, statement, asked))
        ]
        if "NotPrincipal" in statement.body:
            others.append("everybody but those of NotPrincipal")
        if stale := [one for one in others if GONE.fullmatch(one)]:
            yield Finding(
                "trust-stale",
                Severity.WARNING,
                trust.where,
                f"It trusts {', '.join(stale)}, a principal that was deleted: one made anew "
                "under the same name is not meant.",
                cure,
                commands,
                statement,
                trust.name,
            )
        if strangers := [one for one in others if one not in stale]:
            yield Finding(
                "trust-others",
                Severity.ERROR,
                trust.where,
                f"It lets {', '.join(strangers)} assume it, without a session policy: their tokens "
                "reach all that the role can, with no vend on record.",
                cure,
                commands,
                statement,
                trust.name,
            )
        elif not stale and not is_named(statement):
            yield Finding(
                "trust-unbound",
                Severity.WARNING,
                trust.where,
                "It may be assumed without a vend's id as the session's name, or without a "
                "SourceIdentity: what such a session does leads back to no vend and no caller.",
                cure,
                commands,
                statement,
                trust.name,
            )


def is_the_function(principal: str, statement: Statement, asked: Asked) -> bool:
    """Return whether a principal is the function's role, by itself or by the condition."""
    if principal == asked.function_role:
        return True
    wide = principal == "*" or principal == account_root(asked.function_role)
    exact = [
        wanted
        for prefix, operator, key, wanted in conditions.each(statement.condition)
        if (prefix, key) == ("", "aws:principalarn") and operator in {"ArnEquals", "StringEquals"}
    ]
    return wide and (asked.function_role,) in exact


def account_root(arn: str) -> str:
    """Return the ARN that stands for the account of another."""
    partition, account = arn.split(":")[1], arn.split(":")[4]
    return f"arn:{partition}:iam::{account}:root"


def is_named(statement: Statement) -> bool:
    """Return whether a statement demands a vend's id and a SourceIdentity."""
    asked_for = {
        key: wanted
        for prefix, operator, key, wanted in conditions.each(statement.condition)
        if not prefix and operator in {"StringLike", "StringEquals"}
    }
    ids, identities = (asked_for.get(key, ()) for key in NAMED)
    return bool(ids) and bool(identities) and all(one.startswith("v-") for one in ids)


def of_function(role: FunctionRole, asked: Asked) -> Iterator[Finding]:
    """Yield who but Lambda may be the vending function, and whether other code may."""
    name = role.arn.rpartition("/")[2]
    for statement in assuming(role.trust) if role.trust else ():
        others = [one for kind, one in statement.principals() if (kind, one) != ("Service", LAMBDA)]
        if "NotPrincipal" in statement.body:
            others.append("everybody but those of NotPrincipal")
        if others:
            sane = {"RoleName": name, "PolicyDocument": minified(LAMBDA_ALONE)}
            yield Finding(
                "function-role-trusted",
                Severity.ERROR,
                role.arn,
                f"It lets {', '.join(others)} be the vending function, which may assume every "
                "vended role without a session policy.",
                "Let it trust Lambda alone.",
                (Command("iam", "update-assume-role-policy", sane),),
                statement,
                role.trust.name if role.trust else "",
            )
    if role.complete and not any(
        is_tie(one) for document in role.policies for one in document.statements
    ):
        yield Finding(
            "function-role-untied",
            Severity.WARNING,
            role.arn,
            "Nothing denies it to code that is not the vending function's: who may pass it to a "
            "function of their own assumes every vended role without a session policy.",
            "Put back the template's policy that ties the role to the function.",
            tied(name, asked),
        )


def tied(role: str, asked: Asked) -> tuple[Command, ...]:
    """Return the call that ties the vending function's role to it, where the function is known."""
    if not asked.function:
        return ()
    body = minified(sound.tie(asked.function))
    given = {"RoleName": role, "PolicyName": "only-as-the-function", "PolicyDocument": body}
    return (Command("iam", "put-role-policy", given),)


def is_tie(statement: Statement) -> bool:
    """Return whether a statement denies AssumeRole to other code than one function's."""
    keys = [(operator, key) for _, operator, key, _ in conditions.each(statement.condition)]
    return (
        not statement.allows
        and statement.does_all_of("sts:AssumeRole")
        and len(keys) == 1
        and keys[0][0].startswith(conditions.NEGATED)
        and keys[0][1] == TIED
    )


def onward(account: Account, held: frozenset[str]) -> Iterator[Finding]:
    """Yield the other roles that a session of a vended role may assume.

    Args:
        account: What was read.
        held: ARNs of the vended roles that explicit denies bind.
    """
    for trust in account.trusts:
        for statement in assuming(trust):
            named = [
                role
                for role in account.roles
                if any(
                    kind == "AWS" and may_mean(one, statement, role)
                    for kind, one in statement.principals()
                )
            ]
            if not named:
                continue
            names = ", ".join(role.name for role in named)
            stopped = all(role.arn in held for role in named)
            yield Finding(
                "onward-trust",
                Severity.WARNING if stopped else Severity.ERROR,
                trust.where,
                f"It lets the sessions of {names} become this role: "
                + (
                    "only the explicit denies of the vended role stop that."
                    if stopped
                    else "nothing denies the vended role to do so."
                ),
                "Take them out of this role's trust.",
                (),
                statement,
                trust.name,
            )


def may_mean(principal: str, statement: Statement, role: VendedRole) -> bool:
    """Return whether a principal of a trust names a vended role, or may do so by its condition."""
    if principal in {"*", account_root(role.arn)}:
        return conditions.names(statement.condition, role)
    return principal in {role.arn, role.role_id} or is_session(principal, role.name)


def is_session(principal: str, role: str) -> bool:
    """Return whether a principal is a session of a role, by its name."""
    return bool(
        re.fullmatch(rf"arn:[^:]+:sts::[0-9]*:assumed-role/{re.escape(role)}/.+", principal)
    )

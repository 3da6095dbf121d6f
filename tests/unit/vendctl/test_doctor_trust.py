"""`vendctl doctor registry`: who else may be a vended role, or the vending function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.doctored import (
    ASKED,
    IDS,
    PULL,
    SOUND,
    Body,
    codes,
    found,
    stripped,
    with_role,
)
from vendctl.doctor.account import Account
from vendctl.doctor.documents import document
from vending.access import Access

FUNCTION = ASKED.function_role
BOUND = {"StringLike": {"sts:RoleSessionName": "v-*", "sts:SourceIdentity": "?*"}}
HERE = "arn:aws:iam::111122223333"


def trusting(*statements: Body) -> Account:
    """Return the sound account whose pulling role has another trust."""
    body = {"Version": "2012-10-17", "Statement": list(statements)}
    return with_role(lambda role: replace(role, trust=document("trust", role.arn, "trust", body)))


def assume(
    principal: object, condition: Body | None = BOUND, action: str = "sts:AssumeRole"
) -> Body:
    body: Body = {"Effect": "Allow", "Principal": principal, "Action": action}
    return body | ({"Condition": condition} if condition else {})


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": [FUNCTION, f"{HERE}:role/admin"]},
        {"AWS": f"{HERE}:root"},
        {"AWS": "444455556666"},
        {"AWS": "*"},
        "*",
        {"Service": "lambda.amazonaws.com"},
        {"Service": "ec2.amazonaws.com"},
        {"Federated": f"{HERE}:oidc-provider/token.actions.githubusercontent.com"},
        {"AWS": f"arn:aws:sts::111122223333:assumed-role/{FUNCTION.rpartition('/')[2]}x/y"},
    ],
)
@pytest.mark.parametrize("action", ["sts:AssumeRole", "sts:*", "*", "STS:assumerole*"])
def test_whoever_else_may_assume_a_vended_role_is_an_error(principal: object, action: str) -> None:
    assert codes(trusting(assume(principal, action=action))) == {"trust-others": "error"}


def test_a_trust_in_all_but_some_is_an_error() -> None:
    statement = {"Effect": "Allow", "NotPrincipal": {"AWS": FUNCTION}, "Action": "sts:AssumeRole"}
    assert codes(trusting(statement)) == {"trust-others": "error"}


@pytest.mark.parametrize(
    "statement",
    [
        assume({"AWS": FUNCTION}),
        assume({"AWS": f"{HERE}:root"}, {**BOUND, "ArnEquals": {"aws:PrincipalArn": FUNCTION}}),
        assume({"AWS": f"{HERE}:role/admin"}, action="sts:SetSourceIdentity"),
        {**assume("*"), "Effect": "Deny"},
    ],
)
def test_whoever_may_not_assume_it_is_not_reported(statement: Body) -> None:
    assert codes(trusting(assume({"AWS": FUNCTION}), statement)) == {}


@pytest.mark.parametrize(
    "condition",
    [
        {**BOUND, "ArnLike": {"aws:PrincipalArn": f"{HERE}:role/*"}},
        {**BOUND, "ArnEqualsIfExists": {"aws:PrincipalArn": FUNCTION}},
        {**BOUND, "ArnNotEquals": {"aws:PrincipalArn": FUNCTION}},
        {**BOUND, "ArnEquals": {"aws:PrincipalArn": [FUNCTION, f"{HERE}:role/admin"]}},
    ],
)
def test_an_account_that_is_not_held_to_the_function_is_an_error(condition: Body) -> None:
    assert codes(trusting(assume({"AWS": f"{HERE}:root"}, condition))) == {"trust-others": "error"}


@pytest.mark.parametrize(
    "condition",
    [
        None,
        {"StringLike": {"sts:RoleSessionName": "v-*"}},
        {"StringLike": {"sts:SourceIdentity": "?*"}},
        {"StringLike": {"sts:RoleSessionName": "*", "sts:SourceIdentity": "?*"}},
        {"StringLikeIfExists": BOUND["StringLike"]},
        {"StringNotLike": BOUND["StringLike"]},
    ],
)
def test_a_trust_without_a_vends_name_or_a_callers_is_a_warning(condition: Body | None) -> None:
    assert codes(trusting(assume({"AWS": FUNCTION}, condition))) == {"trust-unbound": "warning"}


def test_a_principal_that_is_gone_is_a_warning() -> None:
    assert codes(trusting(assume({"AWS": "AROAEXAMPLEEXAMPLE000"}))) == {"trust-stale": "warning"}


def function(*, trust: Any = None, keep: str = "") -> Account:
    """Return the account whose vending function's role has another trust, or fewer policies."""
    assert SOUND.function_role
    role = SOUND.function_role
    if trust:
        role = replace(role, trust=document("trust", role.arn, "trust", {"Statement": trust}))
    if keep:
        role = replace(role, policies=tuple(one for one in role.policies if one.name == keep))
    return replace(SOUND, function_role=role)


@pytest.mark.parametrize(
    "principal",
    [
        {"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]},
        {"AWS": f"{HERE}:role/admin"},
        "*",
    ],
)
def test_whoever_else_may_be_the_vending_function_is_an_error(principal: object) -> None:
    assert codes(function(trust=[assume(principal, None)])) == {"function-role-trusted": "error"}


def test_a_function_role_that_other_code_may_be_is_a_warning() -> None:
    assert codes(function(keep="vend")) == {"function-role-untied": "warning"}
    assert codes(function(keep="only-as-the-function")) == {}


TIE: Body = {
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"ArnNotLike": {"lambda:SourceFunctionArn": ASKED.function}},
}


@pytest.mark.parametrize(
    ("change", "tied"),
    [
        ({}, True),
        ({"Action": "sts:*"}, True),
        ({"Action": "dynamodb:*"}, False),
        ({"Effect": "Allow"}, False),
        ({"Condition": {"ArnLike": TIE["Condition"]["ArnNotLike"]}}, False),
        ({"Condition": {**TIE["Condition"], "Bool": {"aws:SecureTransport": "false"}}}, False),
        ({"Condition": {"ArnNotLike": {"aws:SourceArn": ASKED.function}}}, False),
        ({"Condition": {}}, False),
    ],
)
def test_only_a_deny_of_all_other_code_ties_the_function_role(change: Body, tied: bool) -> None:
    assert SOUND.function_role
    own = document("inline policy", ASKED.function_role, "tie", {"Statement": {**TIE, **change}})
    account = replace(SOUND, function_role=replace(SOUND.function_role, policies=(own,)))
    assert codes(account) == ({} if tied else {"function-role-untied": "warning"})


def other_role(principal: object, condition: Body | None = None) -> Account:
    """Return the account with a role of somebody's that trusts so."""
    statement = assume(principal, condition)
    trust = document("trust", f"{HERE}:role/other", "trust", {"Statement": [statement]})
    return replace(SOUND, trusts=(trust,))


@pytest.mark.parametrize(
    ("principal", "condition"),
    [
        ({"AWS": PULL.arn}, None),
        ({"AWS": IDS[Access.PULL]}, None),
        ({"AWS": f"arn:aws:sts::111122223333:assumed-role/{PULL.name}/v-1"}, None),
        ("*", {"ArnLike": {"aws:PrincipalArn": f"{HERE}:role/*-pull"}}),
        ({"AWS": f"{HERE}:root"}, {"StringLike": {"aws:userid": f"{IDS[Access.PULL]}:*"}}),
    ],
)
def test_a_role_that_vended_sessions_may_become_is_found(
    principal: object, condition: Body | None
) -> None:
    account = other_role(principal, condition)
    assert codes(account) == {"onward-trust": "warning"}
    roles = tuple(stripped(role, "OnlyPull") for role in account.roles)
    assert codes(replace(account, roles=roles))["onward-trust"] == "error"


@pytest.mark.parametrize(
    ("principal", "condition"),
    [
        ({"AWS": f"{HERE}:root"}, None),
        ({"AWS": f"{PULL.arn}-x"}, None),
        ({"Service": "ecs-tasks.amazonaws.com"}, None),
        ("*", {"ArnLike": {"aws:PrincipalArn": f"{HERE}:role/team-*"}}),
        ("*", {"ArnNotLike": {"aws:PrincipalArn": [f"{HERE}:role/*", "arn:*:sts::*"]}}),
    ],
)
def test_a_role_that_vended_sessions_may_not_become_is_not(
    principal: object, condition: Body | None
) -> None:
    assert codes(other_role(principal, condition)) == {}


def test_the_cure_of_a_trust_is_the_templates() -> None:
    (finding,) = found(trusting(assume("*")))
    (command,) = finding.commands
    assert (command.service, command.operation) == ("iam", "update-assume-role-policy")
    mended = document("trust", PULL.arn, "trust", command.parameters["PolicyDocument"])
    assert codes(with_role(lambda role: replace(role, trust=mended))) == {}

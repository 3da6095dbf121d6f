"""`vendctl doctor registry`: statements of repositories that let tokens, or others, in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.doctored import (
    IDS,
    PULL,
    PUSH,
    SOUND,
    Body,
    allow,
    codes,
    found,
    stripped,
    with_policy,
    with_role,
)
from vendctl.doctor.documents import document
from vendctl.doctor.resource_policies import REGISTRY, TEMPLATE
from vending.access import Access

HERE = "arn:aws:iam::111122223333"
SESSION = f"arn:aws:sts::111122223333:assumed-role/{PULL.name}/v-01jd8w0123456789abcdefghjk"
ORG = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
IMAGE = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
OPEN = with_role(lambda role: stripped(role, "OnlyPull"))
"""An account whose pulling role has lost its deny of actions."""


def judged(*statements: Body, account: Any = SOUND) -> dict[str, str]:
    """Return what is found in a repository's policy alone."""
    before = codes(account)
    return {
        c: s for c, s in codes(with_policy(*statements, account=account)).items() if c not in before
    }


@pytest.mark.parametrize(
    "statement",
    [
        allow("*"),
        allow({"AWS": "*"}),
        allow({"AWS": ["*", f"{HERE}:role/x"]}),
        allow("*", *IMAGE),
        allow("*", "ecr:Batch*"),
        allow("*", "*"),
        # Conditions that keep nobody out.
        allow("*", condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
        allow("*", condition={"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
        allow("*", condition={"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
        allow("*", condition={"StringLike": {"aws:PrincipalOrgID": "*"}}),
        allow("*", condition={"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci"}}),
        allow("*", condition={"StringEquals": {"aws:PrincipalTag/team": "payments"}}),
        allow("*", condition={"Bool": {"aws:SecureTransport": "true"}}),
        allow("*", condition={"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/0"]}}),
        allow("*", condition={"StringEquals": {"aws:PrincipalAccount": ["*"]}}),
        allow("*", condition={"StringEquals": {"aws:PrincipalType": "AssumedRole"}}),
    ],
)
def test_what_is_open_to_everybody_is_an_error(statement: Body) -> None:
    assert judged(statement) == {"open-to-everyone": "error"}


@pytest.mark.parametrize(
    "deny",
    [
        {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
        {"StringNotEquals": {"aws:PrincipalTag/team": "payments"}},
        {"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5", "aws:PrincipalTag/x": "y"}},
        {"ForAnyValue:StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
    ],
)
def test_a_deny_that_lets_strangers_through_mends_nothing(deny: Body) -> None:
    statement = {**allow("*", condition=deny), "Effect": "Deny"}
    assert judged(allow("*"), statement) == {"open-to-everyone": "error"}


def test_a_deny_of_less_than_is_allowed_mends_nothing() -> None:
    condition = {"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
    fewer = {**allow("*", "ecr:PutImage", condition=condition), "Effect": "Deny"}
    assert judged(allow("*"), fewer) == {"open-to-everyone": "error"}
    without_pulls = {"NotAction": "ecr:BatchGetImage", "Principal": "*", "Condition": condition}
    deny = {"Effect": "Deny", **without_pulls}
    assert judged(allow("*"), deny) == {"open-to-everyone": "error"}
    assert judged(allow("*", "ecr:PutImage"), deny) == {"principal-by-condition": "warning"}


def test_a_deny_of_everybody_outside_closes_what_is_open() -> None:
    condition = {"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
    outside = {**allow("*", condition=condition), "Effect": "Deny"}
    assert judged(allow("*"), outside) == {"principal-by-condition": "warning"}
    names = {"ArnNotLike": {"aws:PrincipalArn": f"{HERE}:role/deployer"}}
    deployer = {**allow("*", condition=names), "Effect": "Deny"}
    assert judged(allow("*"), deployer) == {}


def test_whoever_is_not_listed_is_everybody() -> None:
    statement = {"Effect": "Allow", "NotPrincipal": {"AWS": f"{HERE}:root"}, "Action": "ecr:*"}
    assert judged(statement) == {"everyone-but": "error"}


BY_CONDITION = [
    allow("*", condition=ORG),
    allow({"AWS": "*"}, condition={"StringEquals": {"aws:PrincipalAccount": "111122223333"}}),
    allow("*", condition={"ArnLike": {"aws:PrincipalArn": f"{HERE}:role/ecr-*"}}),
    allow("*", condition={"StringEquals": {"aws:PrincipalArn": PULL.arn}}),
    allow("*", condition={"StringLike": {"aws:userid": f"{IDS[Access.PULL]}:*"}}),
    allow("*", condition={"StringEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}}),
    allow("*", condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
    allow(
        {"AWS": f"{HERE}:root"},
        condition={"ForAnyValue:StringLike": {"aws:PrincipalArn": "*${aws:PrincipalTag/role}"}},
    ),
    allow(
        {"AWS": "111122223333"},
        condition={"StringLike": {"aws:PrincipalArn": f"{HERE}:role/${{aws:PrincipalTag/role}}"}},
    ),
    allow({"AWS": "111122223333"}, condition={"StringLike": {"aws:SourceIdentity": "ci@*"}}),
    allow({"AWS": "111122223333"}, condition={"ArnLike": {"aws:PrincipalArn": f"{HERE}:role/*"}}),
    allow(
        {"AWS": "111122223333"},
        condition={"ArnNotLike": {"aws:PrincipalArn": f"{HERE}:role/team-*"}},
    ),
]


@pytest.mark.parametrize("statement", BY_CONDITION)
def test_a_condition_that_a_vended_session_may_meet_is_found(statement: Body) -> None:
    assert judged(statement) == {"principal-by-condition": "warning"}
    assert judged(statement, account=OPEN) == {"principal-by-condition": "error"}


@pytest.mark.parametrize(
    "statement",
    [
        allow("*", condition={"ArnEquals": {"aws:PrincipalArn": f"{HERE}:role/deployer"}}),
        allow(
            "*",
            condition={
                **ORG,
                "ArnNotLike": {"aws:PrincipalArn": [f"{HERE}:role/*", "arn:*:sts::*"]},
            },
        ),
        allow("*", condition={"StringLike": {"aws:userid": "AROAOTHEROTHEROTHER00:*"}}),
        allow(f"{HERE}:role/deployer"),
        allow({"AWS": [f"{HERE}:root", "111122223333"]}),
        allow({"AWS": "111122223333"}, condition={"StringEquals": {"aws:PrincipalTag/a": "b"}}),
        allow({"AWS": "111122223333"}, condition={"Null": {"aws:PrincipalArn": "true"}}),
        allow({"AWS": f"arn:aws:sts::111122223333:assumed-role/{PULL.name}-x/v-1"}),
        allow({"Service": "lambda.amazonaws.com"}),
        {**allow("*"), "Effect": "Deny"},
        # Gives out no image and changes nothing.
        allow("*", "ecr:DescribeImages", "ecr:ListImages", "ecr:BatchCheckLayerAvailability"),
    ],
)
def test_what_no_token_and_no_stranger_gets_is_not_reported(statement: Body) -> None:
    assert judged(statement) == {}
    assert judged(statement, account=OPEN) == {}


@pytest.mark.parametrize("principal", [{"AWS": SESSION}, {"AWS": [f"{HERE}:role/x", SESSION]}])
def test_a_statement_that_names_a_session_is_an_error_where_the_role_lost_its_deny(
    principal: object,
) -> None:
    assert judged(allow(principal)) == {"session-named": "warning"}
    assert judged(allow(principal), account=OPEN) == {"session-named": "error"}
    # What the role is for is what its tokens have anyway.
    assert judged(allow(principal, *IMAGE), account=OPEN) == {"session-named": "warning"}


def test_another_roles_lost_deny_is_not_this_ones() -> None:
    account = with_role(lambda role: stripped(role, "OnlyPush"), Access.PUSH)
    assert judged(allow({"AWS": SESSION}), account=account) == {"session-named": "warning"}
    push = SESSION.replace(PULL.name, PUSH.name)
    assert judged(allow({"AWS": push}), account=account) == {"session-named": "error"}


def test_a_statement_that_names_a_vended_role_is_a_note_while_the_role_is_sound() -> None:
    assert judged(allow({"AWS": PULL.arn})) == {"role-named": "note"}
    assert judged(allow({"AWS": PULL.arn}), account=OPEN) == {"role-named": "error"}


@pytest.mark.parametrize(
    ("statement", "severity"),
    [
        (allow({"AWS": "444455556666"}, *IMAGE), "note"),
        (allow({"AWS": "arn:aws:iam::444455556666:root"}, *IMAGE), "note"),
        (allow({"AWS": "arn:aws:iam::444455556666:role/x"}, "ecr:PutImage"), "warning"),
        (allow({"AWS": "444455556666"}, "ecr:*"), "warning"),
        (
            allow(
                "*", *IMAGE, condition={"StringEquals": {"aws:PrincipalAccount": "444455556666"}}
            ),
            "note",
        ),
    ],
)
def test_another_account_that_gets_in_without_the_service_is_told(
    statement: Body, severity: str
) -> None:
    assert judged(statement) == {"foreign-account": severity}


@pytest.mark.parametrize("kind", [REGISTRY, TEMPLATE])
def test_the_registrys_own_policy_and_templates_are_read_alike(kind: str) -> None:
    assert codes(with_policy(allow("*"), kind=kind)) == {"open-to-everyone": "error"}
    replicate = allow({"AWS": "444455556666"}, "ecr:ReplicateImage")
    assert codes(with_policy(replicate, kind=kind)) == {"foreign-account": "warning"}


def test_one_cure_takes_out_all_that_is_wrong_and_nothing_else() -> None:
    kept = allow({"AWS": f"{HERE}:role/deployer"})
    note = allow({"AWS": "444455556666"}, *IMAGE)
    account = with_policy(allow("*"), kept, allow({"AWS": SESSION}), note)
    cures = {one.code: one.commands for one in found(account)}
    assert cures["open-to-everyone"] == cures["session-named"]
    assert cures["foreign-account"] == ()
    (command,) = cures["open-to-everyone"]
    left = document("x", "x", "x", command.parameters["policyText"])
    assert [dict(one.body) for one in left.statements] == [kept, note]


def test_a_policy_of_nothing_else_is_deleted() -> None:
    (finding,) = found(with_policy(allow("*")))
    assert [one.line() for one in finding.commands] == [
        "aws ecr delete-repository-policy --repository-name payments/api --region eu-west-1"
    ]


def test_a_statement_is_named_by_its_number_and_id() -> None:
    account = with_policy(allow(f"{HERE}:role/x"), {"Sid": "Wide", **allow("*")})
    (finding,) = found(account)
    assert finding.statement
    assert (finding.statement.number, finding.statement.sid) == (2, "Wide")
    assert finding.where.endswith(":repository/payments/api")


def test_what_the_registry_does_by_itself_is_told() -> None:
    wild = replace(SOUND, pull_through=("docker-hub", "ROOT"))
    assert codes(wild) == {"pull-through-everywhere": "warning"}
    assert codes(replace(SOUND, pull_through=("docker-hub",))) == {}

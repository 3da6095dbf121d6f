"""`vendctl doctor registry`: vended roles that may do more than a vend needs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.doctored import (
    ASKED,
    ELSEWHERE,
    PULL,
    SOUND,
    STACK,
    account_of,
    allow,
    asked_of,
    codes,
    inline,
    stripped,
    with_policy,
    with_role,
)
from tools.template.stack import Stack
from vendctl.doctor import sound
from vendctl.doctor.documents import document
from vendctl.doctor.sound import kind_of
from vending.access import Access

if TYPE_CHECKING:
    from vendctl.doctor.account import VendedRole

MINT = "ecr:GetAuthorizationToken"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.mark.parametrize("prefixes", ["", "payments/", "payments/,base/"])
def test_nothing_is_found_in_what_our_templates_make(prefixes: str) -> None:
    stack = Stack({"RepositoryPrefixes": prefixes})
    assert codes(account_of(stack), asked_of(stack)) == {}
    there = replace(ELSEWHERE, parameters={**ELSEWHERE.parameters, "RepositoryPrefixes": prefixes})
    assert codes(account_of(there), asked_of(there)) == {"function-role-elsewhere": "note"}


@pytest.mark.parametrize(
    ("partition", "region"), [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")]
)
def test_nothing_is_found_in_other_partitions(partition: str, region: str) -> None:
    stack = Stack({}, partition, region)
    assert codes(account_of(stack), asked_of(stack)) == {}


@pytest.mark.parametrize("access", Access)
def test_what_the_doctor_writes_is_what_the_template_has(access: Access) -> None:
    kind = kind_of(access)
    assert sound.whole(access, ASKED) == STACK.properties(f"{kind}Boundary")["PolicyDocument"]
    trust = STACK.properties(f"{kind}Role")["AssumeRolePolicyDocument"]
    assert sound.trust(ASKED.function_role) == trust
    tie = STACK.properties("VendOnlyAsTheFunction")["PolicyDocument"]
    assert sound.tie(ASKED.function) == tie


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize(
    ("lost", "code"),
    [
        ("Only{}", "deny-of-actions"),
        ("OnlyThisRegistry", "deny-of-registries"),
        ("OnlyThesePrefixes", "deny-of-prefixes"),
    ],
)
def test_a_lost_deny_is_an_error(access: Access, lost: str, code: str) -> None:
    sid = lost.format(kind_of(access))
    account = with_role(lambda role: stripped(role, sid), access)
    assert {c: s for c, s in codes(account).items() if s == "error"}.keys() - {"boundary-wide"} == {
        code
    }


def without_own_denies(role: VendedRole, *denies: dict[str, Any]) -> VendedRole:
    """Return the role with other denies, inline, in place of its own."""
    lost = stripped(role, "OnlyPull", "OnlyThisRegistry", "OnlyThesePrefixes")
    return replace(lost, policies=(*lost.policies, inline(*denies))) if denies else lost


@pytest.mark.parametrize(
    "denies",
    [
        # In other words, and still all of it.
        [{"Effect": "Deny", "NotAction": "ECR:getauthorizationtoken", "Resource": "*"}],
        [
            {"Effect": "Deny", "NotAction": ["ecr:BatchGet*", MINT], "Resource": "*"},
            {"Effect": "Deny", "Action": "ecr:BatchGet*", "Resource": ["*"]},
        ],
        [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
    ],
)
def test_denies_in_other_words_hold_as_well(denies: list[dict[str, Any]]) -> None:
    account = with_role(lambda role: without_own_denies(role, *denies))
    assert "deny-of-actions" not in codes(account)


@pytest.mark.parametrize(
    "deny",
    [
        # Under a condition, for some resources, with a wildcard, or with one action too many.
        {
            "Effect": "Deny",
            "NotAction": MINT,
            "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {"Effect": "Deny", "NotAction": MINT, "Resource": "arn:aws:ecr:*:*:repository/payments/*"},
        {"Effect": "Deny", "NotAction": ["ecr:Batch*", MINT], "Resource": "*"},
        {"Effect": "Deny", "NotAction": ["ecr:PutImage", MINT], "Resource": "*"},
        {"Effect": "Deny", "Action": ["ecr:PutImage", "ecr:Delete*"], "Resource": "*"},
        {"Effect": "Allow", "NotAction": MINT, "Resource": "*"},
    ],
)
def test_a_deny_that_leaves_something_is_no_deny(deny: dict[str, Any]) -> None:
    assert (
        codes(with_role(lambda role: without_own_denies(role, deny)))["deny-of-actions"] == "error"
    )


@pytest.mark.parametrize(
    "actions",
    [{"Action": ["ecr:PutImage", "ecr:BatchGetImage"]}, {"NotAction": [MINT, "ecr:BatchGetImage"]}],
)
def test_a_deny_of_some_actions_in_other_registries_is_none(actions: dict[str, Any]) -> None:
    deny = {"Effect": "Deny", **actions, "NotResource": ASKED.place.repository("*")}
    account = with_role(lambda role: without_own_denies(role, deny))
    assert codes(account)["deny-of-registries"] == "error"


@pytest.mark.parametrize(
    "outside",
    ["*", "arn:aws:ecr:*:*:repository/*", "arn:aws:ecr:eu-west-1:*:repository/*"],
)
def test_a_deny_of_registries_that_leaves_another_is_none(outside: str) -> None:
    deny = {"Effect": "Deny", "NotAction": MINT, "NotResource": outside}
    account = with_role(lambda role: without_own_denies(role, deny))
    assert codes(account)["deny-of-registries"] == "error"


def test_a_deny_for_fewer_prefixes_than_the_stack_has_is_none() -> None:
    asked = replace(ASKED, prefixes=("payments/",))
    assert codes(SOUND, asked) == dict.fromkeys(["deny-of-prefixes"], "error")


@pytest.mark.parametrize(
    ("statement", "severity"),
    [
        (EVERYTHING, "warning"),
        ({"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}, "warning"),
        ({"Effect": "Allow", "Action": "ecr:BatchGet*", "Resource": "*"}, "warning"),
        (
            {"Effect": "Allow", "Action": "ecr-public:GetAuthorizationToken", "Resource": "*"},
            "warning",
        ),
        ({"Effect": "Allow", "Action": ["ecr:DeleteRepository"], "Resource": "*"}, "warning"),
        ({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}, "warning"),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "warning"),
    ],
)
def test_a_role_that_is_allowed_more_is_found(statement: dict[str, Any], severity: str) -> None:
    account = with_role(lambda role: replace(role, policies=(*role.policies, inline(statement))))
    assert codes(account) == {"wider-actions": severity}
    open_now = with_role(
        lambda role: replace(
            stripped(role, "OnlyPull"),
            policies=(*stripped(role, "OnlyPull").policies, inline(statement)),
            boundary=None,
        )
    )
    assert codes(open_now)["wider-actions"] == "error"


@pytest.mark.parametrize(
    "statement",
    [
        {
            "Effect": "Allow",
            "Action": "ecr:batchgetimage",
            "Resource": ASKED.place.repository("x/*"),
        },
        {"Effect": "Allow", "Action": MINT, "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*"},
    ],
)
def test_a_role_that_is_allowed_no_more_is_not(statement: dict[str, Any]) -> None:
    account = with_role(lambda role: replace(role, policies=(*role.policies, inline(statement))))
    assert codes(account) == {}


@pytest.mark.parametrize("resource", ["*", "arn:aws:ecr:us-east-1:111122223333:repository/*"])
def test_a_role_that_is_allowed_other_registries_is_found(resource: str) -> None:
    more = inline({"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": resource})
    account = with_role(lambda role: replace(role, policies=(*role.policies, more)))
    assert codes(account) == {"wider-resources": "warning"}


def test_a_missing_boundary_is_an_error_only_where_nothing_else_holds() -> None:
    assert codes(with_role(lambda role: replace(role, boundary=None))) == {
        "boundary-missing": "warning"
    }
    bare = with_role(lambda role: replace(stripped(role, "OnlyPull"), boundary=None))
    assert codes(bare)["boundary-missing"] == "error"


def test_a_boundary_that_bounds_nothing_is_found() -> None:
    wide = document(
        "permissions boundary", PULL.arn, "arn:aws:iam::aws:policy/X", {"Statement": EVERYTHING}
    )
    assert codes(with_role(lambda role: replace(role, boundary=wide))) == {
        "boundary-wide": "warning"
    }


def test_long_sessions_and_lost_revocations_are_warnings() -> None:
    assert codes(with_role(lambda role: replace(role, longest=43200))) == {
        "long-sessions": "warning"
    }
    assert codes(with_role(lambda role: replace(role, policies=role.policies[:1]))) == {
        "revocations-detached": "warning"
    }


def test_what_was_not_read_is_not_taken_for_missing_nor_for_sound() -> None:
    def unread(role: VendedRole) -> VendedRole:
        return replace(role, policies=(), boundary=None, complete=False)

    assert codes(with_role(unread)) == {}
    session = f"arn:aws:sts::111122223333:assumed-role/{PULL.name}/v-1"
    account = with_policy(allow({"AWS": session}), account=with_role(unread))
    assert codes(account) == {"session-named": "error"}

"""Where the doctor finds no error, the independent evaluator finds no way past a token's scope.

A vended role is spoiled at random, a repository gets a policy at random; the judge is asked what
a token with the service's own session policy may then do, and what a stranger may.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import event, given
from hypothesis import strategies as st

from tests.doctored import ASKED, IDS, PULL, SOUND, Body, found, policy, with_role
from tests.fake_aws import body_of
from tests.iam import Policies, Request, evaluate
from vendctl.doctor.documents import Document, document
from vending.access import ACTIONS, Access
from vending.caller import Origin
from vending.decision import Decision
from vending.policy_problems import Severity
from vending.session_policy import session_policy

if TYPE_CHECKING:
    from vendctl.doctor.account import Account, VendedRole

ACCOUNT = ASKED.place.account
HERE = ASKED.place.repository("payments/api")
ELSEWHERE = HERE.replace(ASKED.place.region, "us-east-1")
OTHER = ASKED.place.repository("search/indexer")
MINT = "ecr:GetAuthorizationToken"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/{PULL.name}/v-0000"
STRANGER = "arn:aws:iam::999999999999:role/stranger"
ORG = "o-a1b2c3d4e5"

CONTEXT = {
    "aws:PrincipalOrgID": ORG,
    "aws:SourceIdentity": "ci@111122223333+0123456789abcdef",
    "aws:PrincipalTag/who": "x",
}

NEVER = (
    "ecr:BatchDeleteImage",
    "ecr:DeleteRepository",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:ReplicateImage",
    "ecr:SetRepositoryPolicy",
)
TAKING = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
ACTION_PATTERNS = st.sampled_from(
    [
        *NEVER,
        *ACTIONS[Access.PULL],
        MINT,
        "*",
        "ecr:*",
        "ecr:Batch*",
        "ecr:Put?mage",
        "s3:*",
        "ECR:putimage",
    ]
)
RESOURCES = st.sampled_from(
    ["*", "**", HERE, ASKED.place.repository("*"), "arn:aws:ecr:*:*:repository/*", ELSEWHERE]
)


def some(patterns: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Draw one pattern or a few."""
    return st.one_of(patterns, st.lists(patterns, min_size=1, max_size=3))


VALUES = {
    "aws:PrincipalArn": [
        PULL.arn,
        f"arn:aws:iam::{ACCOUNT}:role/*",
        "*",
        "arn:aws:iam::*:role/*",
        f"arn:aws:iam::{ACCOUNT}:role/x",
        STRANGER,
    ],
    "aws:userid": [
        f"{IDS[Access.PULL]}:*",
        "*:v-0000",
        f"{IDS[Access.PULL]}:v-0000",
        "AROAOTHEROTHEROTHER00:*",
        "A*",
    ],
    "aws:PrincipalOrgID": [ORG, "o-*", "*"],
    "aws:PrincipalAccount": [ACCOUNT, "999999999999", "*", "444455556666"],
    "aws:PrincipalTag/team": ["payments", "*"],
    "aws:PrincipalType": ["AssumedRole", "User"],
    "aws:SourceIdentity": ["ci@*", "?*", "nobody"],
    "aws:PrincipalTag/who": ["${aws:PrincipalAccount}", "${aws:userid}"],
}
ADDRESSES = ["203.0.113.0/24", "0.0.0.0/0", "10.0.0.0/8"]
TEXTS = st.sampled_from(
    [
        f"{prefix}{kind}{suffix}"
        for prefix in ("", "ForAnyValue:", "ForAllValues:")
        for kind in ("StringEquals", "StringLike", "StringNotEquals", "StringNotLike")
        for suffix in ("", "IfExists")
    ]
)


@st.composite
def conditions(draw: Any) -> Body:
    """Draw a Condition element on who asks, or from where."""
    key = draw(st.sampled_from([*VALUES, "aws:SourceIp"]))
    if key == "aws:SourceIp":
        operator = draw(st.sampled_from(["IpAddress", "NotIpAddress", "IpAddressIfExists"]))
        return {operator: {key: draw(some(st.sampled_from(ADDRESSES)))}}
    if draw(st.integers(0, 5)) == 0:
        return {"Null": {key: draw(st.sampled_from(["true", "false"]))}}
    operators = TEXTS
    if key == "aws:PrincipalArn":
        operators = st.one_of(TEXTS, st.sampled_from(["ArnEquals", "ArnLike", "ArnNotLike"]))
    values = some(st.sampled_from(VALUES[key]))
    return {draw(operators): {key: draw(values)}}


@st.composite
def own_statements(draw: Any) -> Body:
    """Draw a statement of a role's own policy."""
    action = draw(st.sampled_from(["Action", "Action", "NotAction"]))
    resource = draw(st.sampled_from(["Resource", "Resource", "NotResource"]))
    body = {
        "Sid": "More",
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        action: draw(some(ACTION_PATTERNS)),
        resource: draw(some(RESOURCES)),
    }
    if draw(st.integers(0, 3)) == 0:
        body["Condition"] = draw(conditions())
    return body


PRINCIPALS = st.sampled_from(
    [
        "*",
        {"AWS": "*"},
        {"AWS": SESSION},
        {"AWS": [f"arn:aws:iam::{ACCOUNT}:role/x", SESSION]},
        {"AWS": PULL.arn},
        {"AWS": IDS[Access.PULL]},
        {"AWS": ACCOUNT},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:role/x"},
        {"AWS": "444455556666"},
        {"Service": "lambda.amazonaws.com"},
    ]
)


@st.composite
def resource_statements(draw: Any) -> Body:
    """Draw a statement of a repository's policy."""
    body: Body = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Principal", "Principal", "Principal", "NotPrincipal"])): draw(
            PRINCIPALS
        ),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(some(ACTION_PATTERNS)),
    }
    if draw(st.booleans()):
        body["Condition"] = {}
        for one in draw(st.lists(conditions(), min_size=1, max_size=2)):
            body["Condition"] |= one
    return body


POLICIES = st.lists(resource_statements(), max_size=3)


@st.composite
def spoiled(draw: Any) -> VendedRole:
    """Draw the pulling role with denies lost and statements added, mostly alike in both places."""
    sids = ["OnlyPull", "OnlyThisRegistry", "OnlyThesePrefixes"]
    own = PULL.policies[0]

    def changed() -> Document:
        lost = draw(st.one_of(st.just(set(sids)), st.sets(st.sampled_from(sids))))
        more = draw(st.lists(own_statements(), max_size=2))
        bodies = [dict(one.body) for one in own.statements if one.sid not in lost]
        whole = {"Version": "2012-10-17", "Statement": [*bodies, *more]}
        return document(own.kind, own.where, own.name, whole)

    own_policy = changed()
    limit = draw(st.sampled_from(["same", "other", "none"]))
    boundary = {"same": own_policy, "none": None}.get(
        limit, changed() if limit == "other" else None
    )
    return replace(PULL, policies=(own_policy, *PULL.policies[1:]), boundary=boundary)


def of_token(role: VendedRole, statements: list[Body]) -> Policies:
    """Return all that bounds a pull token for `payments/api` under a repository policy."""
    decision = Decision(
        "default",
        {Access.PULL: ("payments/api",)},
        expires_at=Request(MINT, "*", PULL.arn).now + timedelta(minutes=15),
    )
    session = json.loads(session_policy(decision, Origin("203.0.113.7"), partition="aws"))
    return Policies(
        tuple(body_of(one) for one in role.policies),
        session,
        body_of(role.boundary) if role.boundary else None,
        {"Version": "2012-10-17", "Statement": statements} if statements else None,
    )


def by_token(role: VendedRole, action: str, target: str) -> Request:
    """Return a request by a session of the role."""
    return Request(action, target, role.arn, role_id=role.role_id, context=CONTEXT)


def errors(account: Account) -> set[str]:
    """Return the codes of the errors that the doctor finds."""
    return {one.code for one in found(account) if one.severity is Severity.ERROR}


@given(spoiled(), POLICIES)
def test_without_an_error_no_token_does_more_than_was_granted(
    role: VendedRole, statements: list[Body]
) -> None:
    bounds = of_token(role, statements)
    asked = [(action, HERE) for action in NEVER]
    asked += [(action, OTHER) for action in (*NEVER, *TAKING)]
    wider = [one for one in asked if evaluate(bounds, by_token(role, *one))]
    event(f"wider: {bool(wider)}")
    account = with_role(lambda _: role)
    if statements:
        account = replace(account, policies=(policy(*statements),))
    assert not wider or errors(account)


@given(spoiled(), POLICIES)
def test_without_an_error_no_token_reaches_another_registry(
    role: VendedRole, statements: list[Body]
) -> None:
    bounds = of_token(role, statements)
    wider = [one for one in (*NEVER, *TAKING) if evaluate(bounds, by_token(role, one, ELSEWHERE))]
    event(f"wider: {bool(wider)}")
    # The doctor sees nothing of the other registry, and finds the role that would let it in.
    assert not wider or errors(with_role(lambda _: role))


EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@given(POLICIES)
def test_without_an_error_no_stranger_gets_in(statements: list[Body]) -> None:
    # Of no account, organisation or network that anybody would write into a policy on purpose.
    context = {
        "aws:PrincipalOrgID": "o-stranger000",
        "aws:SourceIp": "198.51.100.9",
        "aws:PrincipalTag/team": "payments",
        "aws:PrincipalTag/who": "999999999999",
    }
    bounds = Policies((EVERYTHING,), resource={"Version": "2012-10-17", "Statement": statements})
    gets = [
        action
        for action in (*NEVER, *TAKING)
        if evaluate(
            bounds,
            Request(
                action, HERE, STRANGER, role_id="AROASTRANGER", context=context, account=ACCOUNT
            ),
        )
    ]
    event(f"gets in: {bool(gets)}")
    codes = {one.code for one in found(replace(SOUND, policies=(policy(*statements),)))}
    # A policy that names the stranger's account means it; then it is told who that is.
    assert not gets or codes & {"open-to-everyone", "everyone-but", "foreign-account"}


@given(st.lists(st.tuples(PRINCIPALS, st.none() | conditions()), min_size=1, max_size=2))
def test_without_an_error_nobody_else_becomes_a_vended_role(
    trusted: list[tuple[Any, Body | None]],
) -> None:
    statements = [
        {
            "Effect": "Allow",
            "Principal": principal,
            "Action": "sts:AssumeRole",
            **({"Condition": condition} if condition else {}),
        }
        for principal, condition in trusted
    ]
    trust = {"Version": "2012-10-17", "Statement": statements}
    admin = f"arn:aws:iam::{ACCOUNT}:role/x"
    request = Request("sts:AssumeRole", PULL.arn, admin, context=CONTEXT)
    # Whatever a role is allowed, another role's trust must let it in.
    verdict = evaluate(Policies(resource=trust), request)
    event(f"becomes it: {bool(verdict)}")
    account = with_role(
        lambda role: replace(role, trust=document("trust", role.arn, "trust", trust))
    )
    assert not verdict or "trust-others" in errors(account)

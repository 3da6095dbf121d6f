"""What a token can really do, judged by the independent evaluator.

The judge puts together the session policy, the vended role's identity policy and boundary, and a
hostile policy on the repository, for any repository, action, time and address; the expectation
comes from the naive reading in `naive.py`.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from tests.iam import Policies, Request, evaluate
from tests.strategies import ARNS, NOW, ORIGINS, names_in, situations
from tests.unit.properties.naive import granting, usable
from tools.template.stack import Stack
from vending.access import Access
from vending.caller import Caller, Origin
from vending.decision import Decision, decide
from vending.errors import Code, Refused
from vending.policy import Policy
from vending.request import Limits, VendRequest
from vending.session_policy import LONGEST, session_policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from vending.policy import Grant

MINT = "ecr:GetAuthorizationToken"
PULL = {
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchCheckLayerAvailability",
    "ecr:ListImages",
}
GIVES = {
    Access.PULL: PULL,
    Access.PUSH: PULL
    | {"ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"},
    Access.PULL_THROUGH: PULL | {"ecr:BatchImportUpstreamImage", "ecr:CreateRepository"},
}
NEVER = {
    "ecr:BatchDeleteImage",
    "ecr:DeleteRepository",
    "ecr:SetRepositoryPolicy",
    "ecr:GetRepositoryPolicy",
    "ecr:DescribeImages",
    "ecr:ListTagsForResource",
    "ecr:PutLifecyclePolicy",
    "s3:GetObject",
    "sts:AssumeRole",
}
ACTIONS = sorted(set().union(*GIVES.values()) | NEVER)
ACCOUNT = "111122223333"
REGISTRY = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/"
ELSEWHERE = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


VENDED = {Access.PULL: "Pull", Access.PUSH: "Push", Access.PULL_THROUGH: "PullThrough"}


@cache
def boundary(access: Access) -> dict[str, Any]:
    """Return the boundary of the vended role of `access`, as the template deploys it.

    The same policy is all that the role is granted.
    """
    stack, logical = Stack(), VENDED[access]
    role = stack.properties(f"{logical}Role")
    arn = stack.ref(f"{logical}Boundary")
    # The policy of revocations beside it only denies.
    revocations = stack.ref(f"{logical}Revocations")
    assert (role["PermissionsBoundary"], role["ManagedPolicyArns"]) == (arn, [arn, revocations])
    assert "Policies" not in role
    found: dict[str, Any] = stack.properties(f"{logical}Boundary")["PolicyDocument"]
    return found


def hostile_policy(session: Request, principal: object, **elements: Any) -> dict[str, Any]:
    """Return a repository policy that allows a principal everything."""
    return document({"Effect": "Allow", "Action": "*", "Principal": principal, **elements})


HOSTILE: dict[str, Callable[[Request], dict[str, Any] | None]] = {
    "none": lambda _: None,
    "the session": lambda s: hostile_policy(s, {"AWS": s.session_arn}),
    "the role": lambda s: hostile_policy(s, {"AWS": s.role}),
    "anybody": lambda s: hostile_policy(s, "*"),
    "anybody with the role": lambda s: hostile_policy(
        s, {"AWS": "*"}, Condition={"ArnEquals": {"aws:PrincipalArn": s.role}}
    ),
    "anybody in the session": lambda s: hostile_policy(
        s, "*", Condition={"StringLike": {"aws:userid": f"*:{s.session}"}}
    ),
}
"""Policies on the repository, by whom they name."""


@dataclass(frozen=True)
class Situation:
    """A policy, who asks it for what, and what was decided."""

    policy: Policy
    caller: Caller
    asked: VendRequest
    decision: Decision

    def giving(self, name: str, access: Access) -> list[Grant]:
        """Return the grants that give an access to a repository, read naively."""
        return granting(self.policy, self.caller, self.asked, NOW, name=name, access=access)


@st.composite
def decided(draw: Any, *, refused: bool) -> Situation:
    """Draw a situation that was decided one way or the other."""
    policy, caller, asked = draw(situations())
    decision = decide(policy, caller, asked, now=NOW, limits=Limits())
    assume((decision.refusal is not None) is refused)
    return Situation(policy, caller, asked, decision)


def attempts(situation: Situation, origin: Origin, action: str, name: str) -> list[Request]:
    """Return the ways to try something with the token: as meant, and each a step beyond."""
    end = situation.decision.expires_at or NOW
    private = {"aws:SourceVpc": origin.vpc} if origin.vpc else {}
    meant = Request(
        action,
        REGISTRY + name,
        f"arn:aws:iam::{ACCOUNT}:role/ecr-vend-{situation.decision.access}",
        session="v-01jd8w0000000000000000000",
        now=end,
        # Through a VPC endpoint the address is not in the request, the VPC is.
        source_ip=None if private else origin.source_ip,
        context=private,
    )
    return [
        meant,
        replace(meant, now=end + timedelta(seconds=1)),
        replace(meant, now=end + timedelta(hours=11)),
        replace(meant, source_ip="198.51.100.1", context={}),
        replace(meant, source_ip=None, context={"aws:SourceVpc": "vpc-99999999"}),
        replace(meant, resource=ELSEWHERE + name),
    ]


def is_from(origin: Origin, request: Request) -> bool:
    """Say whether a request comes from where the vend came from."""
    if origin.vpc:
        return request.context.get("aws:SourceVpc") == origin.vpc
    return request.source_ip == origin.source_ip


def is_granted(situation: Situation, origin: Origin, request: Request) -> bool:
    """Say whether the policy means the token to be able to do this, here and then."""
    decision = situation.decision
    name = request.resource.removeprefix(REGISTRY)
    return (
        request.resource.startswith(REGISTRY)
        and any(
            request.action in GIVES[access] and situation.giving(name, access) for access in Access
        )
        and request.now <= (decision.expires_at or NOW)
        and (not decision.bind_source_ip or is_from(origin, request))
    )


def judge(situation: Situation, origin: Origin, action: str, name: str, hostile: str) -> int:
    """Hold every attempt at one action on one repository against what is granted.

    Returns how many of the attempts are granted.
    """
    text = session_policy(situation.decision, origin, partition="aws")
    role = boundary(situation.decision.access)
    granted = 0
    for request in attempts(situation, origin, action, name):
        policies = Policies((role,), json.loads(text), role, HOSTILE[hostile](request))
        found, expected = evaluate(policies, request), is_granted(situation, origin, request)
        assert bool(found) is expected, (found.because, request)
        granted += expected
    return granted


@given(situation=decided(refused=False), origin=ORIGINS, data=st.data())
def test_a_token_can_do_exactly_what_was_granted_and_never_more(
    situation: Situation, origin: Origin, data: st.DataObject
) -> None:
    for _ in range(4):
        name = data.draw(names_in(situation.policy))
        action = data.draw(st.sampled_from(ACTIONS))
        granted = judge(situation, origin, action, name, data.draw(st.sampled_from(list(HOSTILE))))
        event(f"granted: {granted > 0}")


EVERYTHING = {"callers": [{"account": ACCOUNT}], "repositories": ["*"]}
SOME = {"callers": [{"account": ACCOUNT}], "repositories": ["aa/*"]}
PUSHED, PULLED, CACHED = ({"access": name} for name in ("push", "pull", "pull-through"))
KNOWN: dict[str, tuple[Access, dict[str, Any]]] = {
    "pushed here, pulled there": (
        Access.PUSH,
        {"grants": [SOME | PUSHED, EVERYTHING | PULLED]},
    ),
    "cached here, pulled there": (
        Access.PULL_THROUGH,
        {"grants": [SOME | CACHED, EVERYTHING | PULLED]},
    ),
    "less a part": (
        Access.PUSH,
        {"grants": [SOME | PUSHED], "denies": [{"repositories": ["*b", "ba/*"]}]},
    ),
    "within the ceiling": (
        Access.PUSH,
        {"grants": [EVERYTHING | PUSHED], "ceiling": {"repositories": ["aa/*", "ab"]}},
    ),
    "only from one place": (
        Access.PULL,
        {"grants": [SOME | PUSHED, EVERYTHING | PULLED | {"bind_source_ip": True}]},
    ),
}
"""Tokens that need each statement of a session policy: what is asked for, and the document."""


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("known", KNOWN)
def test_a_known_token_can_do_exactly_what_was_granted(known: str, hostile: str) -> None:
    access, text = KNOWN[known]
    found: dict[str, Any] = {"version": 1, **copy.deepcopy(text)}
    for kind in ("grants", "denies"):
        for number, entry in enumerate(found.get(kind, [])):
            entry["name"] = f"{kind}-{number}"
    policy = Policy.model_validate(found)
    caller = Caller.from_arn(ARNS[0], principal_id="AROAEXAMPLE12")
    asked = VendRequest("default", access=access)
    decision = decide(policy, caller, asked, now=NOW, limits=Limits())
    situation = Situation(policy, caller, asked, decision)
    granted = [
        judge(situation, Origin("203.0.113.7"), action, name, hostile)
        for name in ("aa/ab", "aa/aa", "ab", "ba/b-a")
        for action in ("ecr:BatchGetImage", "ecr:PutImage", "ecr:CreateRepository", "ecr:ListTags")
    ]
    assert 0 < sum(granted) < 6 * len(granted)


@given(situation=decided(refused=False), origin=ORIGINS)
def test_the_mint_itself_is_allowed_from_the_function(situation: Situation, origin: Origin) -> None:
    text = session_policy(situation.decision, origin, partition="aws")
    role = boundary(situation.decision.access)
    mint = Request(MINT, "*", f"arn:aws:iam::{ACCOUNT}:role/r", now=NOW, source_ip="192.0.2.99")
    assert evaluate(Policies((role,), json.loads(text), role), mint)


@given(situation=decided(refused=True), data=st.data())
def test_what_is_not_granted_was_granted_by_nothing(
    situation: Situation, data: st.DataObject
) -> None:
    refusal = situation.decision.refusal
    assert refusal is not None
    assert not situation.decision.scope
    assume(refusal.code is Code.NOT_GRANTED)
    for access in Access:
        name = data.draw(names_in(situation.policy))
        assert not situation.giving(name, access), name


@given(situation=decided(refused=False), data=st.data())
def test_a_token_is_bound_by_every_grant_that_gives_some_of_it(
    situation: Situation, data: st.DataObject
) -> None:
    policy, asked, decision = situation.policy, situation.asked, situation.decision
    assert decision.expires_at is not None
    named = [(a, name) for a, names in asked.repositories.items() for name in names]
    drawn = st.tuples(st.sampled_from(Access), names_in(policy))
    for access, name in named or data.draw(st.lists(drawn, min_size=6, max_size=6)):
        giving = {grant.name for grant in situation.giving(name, access)}
        assert giving <= set(decision.grants)
    allowed = {grant.name: grant for grant in usable(policy, situation.caller, asked, NOW)}
    for grant in (allowed[name] for name in decision.grants):
        assert decision.expires_at <= NOW + (grant.max_ttl or Limits().longest)
        assert grant.expires_on is None or decision.expires_at <= midnight_after(grant.expires_on)
        assert decision.bind_source_ip or not grant.bind_source_ip
        assert not grant.break_glass or (asked.grant == grant.name and asked.reason)
        assert not grant.break_glass or decision.expires_at <= NOW + timedelta(minutes=15)
    for longest in (Limits().longest, asked.ttl, policy.bounds.max_ttl):
        assert longest is None or decision.expires_at <= NOW + longest


def midnight_after(day: date) -> datetime:
    """Return the end of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


@given(decided(refused=False), ORIGINS, st.integers(1, 60))
def test_a_session_policy_fits_sts_whole_or_is_refused(
    situation: Situation, origin: Origin, copies: int
) -> None:
    access = situation.decision.access
    scope = {
        access: tuple(f"{n}/{p}" for p in situation.decision.scope[access] for n in range(copies))
    }
    larger = replace(situation.decision, scope=scope)
    try:
        text = session_policy(larger, origin, partition="aws")
    except Refused as refused:
        event("refused")
        text, refusal = "", refused.refusal
        assert refusal.code is Code.SCOPE_TOO_LARGE
        assert len(scope[access]) > 5
    else:
        assert len(text) <= LONGEST
        assert all(f':repository/{pattern}"' in text for pattern in scope[access])

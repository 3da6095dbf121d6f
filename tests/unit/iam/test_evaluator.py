"""The judge itself: whole requests, after AWS's flow charts and the ways round a policy."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.iam import Policies, Request, evaluate

ROOT = Path(__file__).resolve().parents[3]
ROLE = "arn:aws:iam::111122223333:role/path/examplerole"
REPOSITORY = "arn:aws:ecr:eu-west-1:111122223333:repository/team/app"
PULL = Request("ecr:BatchGetImage", REPOSITORY, ROLE, session="examplesession")
SESSION_ARN = "arn:aws:sts::111122223333:assumed-role/examplerole/examplesession"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: str = "ecr:*", resource: str = "*", **elements: Any) -> dict[str, Any]:
    """Return a policy that allows one thing."""
    return document({"Effect": "Allow", "Action": action, "Resource": resource, **elements})


def deny(action: str = "ecr:*", resource: str = "*", **elements: Any) -> dict[str, Any]:
    """Return a policy that denies one thing."""
    return document({"Effect": "Deny", "Action": action, "Resource": resource, **elements})


def repository_policy(principal: object, effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    """Return a repository policy, which has no Resource."""
    return document({"Effect": effect, "Principal": principal, "Action": "ecr:*", **elements})


NOTHING = allow(action="sts:GetCallerIdentity")


def test_nothing_is_allowed_by_default() -> None:
    assert not evaluate(Policies(), PULL)
    assert not evaluate(Policies(identity=(NOTHING,)), PULL)


def test_one_allow_of_several_identity_policies_is_enough() -> None:
    assert evaluate(Policies(identity=(NOTHING, allow())), PULL)


@pytest.mark.parametrize("where", ["identity", "session", "boundary", "resource"])
def test_an_explicit_deny_anywhere_wins(where: str) -> None:
    everything = Policies((allow(),), allow(), allow(), repository_policy("*"))
    assert evaluate(everything, PULL)
    denied: dict[str, Any] = {
        "identity": (allow(), deny()),
        "resource": repository_policy({"AWS": ROLE}, "Deny"),
    }
    assert not evaluate(replace(everything, **{where: denied.get(where, deny())}), PULL)


@pytest.mark.parametrize("limit", ["session", "boundary"])
def test_session_policy_and_boundary_limit_the_roles_own_grants(limit: str) -> None:
    limits: dict[str, Any] = {limit: NOTHING}
    assert not evaluate(Policies(identity=(allow(),), **limits), PULL)


@pytest.mark.parametrize("limit", ["session", "boundary"])
def test_neither_grants_anything_by_itself(limit: str) -> None:
    limits: dict[str, Any] = {limit: allow()}
    assert not evaluate(Policies(**limits), PULL)


@pytest.mark.parametrize("principal", [{"AWS": ROLE}, {"AWS": [PULL.role_id]}])
def test_a_resource_policy_that_names_the_role_counts_like_an_identity_policy(
    principal: object,
) -> None:
    granted = Policies(resource=repository_policy(principal))
    assert evaluate(granted, PULL)
    assert not evaluate(replace(granted, session=NOTHING), PULL)
    assert not evaluate(replace(granted, boundary=NOTHING), PULL)


WAYS_ROUND = [
    ({"AWS": SESSION_ARN}, {}),
    ("*", {}),
    ({"AWS": "*"}, {"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}}),
    ({"AWS": "*"}, {"Condition": {"StringLike": {"aws:userid": "AROA*:examplesession"}}}),
    ("*", {"Condition": {"Null": {"aws:SourceVpc": "true"}}}),
]


@pytest.mark.parametrize(("principal", "elements"), WAYS_ROUND)
def test_a_resource_policy_that_names_the_session_passes_by_every_implicit_deny(
    principal: object, elements: dict[str, Any]
) -> None:
    hostile = repository_policy(principal, **elements)
    assert evaluate(Policies((NOTHING,), NOTHING, NOTHING, hostile), PULL)


@pytest.mark.parametrize(("principal", "elements"), WAYS_ROUND)
@pytest.mark.parametrize("limit", ["session", "boundary"])
def test_an_explicit_deny_stops_it_all_the_same(
    limit: str, principal: object, elements: dict[str, Any]
) -> None:
    limits: dict[str, Any] = {"session": allow(), "boundary": allow()} | {limit: deny()}
    hostile = repository_policy(principal, **elements)
    assert not evaluate(Policies(identity=(allow(),), resource=hostile, **limits), PULL)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "arn:aws:iam::111122223333:role/examplerole"},  # the path is missing
        {"AWS": "arn:aws:iam::111122223333:role/path/*"},  # no wildcard inside an ARN
        {"AWS": SESSION_ARN + "2"},
        {"AWS": "444455556666"},
        {"Service": "ecr.amazonaws.com"},
        {"Federated": "*"},
    ],
)
def test_a_resource_policy_that_names_someone_else_grants_nothing(principal: object) -> None:
    assert not evaluate(Policies(resource=repository_policy(principal)), PULL)


@pytest.mark.parametrize(
    "principal",
    ["*", {"AWS": "111122223333"}, {"AWS": "arn:aws:iam::111122223333:root"}, {"AWS": SESSION_ARN}],
)
def test_a_resource_policy_denies_by_any_name_of_the_caller(principal: object) -> None:
    assert not evaluate(Policies((allow(),), resource=repository_policy(principal, "Deny")), PULL)


def test_not_principal_means_all_who_are_not_listed() -> None:
    def but(*names: str) -> dict[str, Any]:
        return document({"Effect": "Deny", "NotPrincipal": {"AWS": list(names)}, "Action": "ecr:*"})

    assert not evaluate(Policies((allow(),), resource=but("444455556666")), PULL)
    assert evaluate(Policies((allow(),), resource=but(ROLE, SESSION_ARN)), PULL)


def test_across_accounts_both_sides_must_allow() -> None:
    abroad = replace(PULL, account="444455556666")
    policy = repository_policy({"AWS": SESSION_ARN})
    assert not evaluate(Policies((allow(),)), abroad)
    assert not evaluate(Policies(resource=policy), abroad)
    assert not evaluate(Policies((allow(),), session=NOTHING, resource=policy), abroad)
    assert evaluate(Policies((allow(),), allow(), allow(), policy), abroad)


@pytest.mark.parametrize(
    ("statement", "action", "expected"),
    [
        ({"Action": "ECR:batchgetimage"}, "ecr:BatchGetImage", True),
        ({"Action": "ecr:Batch*"}, "ecr:BatchGetImage", True),
        ({"Action": "ecr:?atchGetImage"}, "ecr:BatchGetImage", True),
        ({"Action": ["ecr:PutImage"]}, "ecr:BatchGetImage", False),
        ({"Action": "*"}, "ecr:BatchGetImage", True),
        ({"Action": "e*"}, "ecr:BatchGetImage", True),
        ({"NotAction": "ecr:PutImage"}, "ecr:BatchGetImage", True),
        ({"NotAction": "iam:*"}, "ecr:BatchGetImage", True),
        ({"NotAction": ["ecr:PutImage", "ecr:batch*"]}, "ecr:BatchGetImage", False),
    ],
)
def test_actions_match_without_case(
    statement: dict[str, Any], action: str, *, expected: bool
) -> None:
    policy = document({"Effect": "Allow", "Resource": "*", **statement})
    assert bool(evaluate(Policies((policy,)), replace(PULL, action=action))) is expected


@pytest.mark.parametrize(
    ("statement", "resource", "expected"),
    [
        ({"Resource": "arn:aws:ecr:*:*:repository/team/*"}, REPOSITORY, True),
        ({"Resource": "arn:aws:ecr:*:*:repository/Team/*"}, REPOSITORY, False),
        ({"Resource": "arn:aws:ecr:*:*:repository/*"}, "*", False),
        ({"NotResource": "arn:aws:ecr:*:*:repository/*"}, "*", True),
        ({"NotResource": ["arn:aws:ecr:*:*:repository/team/*"]}, REPOSITORY, False),
        ({"NotResource": ["arn:aws:ecr:*:*:repository/other"]}, REPOSITORY, True),
    ],
)
def test_resources_match_with_case(
    statement: dict[str, Any], resource: str, *, expected: bool
) -> None:
    policy = document({"Effect": "Allow", "Action": "ecr:*", **statement})
    assert bool(evaluate(Policies((policy,)), replace(PULL, resource=resource))) is expected


def test_a_deny_on_time_address_or_session_ends_what_was_allowed() -> None:
    late = {"DateGreaterThan": {"aws:CurrentTime": "2026-11-23T12:00:00Z"}}
    elsewhere = {"NotIpAddress": {"aws:SourceIp": "203.0.113.7/32"}}
    revoked = {"StringEquals": {"aws:userid": f"{PULL.role_id}:examplesession"}}
    for condition, change in (
        (late, {"now": datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)}),
        (elsewhere, {"source_ip": "198.51.100.1"}),
        (elsewhere, {"source_ip": None}),  # absent, as through a VPC endpoint
    ):
        session = document(*allow()["Statement"], *deny(Condition=condition)["Statement"])
        policies = Policies((allow(),), session)
        assert evaluate(policies, PULL)
        assert not evaluate(policies, replace(PULL, **change))
    revoking = Policies((allow(), deny(Condition=revoked)))
    assert not evaluate(revoking, PULL)
    assert evaluate(revoking, replace(PULL, session="another"))


def test_a_key_can_be_added_or_taken_away() -> None:
    policy = allow(Condition={"Null": {"aws:userid": "true"}})
    assert not evaluate(Policies((policy,)), PULL)
    assert evaluate(Policies((policy,)), replace(PULL, context={"aws:userid": None}))


@pytest.mark.parametrize("mistake", [{"Effect": "allow"}, {"Conditions": {}}, {"resource": "*"}])
def test_a_statement_the_judge_does_not_know_is_an_error(mistake: dict[str, Any]) -> None:
    policy = document({"Effect": "Allow", "Action": "*", "Resource": "*", **mistake})
    with pytest.raises(ValueError, match="not a statement"):
        evaluate(Policies((policy,)), PULL)


def test_the_judge_shares_no_code_with_what_it_judges() -> None:
    code = "import sys, tests.iam; print(sorted(n for n in sys.modules if n[:7] in NAMES))"
    code = code.replace("NAMES", "('vending', 'handler')")
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'functions'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "[]\n"

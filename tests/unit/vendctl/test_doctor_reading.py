"""`vendctl doctor registry`: what it reads of an account, and what it may not read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.doctored import ASKED, PULL, SOUND, allow, inline, with_policy, with_role
from tests.fake_aws import FakeAws, with_repositories
from tests.unit.vendctl.test_doctor_registry import OPEN, answered, codes, run
from vendctl.doctor.documents import document
from vendctl.doctor.reading import RIGHTS
from vendctl.doctor.resource_policies import REGISTRY, TEMPLATE

READING = [one.partition(":")[2] for one in RIGHTS if not one.startswith("cloudformation")]


@pytest.mark.parametrize("kind", [REGISTRY, TEMPLATE])
def test_the_registrys_policy_and_the_templates_of_new_repositories_are_read(kind: str) -> None:
    code, answer = answered(FakeAws(with_policy(allow("*"), kind=kind)))
    assert (code, codes(answer)) == (1, {"open-to-everyone": "error"})


def test_every_page_is_read() -> None:
    names = [f"team/{number}" for number in range(9)]
    body = {"Statement": [allow("*")]}
    last = document("repository policy", ASKED.place.repository("team/8"), "team/8", body)
    more = tuple(
        inline({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, name=f"p{n}")
        for n in range(5)
    )
    roles = tuple(
        replace(one, policies=(*one.policies, *more)) if one is PULL else one for one in SOUND.roles
    )
    trusts = tuple(
        document(
            "trust",
            f"arn:aws:iam::111122223333:role/r{number}",
            "trust",
            {
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"AWS": PULL.arn},
                    "Action": "sts:AssumeRole",
                }
            },
        )
        for number in range(7)
    )
    account = replace(
        with_repositories(*names),
        policies=(last,),
        roles=roles,
        trusts=trusts,
        pull_through=("a", "b", "ROOT"),
    )
    _, answer = answered(FakeAws(account))
    found = [one["code"] for one in answer["findings"]]
    assert {code: found.count(code) for code in found} == {
        "open-to-everyone": 1,
        "wider-actions": 5,
        "onward-trust": 7,
        "pull-through-everywhere": 1,
        "mutable-tags": 1,
    }
    assert answer["looked_at"]["repositories"] == 9


def test_only_the_repositories_that_are_asked_for_are_read() -> None:
    account = with_repositories("payments/api", "search/indexer")
    _, answer = answered(FakeAws(account), "--repositories", "search/*")
    assert answer["looked_at"]["repositories"] == 1


def test_the_rights_in_the_documentation_are_those_of_the_calls_made() -> None:
    body = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    aws = FakeAws(
        with_role(
            lambda role: replace(
                role, policies=(*role.policies, document("inline policy", role.arn, "x", body))
            )
        )
    )
    run(aws)
    assert aws.calls == {*RIGHTS, "sts:GetCallerIdentity"}


@pytest.mark.parametrize("operation", READING)
def test_a_call_that_is_refused_is_told_and_never_counts_as_healthy(operation: str) -> None:
    aws = FakeAws(
        with_policy(allow("arn:aws:iam::111122223333:role/x")), {operation: "AccessDeniedException"}
    )
    code, answer = answered(aws)
    assert code == 1
    (right,) = {one["call"] for one in answer["could_not_look"]}
    assert right.endswith(f":{operation}")
    assert right in RIGHTS
    assert {one["why"] for one in answer["could_not_look"]} == {"AccessDeniedException"}
    # Nothing is concluded from what is missing.
    assert codes(answer) == {}
    assert "could not look: " in run(aws)[1]


def test_where_nothing_can_be_read_the_command_could_not() -> None:
    aws = FakeAws(refused=dict.fromkeys(READING, "AccessDenied"))
    assert answered(aws)[0] == 2


def test_what_is_no_document_could_not_be_looked_at() -> None:
    for text in ("{", "[]", '{"Statement": "x"}', '{"Statement": [{"Effect": "Maybe"}]}'):
        code, answer = answered(FakeAws(OPEN, broken={"payments/api": text}))
        assert (code, answer["findings"]) == (1, [])
        (gap,) = answer["could_not_look"]
        assert gap["call"] == "ecr:GetRepositoryPolicy"
        assert "a document" in gap["why"]


def test_nothing_is_concluded_of_a_role_whose_boundary_is_no_document() -> None:
    policy = "arn:aws:iam::111122223333:policy/limits"
    assert PULL.boundary
    other = replace(PULL.boundary, name=policy, kind="permissions boundary")
    aws = FakeAws(with_role(lambda role: replace(role, boundary=other)), broken={policy: "{"})
    code, answer = answered(aws)
    assert (code, answer["findings"]) == (1, [])
    (gap,) = answer["could_not_look"]
    assert gap["call"] == "iam:GetPolicyVersion"


def test_a_repository_that_went_away_meanwhile_is_no_gap() -> None:
    aws = FakeAws(refused={"GetRepositoryPolicy": "RepositoryNotFoundException"})
    assert answered(aws)[0] == 0


def test_a_role_that_is_not_there_is_told() -> None:
    code, answer = answered(FakeAws(replace(SOUND, roles=SOUND.roles[1:])))
    assert code == 1
    (gap,) = answer["could_not_look"]
    assert (gap["call"], gap["where"], gap["why"]) == ("iam:GetRole", PULL.arn, "NoSuchEntity")


def test_a_policy_that_aws_wrote_is_taken_for_nobodys_own() -> None:
    body = {
        "Statement": [
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
            allow("*") | {"Effect": "Deny"},
        ]
    }
    arn = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    theirs = document("managed policy", PULL.arn, arn, body, alone=True)
    aws = FakeAws(with_role(lambda role: replace(role, policies=(*role.policies, theirs))))
    (finding,) = answered(aws)[1]["findings"]
    assert finding["commands"] == [
        f"aws iam detach-role-policy --role-name ecr-vend-pull --policy-arn {arn}"
    ]

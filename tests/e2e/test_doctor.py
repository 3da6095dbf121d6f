"""`vendctl doctor registry` on the embedded stack: what it finds really defeats the scope there.

Each defect is planted, tried with a token, found, ended by the very lines that the doctor prints,
and tried again. The doctor itself has the rights that docs/registries.md lists and no other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import Credentials

from local.emulator import ACCOUNT
from local.oci import Refused, small_image
from tests.e2e.running import running
from tests.e2e.spoiling import (
    allow,
    assumed,
    cure,
    document,
    pulls,
    pushes,
    rewrite_boundary,
    set_policy,
    user,
)
from tests.e2e.test_registries import ELSEWHERE, At, deploy_registry, elsewhere
from vendctl.__main__ import main
from vendctl.doctor.reading import RIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator

ROLE = "ecr-vend-pull"
NOT_THERE = {
    "ecr:DescribePullThroughCacheRules",
    "ecr:DescribeRepositoryCreationTemplates",
    "ecr:GetRegistryPolicy",
    "servicequotas:ListAWSDefaultServiceQuotas",
    "servicequotas:ListServiceQuotas",
}
"""What the emulator does not have."""

EXPECTED = {"function-role-untied": "warning", "mutable-tags": "note"}
"""The emulator lacks `lambda:SourceFunctionArn`, so the local deployment leaves out that policy."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack of this module's own, to be spoiled."""
    with running() as found:
        for role, repository in (
            ("payments-publisher", "payments/api"),
            ("search-publisher", "search/indexer"),
        ):
            client = found.with_token(found.vend(role, access="push"))
            client.push(repository, "doctor", small_image(repository))
        yield found


@pytest.fixture(scope="module")
def reader(stack: Stack) -> Credentials:
    """Who may do what the documentation says the doctor needs, and nothing else."""
    return user(stack, "doctor", *RIGHTS)


@pytest.fixture
def doctor(
    stack: Stack,
    reader: Credentials,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run the command as the reader."""
    for name, value in {
        "AWS_ENDPOINT_URL": stack.about["url"],
        "AWS_DEFAULT_REGION": stack.about["region"],
        "AWS_ACCESS_KEY_ID": reader.access_key,
        "AWS_SECRET_ACCESS_KEY": reader.secret_key,
    }.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main(["doctor", "registry", "--json", *words])
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        gaps = {one["call"] for one in answer["could_not_look"]}
        assert gaps <= NOT_THERE
        return code, answer

    return run


def severities(answer: dict[str, Any]) -> dict[str, str]:
    """Return the worst severity of each code, without what the emulator itself brings."""
    found = {one["code"]: one["severity"] for one in reversed(answer["findings"])}
    return {code: severity for code, severity in found.items() if code not in EXPECTED}


def test_nothing_wrong_is_found_in_the_stack_that_we_deploy(
    doctor: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    code, answer = doctor()
    assert {one["code"]: one["severity"] for one in answer["findings"]} == EXPECTED
    # What could not be looked at is never taken for sound.
    assert code == 1
    assert {one["call"] for one in answer["could_not_look"]} == NOT_THERE
    assert answer["looked_at"]["vended roles"] == 3
    assert answer["looked_at"]["repositories"] >= 3


def test_a_session_that_is_named_pushes_with_a_pull_token_once_the_deny_is_lost(
    stack: Stack, doctor: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    answer = stack.vend("payments-ci")
    client = stack.with_token(answer)
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/{answer['vend_id']}"
    everything = {"Effect": "Allow", "Principal": {"AWS": session}, "Action": "ecr:*"}
    set_policy(stack, "payments/api", everything)
    assert not pushes(client, "payments/api")
    assert severities(doctor()[1]) == {"session-named": "warning"}

    rewrite_boundary(stack, lambda one: one["Sid"] != "OnlyPull")
    assert pushes(client, "payments/api")
    code, found = doctor()
    assert (code, severities(found)) == (
        1,
        {"session-named": "error", "deny-of-actions": "error", "boundary-wide": "error"},
    )

    cure(stack, found)
    assert not pushes(client, "payments/api")
    assert severities(doctor()[1]) == {}
    client.pull("payments/api", "doctor")


def test_a_role_with_wider_actions_pushes_with_a_pull_token(
    stack: Stack, doctor: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    client = stack.with_token(stack.vend("payments-ci"))
    wide = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
    rewrite_boundary(stack, lambda _: False, wide)
    assert pushes(client, "payments/api")
    found = doctor()[1]
    assert severities(found) == dict.fromkeys(
        ["wider-actions", "deny-of-actions", "deny-of-registries", "boundary-wide"], "error"
    )
    cure(stack, found)
    assert not pushes(client, "payments/api")
    assert severities(doctor()[1]) == {}


def test_without_the_deny_of_registries_a_token_works_in_another(
    stack: Stack, doctor: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    answer = stack.vend("payments-ci")
    there = At(stack.registry, answer["username"], answer["password"])
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/{answer['vend_id']}"
    statement = {"Effect": "Allow", "Principal": {"AWS": session}, "Action": "ecr:*"}
    ecr = elsewhere(stack, "ecr")
    ecr.create_repository(repositoryName="payments/api")
    ecr.set_repository_policy(repositoryName="payments/api", policyText=document(statement))
    lists = "/v2/payments/api/tags/list"
    with pytest.raises(Refused):
        there.call("GET", lists)

    rewrite_boundary(stack, lambda one: one["Sid"] != "OnlyThisRegistry")
    assert there.call("GET", lists).status == 200
    found = doctor()[1]
    assert severities(found) == dict.fromkeys(["deny-of-registries", "boundary-wide"], "error")
    cure(stack, found)
    with pytest.raises(Refused):
        there.call("GET", lists)
    assert severities(doctor()[1]) == {}
    ecr.delete_repository(repositoryName="payments/api", force=True)


def test_who_is_trusted_beside_the_function_has_the_whole_registry(
    stack: Stack, doctor: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    iam = stack.client("iam")
    stranger = user(stack, "stranger-of-trust", "sts:AssumeRole", "sts:SetSourceIdentity")
    role = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    assert assumed(stack, stranger, role) is None
    trust = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    more = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/stranger-of-trust"},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
    }
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=document(*trust["Statement"], more))
    session = assumed(stack, stranger, role)
    assert session
    assert pulls(stack, session, "search/indexer")
    found = doctor()[1]
    assert severities(found) == {"trust-others": "error"}

    cure(stack, found)
    assert assumed(stack, stranger, role) is None
    assert severities(doctor()[1]) == {}
    stack.with_token(stack.vend("payments-ci")).pull("payments/api", "doctor")


def test_who_may_be_the_function_may_be_every_vended_role(
    stack: Stack, doctor: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    iam = stack.client("iam")
    stranger = user(stack, "stranger-of-function", "sts:AssumeRole", "sts:SetSourceIdentity")
    name = stack.physical("VendFunctionRole")
    function = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    more = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/stranger-of-function"},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
    }
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=document(*trust["Statement"], more))
    as_function = assumed(stack, stranger, function)
    assert as_function
    session = assumed(stack, as_function, f"arn:aws:iam::{ACCOUNT}:role/{ROLE}")
    assert session
    assert pulls(stack, session, "search/indexer")
    found = doctor()[1]
    assert severities(found) == {"function-role-trusted": "error"}

    cure(stack, found)
    assert assumed(stack, stranger, function) is None
    assert severities(doctor()[1]) == {}
    stack.with_token(stack.vend("payments-ci")).pull("payments/api", "doctor")


def test_what_is_open_to_everybody_needs_no_service(
    stack: Stack, doctor: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    anybody = user(stack, "anybody", "ecr:GetAuthorizationToken")
    assert not pulls(stack, anybody, "search/indexer")
    kept = {
        "Sid": "Deployer",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/payments-ci"},
        "Action": "ecr:BatchGetImage",
    }
    everybody = {"Sid": "All", "Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
    set_policy(stack, "search/indexer", kept, everybody)
    assert pulls(stack, anybody, "search/indexer")
    found = doctor()[1]
    assert severities(found) == {"open-to-everyone": "error"}
    assert found["findings"][0]["statement_id"] == "All"

    cure(stack, found)
    assert not pulls(stack, anybody, "search/indexer")
    assert severities(doctor()[1]) == {}
    ecr = stack.client("ecr")
    left = json.loads(ecr.get_repository_policy(repositoryName="search/indexer")["policyText"])
    assert [one["Sid"] for one in left["Statement"]] == ["Deployer"]
    ecr.delete_repository_policy(repositoryName="search/indexer")


def lose_the_boundary(stack: Stack) -> None:
    stack.client("iam").delete_role_permissions_boundary(RoleName=ROLE)


def lose_the_revocations(stack: Stack) -> None:
    stack.client("iam").detach_role_policy(
        RoleName=ROLE, PolicyArn=stack.physical("PullRevocations")
    )


def lengthen_the_sessions(stack: Stack) -> None:
    stack.client("iam").update_role(RoleName=ROLE, MaxSessionDuration=43200)


def ask_for_no_name(stack: Stack) -> None:
    iam = stack.client("iam")
    trust = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    bare = [{k: v for k, v in one.items() if k != "Condition"} for one in trust["Statement"]]
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=document(*bare))


def add_more(stack: Stack) -> None:
    more = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    stack.client("iam").put_role_policy(
        RoleName=ROLE, PolicyName="more", PolicyDocument=document(more)
    )


@pytest.mark.parametrize(
    ("plant", "code"),
    [
        (lose_the_boundary, "boundary-missing"),
        (lose_the_revocations, "revocations-detached"),
        (lengthen_the_sessions, "long-sessions"),
        (ask_for_no_name, "trust-unbound"),
        (add_more, "wider-actions"),
    ],
)
def test_what_only_weakens_a_role_is_found_and_ended(
    stack: Stack,
    doctor: Callable[..., tuple[int, dict[str, Any]]],
    plant: Callable[[Stack], None],
    code: str,
) -> None:
    plant(stack)
    found = doctor()[1]
    assert severities(found) == {code: "warning"}
    cure(stack, found)
    assert severities(doctor()[1]) == {}


def test_the_owners_of_another_registry_find_nothing_wrong_either(
    stack: Stack, doctor: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    deploy_registry(stack)
    answer = doctor("--stack", "ecr-vend-images", "--region", ELSEWHERE)[1]
    assert answer["roles"]["pull"] == "ecr-vend-images.eu.eu-central-1-pull"
    assert answer["looked_at"]["repositories"] == 2
    assert {one["code"]: one["severity"] for one in answer["findings"]} == EXPECTED


def test_a_right_that_is_missing_is_told(
    stack: Stack,
    doctor: Callable[..., tuple[int, dict[str, Any]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    allow(stack, "doctor", *(one for one in RIGHTS if one != "ecr:GetRepositoryPolicy"))
    try:
        code = main(["doctor", "registry", "--json"])
        answer = json.loads(capsys.readouterr().out)
    finally:
        allow(stack, "doctor", *RIGHTS)
    gaps = [one for one in answer["could_not_look"] if one["call"] == "ecr:GetRepositoryPolicy"]
    assert code == 1
    assert len(gaps) == answer["looked_at"]["repositories"]
    assert {one["why"] for one in gaps} == {"AccessDeniedException"}

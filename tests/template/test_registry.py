"""Registries elsewhere: their roles are the service's own, and only the service has them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.iam.evaluator import Policies, Request, evaluate
from tests.template.test_functions import environment
from tests.template.test_roles import (
    MINT,
    NEVER,
    PULL_THROUGH,
    PUSH,
    VENDED,
    granted,
    own_policies,
    repository,
    session,
)
from tools.template.stack import ACCOUNT, Stack
from tools.template.translation import registry_template
from vending.access import Access
from vending.settings import RevokingSettings, Settings

OWNER = "444455556666"
SUFFIX = {"Pull": "pull", "Push": "push", "PullThrough": "pull-through"}
VEND = Stack().attribute("VendFunctionRole", "Arn")
REVOKER = f"arn:aws:iam::{ACCOUNT}:role/ecr-vend-RevokeFunctionRole"
GIVEN = {"RegistryName": "eu", "VendFunctionRoleArn": VEND}
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}

EVERYTHING_OF_ONES_OWN = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def registry(region: str = "eu-central-1", **parameters: str) -> Stack:
    """Return the registry stack of another account, in another region than the service's."""
    template = registry_template()
    return Stack(GIVEN | parameters, region=region, template=template, account=OWNER)


def policies(stack: Stack, access: str, **changed: Any) -> Policies:
    """Return all that limits a session of a vended role, under a repository policy open to all."""
    role = stack.properties(f"{access}Role")
    assert role["PermissionsBoundary"] == stack.ref(f"{access}Boundary")
    found = Policies(
        identity=tuple(own_policies(stack, f"{access}Role")),
        boundary=stack.properties(f"{access}Boundary")["PolicyDocument"],
        resource=EVERYTHING,
    )
    return replace(found, **changed)


def served(*beginnings: str) -> Stack:
    """Return the service's stack, told of registries."""
    return Stack({"Registries": ",".join(beginnings)})


@pytest.mark.parametrize("prefixes", ["", "payments/", "payments/,base/"])
@pytest.mark.parametrize("access", VENDED)
def test_a_vended_role_elsewhere_is_the_services_own_word_for_word(
    access: str, prefixes: str
) -> None:
    here = Stack({"RepositoryPrefixes": prefixes})
    there = Stack(
        GIVEN | {"RepositoryPrefixes": prefixes}, template=registry_template(), account=ACCOUNT
    )
    role, other = (stack.properties(f"{access}Role") for stack in (here, there))
    assert other["AssumeRolePolicyDocument"] == role["AssumeRolePolicyDocument"]
    assert other["MaxSessionDuration"] == role["MaxSessionDuration"]
    boundary, copied = (stack.properties(f"{access}Boundary") for stack in (here, there))
    assert copied["PolicyDocument"] == boundary["PolicyDocument"]


def test_the_parameter_that_both_have_is_the_same() -> None:
    mine, theirs = (
        one["Parameters"]["RepositoryPrefixes"] for one in (Stack().template, registry_template())
    )
    assert mine == theirs


@pytest.mark.parametrize("access", VENDED)
@pytest.mark.parametrize("action", sorted(PUSH | PULL_THROUGH | NEVER))
def test_what_a_role_elsewhere_is_not_for_is_denied(access: str, action: str) -> None:
    stack = registry()
    target = repository(stack, "payments/api", account=OWNER)
    verdict = evaluate(policies(stack, access), session(stack, access, action, target))
    assert bool(verdict) is (action in VENDED[access])


@pytest.mark.parametrize("access", VENDED)
def test_a_role_elsewhere_reaches_its_own_registry_alone(access: str) -> None:
    stack = registry(RepositoryPrefixes="payments/")
    for where, name, allowed in (
        ({"account": OWNER}, "payments/api", True),
        ({"account": OWNER}, "other/api", False),
        ({"account": OWNER, "region": "eu-west-1"}, "payments/api", False),
        ({"account": ACCOUNT}, "payments/api", False),
    ):
        target = repository(stack, name, **where)
        verdict = evaluate(
            policies(stack, access), session(stack, access, "ecr:BatchGetImage", target)
        )
        assert bool(verdict) is allowed, target


@pytest.mark.parametrize("access", VENDED)
@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        (VEND, True),
        (f"arn:aws:iam::{ACCOUNT}:role/ecr-vend-PolicyValidatorFunctionRole", False),
        (f"arn:aws:iam::{ACCOUNT}:role/admin", False),
        (f"arn:aws:iam::{OWNER}:role/admin", False),
        (REVOKER, False),
    ],
)
def test_nobody_but_the_vend_function_assumes_a_vended_role_elsewhere(
    access: str, who: str, *, allowed: bool
) -> None:
    stack = registry(RevokerRoleArn=REVOKER)
    role = stack.attribute(f"{access}Role", "Arn")
    keys = {
        "sts:RoleSessionName": "v-01jd8w0123456789abcdefghjk",
        "sts:SourceIdentity": "ci@111122223333+0123456789abcdef",
    }
    trust = stack.properties(f"{access}Role")["AssumeRolePolicyDocument"]
    request = Request("sts:AssumeRole", role, who, context=keys, account=OWNER)
    # A role's trust policy must allow even who may do everything in the role's own account.
    own = () if who.split(":")[4] == OWNER else (EVERYTHING_OF_ONES_OWN,)
    asked = Policies(identity=own, resource=trust)
    assert bool(evaluate(asked, request)) is allowed
    without = replace(request, context={**keys, "sts:SourceIdentity": None})
    assert not evaluate(asked, without)


def test_what_a_registry_stack_gives_is_what_the_service_takes() -> None:
    eu, us = registry(), registry("us-east-1", RegistryName="us")
    stack = served(eu.output("Registry"), us.output("Registry"))
    registries = Settings.from_environment(environment(stack)).served()
    assert list(registries) == ["default", "eu", "us"]
    for name, there in (("eu", eu), ("us", us)):
        assert registries[name].host == there.output("RegistryHost")
        assert sorted(registries[name].roles.values()) == sorted(
            there.attribute(f"{access}Role", "Arn") for access in VENDED
        )


def test_the_vend_function_may_assume_exactly_the_roles_of_the_registries_it_serves() -> None:
    eu, us = registry(), registry("us-east-1", RegistryName="us")
    more = granted(served(eu.output("Registry"), us.output("Registry")), "VendFunctionRole")
    roles = [stack.attribute(f"{a}Role", "Arn") for stack in (eu, us) for a in VENDED]
    assert {
        entry: more[entry] for entry in more.keys() - granted(Stack(), "VendFunctionRole").keys()
    } == {
        (action, role): None
        for action in ("sts:AssumeRole", "sts:SetSourceIdentity")
        for role in roles
    }


def test_a_service_without_other_registries_is_allowed_nothing_for_them() -> None:
    assert set(Stack().resources("AWS::IAM::ManagedPolicy")) == {
        f"{access}{kind}" for access in VENDED for kind in ("Boundary", "Revocations")
    }


@pytest.mark.parametrize("function", ["VendFunction", "RevokeFunction"])
def test_another_list_of_registries_publishes_a_version(function: str) -> None:
    eu, us = (registry(region).output("Registry") for region in ("eu-central-1", "us-east-1"))
    lists: tuple[tuple[str, ...], ...] = ((), (eu,), (us,), (eu, us))
    assert len({served(*of).descriptions()[function] for of in lists}) == 4


def test_the_revoking_function_may_assume_exactly_the_revokers_of_the_registries_it_serves() -> (
    None
):
    eu, us = (
        registry(region, RegistryName=name, RevokerRoleArn=REVOKER)
        for region, name in (("eu-central-1", "eu"), ("us-east-1", "us"))
    )
    stack = served(eu.output("Registry"), us.output("Registry"))
    revokers = {one.attribute("RevokerRole", "Arn") for one in (eu, us)}
    more, before = granted(stack, "RevokeFunctionRole"), granted(Stack(), "RevokeFunctionRole")
    assert {entry: more[entry] for entry in more.keys() - before.keys()} == {
        ("sts:AssumeRole", role): None for role in revokers
    }


def test_the_revoking_function_knows_what_another_registrys_stack_makes() -> None:
    eu = registry(RevokerRoleArn=REVOKER)
    stack = served(eu.output("Registry"))
    settings = RevokingSettings.from_environment(environment(stack, "RevokeFunction"))
    found = settings.revokers()[eu.output("RegistryHost")]
    assert found
    assert found.role == eu.attribute("RevokerRole", "Arn")
    assert found.policies == {
        Access(access): eu.ref(f"{name}Revocations") for name, access in SUFFIX.items()
    }


def names(stack: Stack, kind: str) -> set[str]:
    """Return the names that the template chooses for resources of IAM."""
    key = {"Role": "RoleName", "ManagedPolicy": "ManagedPolicyName"}[kind]
    found = (one["Properties"] for one in stack.resources(f"AWS::IAM::{kind}").values())
    return {str(properties[key]) for properties in found if key in properties}


@pytest.mark.parametrize(("kind", "count", "longest"), [("Role", 4, 64), ("ManagedPolicy", 3, 128)])
def test_two_registries_of_one_account_have_no_name_in_common(
    kind: str, count: int, longest: int
) -> None:
    eu, us = (
        names(registry(region, RevokerRoleArn=REVOKER), kind)
        for region in ("eu-central-1", "us-east-1")
    )
    assert len(eu) == count
    assert not eu & us
    far = registry("ap-southeast-1", RegistryName="r" * 20, RevokerRoleArn=REVOKER)
    assert all(len(name) <= longest for name in names(far, kind))


def test_the_platform_team_is_told_what_the_other_team_needs() -> None:
    told = dict(one.split("=") for one in Stack().output("RegistryParameters").split())
    assert told == {"VendFunctionRoleArn": VEND, "RevokerRoleArn": REVOKER}
    assert set(told) <= set(registry_template()["Parameters"])


@pytest.mark.parametrize("access", VENDED)
def test_a_role_starts_with_nobody_revoked(access: str) -> None:
    stack = registry()
    logical = f"{access}Revocations"
    assert stack.ref(logical) in stack.properties(f"{access}Role")["ManagedPolicyArns"]
    own = stack.properties(logical)["ManagedPolicyName"]
    assert own == f"ecr-vend.eu.eu-central-1-{SUFFIX[access]}-revocations"
    (statement,) = stack.properties(logical)["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")
    request = session(stack, access, MINT, "*")
    assert evaluate(policies(stack, access), request)
    assert not evaluate(policies(stack, access), replace(request, context={"aws:userid": "nobody"}))


@pytest.mark.parametrize("access", VENDED)
def test_nothing_that_the_revoker_could_write_widens_a_vended_role(access: str) -> None:
    stack = registry()
    found = policies(stack, access)
    wider = replace(found, identity=(*found.identity, EVERYTHING_OF_ONES_OWN))
    for action in sorted(NEVER):
        target = repository(stack, "payments/api", account=OWNER)
        assert not evaluate(wider, session(stack, access, action, target))


def test_the_revoker_writes_versions_of_the_three_policies_and_nothing_else() -> None:
    stack = registry(RevokerRoleArn=REVOKER)
    ours = {stack.ref(f"{access}Revocations") for access in VENDED}
    writing = ("CreatePolicyVersion", "DeletePolicyVersion", "ListPolicyVersions")
    assert set(granted(stack, "RevokerRole")) == {
        (f"iam:{action}", policy) for action in writing for policy in ours
    }
    (trust,) = stack.properties("RevokerRole")["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Principal"], trust["Action"]) == ({"AWS": REVOKER}, "sts:AssumeRole")


def test_without_a_revoker_named_there_is_no_role_for_one() -> None:
    assert "RevokerRole" not in registry().resources("AWS::IAM::Role")


@pytest.mark.parametrize("parameter", ["VendFunctionRoleArn", "RevokerRoleArn"])
@pytest.mark.parametrize(
    "value", ["*", f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/*"]
)
def test_a_registry_trusts_one_role_and_never_an_account(parameter: str, value: str) -> None:
    assert not re.fullmatch(registry_template()["Parameters"][parameter]["AllowedPattern"], value)

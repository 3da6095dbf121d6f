"""What a live check makes in the account: how it is made, known again, and removed."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tools.live_check.answers import code_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.live_check.world import World

MADE_BY = "made by ecr-vend's live check, and removed at its end"
TAGS = [{"Key": "made-by", "Value": "ecr-vend-live-check"}]
"""Of repositories and stacks. What bears neither these nor that description is never removed."""
ABSENT = frozenset(
    {
        "NoSuchEntity",
        "NoSuchEntityException",
        "RepositoryNotFoundException",
        "ResourceNotFoundException",
        "ValidationError",  # CloudFormation's word for a stack that is not there
    }
)


def document(statements: list[Any]) -> str:
    """Return a policy document's text."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def make(world: World) -> None:
    """Make what most checks need: the repositories with an image each, and the roles.

    Raises:
        ClientError: Something of that name is there already, or may not be made.
    """
    arns = []
    for name in (world.one, world.two):
        created = world.client("ecr").create_repository(repositoryName=name, tags=TAGS)
        arns.append(created["repository"]["repositoryArn"])
        world.undo(f"repository {name}", partial(remove_repository, world, name))
    anything = {"Effect": "Allow", "Action": "ecr:*", "Resource": arns}
    mint = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    bearer = {
        "Effect": "Allow",
        "Action": ["signin:CreateBearerToken", "sts:GetServiceBearerToken"],
        "Resource": "*",
    }
    make_role(world, world.holder, [anything, mint, bearer])
    make_role(world, world.caller, [json.loads(world.outputs()["CallerStatement"])])
    make_role(world, world.revoker, [json.loads(world.outputs()["RevokerStatement"])])
    whole = world.settled(lambda: world.token(world.session_of(world.holder, "pusher")))
    for name in (world.one, world.two):
        world.settled(partial(whole.push, name))
    world.wait_until_iam_lets_in(world.caller, "/v1/whoami")
    world.wait_until_iam_lets_in(world.revoker, "/v1/revocations")


def make_role(
    world: World, name: str, statements: list[Any], *, trusted: dict[str, str] | None = None
) -> None:
    """Make a role that the account, or who is trusted in its place, may assume.

    With a SourceIdentity, where a principal of the account gives one.
    """
    iam = world.client("iam")
    account = {"AWS": f"arn:{world.partition}:iam::{world.account}:root"}
    trust = {
        "Effect": "Allow",
        "Principal": trusted or account,
        "Action": "sts:AssumeRole" if trusted else ["sts:AssumeRole", "sts:SetSourceIdentity"],
    }
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document([trust]), Description=MADE_BY)
    world.undo(f"role {name}", partial(remove_role, world, name))
    iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=document(statements))


def remove_leftovers(world: World) -> list[str]:
    """Remove what an earlier run that was killed has left; return what there was."""
    ways = (
        ((world.one, world.two), is_our_repository, remove_repository),
        ((world.function, world.other_function), is_our_function, remove_function),
        ((world.small_stack,), is_our_stack, remove_stack),
        (
            (world.holder, world.caller, world.revoker, world.function_role),
            is_our_role,
            remove_role,
        ),
    )
    removed = []
    for names, is_ours, remove in ways:
        for name in names:
            if is_ours(world, name):
                remove(world, name)
                removed.append(name)
    return removed


def remove_repository(world: World, name: str) -> None:
    """Remove a repository with its images."""
    world.client("ecr").delete_repository(repositoryName=name, force=True)


def remove_role(world: World, name: str) -> None:
    """Remove a role with the policies in it."""
    iam = world.client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def remove_function(world: World, name: str) -> None:
    """Remove a function with its versions."""
    world.client("lambda").delete_function(FunctionName=name)


def remove_stack(world: World, name: str) -> None:
    """Remove the stack that has one policy, which is named as the stack is, with its versions."""
    iam, cloudformation = world.client("iam"), world.client("cloudformation")
    policy = world.policy_arn(name)
    with absent_is_none() as versions:
        versions.extend(iam.list_policy_versions(PolicyArn=policy)["Versions"])
    for version in versions:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=policy, VersionId=version["VersionId"])
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)


def is_our_role(world: World, name: str) -> bool:
    """Return whether a role is there that a live check has made."""
    with absent_is_none() as asked:
        asked.append(world.client("iam").get_role(RoleName=name)["Role"].get("Description"))
    return asked == [MADE_BY]


def is_our_repository(world: World, name: str) -> bool:
    """Return whether a repository is there that a live check has made."""
    ecr = world.client("ecr")
    with absent_is_none() as asked:
        (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
        asked.extend(ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"])
    return TAGS[0] in asked


def is_our_function(world: World, name: str) -> bool:
    """Return whether a function is there that a live check has made."""
    functions = world.client("lambda")
    with absent_is_none() as asked:
        asked.append(functions.get_function(FunctionName=name)["Configuration"].get("Description"))
    return asked == [MADE_BY]


def is_our_stack(world: World, name: str) -> bool:
    """Return whether a stack is there that a live check has made."""
    with absent_is_none() as asked:
        (found,) = world.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        asked.extend(found.get("Tags", []))
    return TAGS[0] in asked


@contextmanager
def absent_is_none() -> Iterator[list[Any]]:
    """Collect answers, none where what is asked about is not there."""
    try:
        yield []
    except ClientError as error:
        if code_of(error) not in ABSENT:
            raise

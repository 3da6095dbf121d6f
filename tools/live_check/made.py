"""The roles and repositories that a live check makes: how they are made, known and removed."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

MADE_BY = "made by ecr-vend's live check, and removed at its end"
TAGS = [{"Key": "made-by", "Value": "ecr-vend-live-check"}]
"""Of the repositories. What bears neither this nor, a role, that description is never removed."""
ABSENT = frozenset({"NoSuchEntity", "NoSuchEntityException", "RepositoryNotFoundException"})


def document(statements: list[Any]) -> str:
    """Return a policy document's text."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def create_role(iam: Any, name: str, *, trusted: str) -> None:
    """Make a role that a principal may assume, with a SourceIdentity where it gives one."""
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": trusted},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
    }
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document([trust]), Description=MADE_BY)


def remove_role(iam: Any, name: str) -> None:
    """Remove a role with the policies in it."""
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def is_our_role(iam: Any, name: str) -> bool:
    """Return whether a role is there that a live check has made."""
    with absent_is_none() as asked:
        asked.append(iam.get_role(RoleName=name)["Role"].get("Description"))
    return asked == [MADE_BY]


def is_our_repository(ecr: Any, name: str) -> bool:
    """Return whether a repository is there that a live check has made."""
    with absent_is_none() as asked:
        (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
        asked.extend(ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"])
    return TAGS[0] in asked


@contextmanager
def absent_is_none() -> Iterator[list[Any]]:
    """Collect answers, none where what is asked about is not there."""
    try:
        yield []
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise

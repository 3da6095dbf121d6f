"""Spoils an embedded stack as an administrator could, and mends it by the printed lines."""

from __future__ import annotations

import base64
import json
import shlex
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local.oci import Client, Refused, small_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.running import Stack


def user(stack: Stack, name: str, *actions: str) -> Credentials:
    """Make an IAM user who may do these and nothing else, and return a key of it."""
    iam = stack.client("iam")
    iam.create_user(UserName=name)
    allow(stack, name, *actions)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def allow(stack: Stack, name: str, *actions: str) -> None:
    """Let a user do these and nothing else."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    stack.client("iam").put_user_policy(
        UserName=name, PolicyName="only", PolicyDocument=document(statement)
    )


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def carry_out(stack: Stack, line: str) -> None:
    """Do what one printed line does, as the AWS CLI does."""
    words = shlex.split(line)
    assert words[0] == "aws"
    client = stack.client(words[1])
    method = words[2].replace("-", "_")
    operation = client.meta.method_to_api_mapping[method]
    shape = client.meta.service_model.operation_model(operation).input_shape
    options = {xform_name(name, "-"): (name, one) for name, one in shape.members.items()}
    given: dict[str, Any] = {}
    rest = iter(words[3:])
    for option in rest:
        if option == "--region":
            assert next(rest) == stack.about["region"]
            continue
        name, member = options[option.removeprefix("--")]
        if member.type_name == "boolean":
            given[name] = True
        else:
            value = next(rest)
            given[name] = int(value) if member.type_name == "integer" else value
    getattr(client, method)(**given)


def cure(stack: Stack, answer: dict[str, Any]) -> None:
    """Carry out every cure of an answer, each once."""
    lines = [line for one in answer["findings"] for line in one["commands"]]
    lines = [line for line in dict.fromkeys(lines) if "put-image-tag-mutability" not in line]
    for line in lines:
        if "only-as-the-function" not in line:
            carry_out(stack, line)


def boundary(stack: Stack) -> str:
    """Return the ARN of the pulling role's boundary, which is its policy too."""
    return stack.physical("PullBoundary")


def rewrite_boundary(stack: Stack, keep: Callable[[dict[str, Any]], bool], *more: Any) -> None:
    """Write a version of the pulling role's boundary with fewer statements, or others."""
    iam, arn = stack.client("iam"), boundary(stack)
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    left = [one for one in found["Statement"] if keep(one)]
    for one in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not one["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=one["VersionId"])
    iam.create_policy_version(
        PolicyArn=arn, PolicyDocument=document(*left, *more), SetAsDefault=True
    )


def set_policy(stack: Stack, repository: str, *statements: dict[str, Any]) -> None:
    """Give a repository a policy."""
    stack.client("ecr").set_repository_policy(
        repositoryName=repository, policyText=document(*statements), force=True
    )


def password_of(stack: Stack, credentials: Credentials) -> str:
    """Return a registry password of whoever holds AWS credentials."""
    token = stack.client("ecr", credentials).get_authorization_token()
    encoded = token["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(encoded).decode().removeprefix("AWS:")


def pulls(stack: Stack, credentials: Credentials, repository: str) -> bool:
    """Say whether somebody's own AWS credentials pull from a repository."""
    client = Client(stack.registry, "AWS", password_of(stack, credentials))
    try:
        client.pull(repository, "doctor")
    except Refused:
        return False
    return True


def pushes(client: Client, repository: str) -> bool:
    """Say whether a token pushes to a repository."""
    try:
        client.push(repository, "planted", small_image("planted"))
    except Refused:
        return False
    return True


def assumed(stack: Stack, credentials: Credentials, role: str) -> Credentials | None:
    """Return a session of a role, without any session policy, or None where that is refused."""
    try:
        given = stack.client("sts", credentials).assume_role(
            RoleArn=role,
            RoleSessionName="v-01jd8w0123456789abcdefghjk",
            SourceIdentity="stranger",
        )["Credentials"]
    except ClientError:
        return None
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

"""Checks of the functions: that their roles are theirs alone, and that snapshots start."""

from __future__ import annotations

import io
import json
import zipfile
from functools import partial
from typing import TYPE_CHECKING, Any

from tools.live_check.answers import DENIALS
from tools.live_check.check import CannotTell, Seen, check, seen
from tools.live_check.made import MADE_BY, make_role, remove_function

if TYPE_CHECKING:
    from tools.live_check.world import World

MINT = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
CODE = b"""
import boto3
from botocore.exceptions import ClientError

def handler(event, context):
    try:
        boto3.client("ecr").get_authorization_token()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""
"""Says whether its role may ask for a token; the token itself it drops."""


@check(
    "function-role",
    "A role that is tied to a function by lambda:SourceFunctionArn works there and in no other",
    rests="docs/deploying.md, Not verified without an AWS account",
    minutes=4,
)
def a_functions_role_is_its_own(world: World) -> Seen:
    vend = world.function_arn(world.physical("VendFunction"))
    held = world.client("iam").get_role_policy(
        RoleName=world.physical("VendFunctionRole"), PolicyName="only-as-the-function"
    )["PolicyDocument"]["Statement"]
    # Word for word what holds the stack's own role, but for the function that is named.
    tied = json.loads(json.dumps(held).replace(vend, world.function_arn(world.function)))
    by_lambda = {"Service": "lambda.amazonaws.com"}
    make_role(world, world.function_role, [MINT, *tied], trusted=by_lambda)
    make_function(world, world.function)
    make_function(world, world.other_function)
    functions = world.client("lambda")
    version = functions.publish_version(FunctionName=world.function)["Version"]
    functions.get_waiter("published_version_active").wait(
        FunctionName=world.function, Qualifier=version
    )
    newest = allowed_at_last(world, world.function)
    published = allowed_at_last(world, f"{world.function}:{version}")
    other = invoked(world, world.other_function)
    did = f"tied a role to {world.function} as the stack's is tied, and asked ECR as both functions"
    saw = f"its own function {newest}, a version of it {published}, another function {other}"
    return seen(newest == published == "allowed" and other in DENIALS, did, saw)


def make_function(world: World, name: str) -> None:
    """Make a function with the role of both, and wait until it can be invoked."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("tried.py"), CODE)
    functions = world.client("lambda")
    asked: dict[str, Any] = {
        "FunctionName": name,
        "Description": MADE_BY,
        "Role": world.role_arn(world.function_role),
        "Runtime": "python3.13",
        "Handler": "tried.handler",
        "Timeout": 30,
        "Code": {"ZipFile": packed.getvalue()},
    }
    world.settled(partial(functions.create_function, **asked))
    world.undo(f"function {name}", partial(remove_function, world, name))
    functions.get_waiter("function_active_v2").wait(FunctionName=name)


def invoked(world: World, function: str) -> str:
    """Return what a function says its role may do.

    Raises:
        CannotTell: It says nothing.
    """
    name, _, qualifier = function.partition(":")
    version = {"Qualifier": qualifier} if qualifier else {}
    answer = world.client("lambda").invoke(FunctionName=name, **version)
    said = json.loads(answer["Payload"].read())
    if answer.get("FunctionError") or not isinstance(said, str):
        raise CannotTell(f"{function} broke")
    return said


def allowed_at_last(world: World, function: str) -> str:
    """Return what a function says, asked again while IAM may not know its new role's policy."""
    for _ in range(20):
        if (said := invoked(world, function)) == "allowed":
            break
        world.sleep(3)
    return said


@check(
    "snapstart",
    "Lambda starts the published version from a snapshot, and it answers",
    rests="docs/deploying.md, Not verified without an AWS account",
)
def a_snapshot_starts(world: World) -> Seen:
    found = world.client("lambda").get_function_configuration(
        FunctionName=world.physical("VendFunction"), Qualifier="live"
    )["SnapStart"]
    if found["ApplyOn"] == "None":
        raise CannotTell("the stack has SnapStart off")
    answers = [world.call("GET", "/v1/whoami") for _ in range(3)]
    statuses = sorted({answer.status_code for answer in answers})
    did = "read the alias's version, and asked whoami three times"
    saw = f"optimisation is {found['OptimizationStatus']}; whoami {statuses}"
    return seen(found["OptimizationStatus"] == "On" and statuses == [200], did, saw)

"""Checks of revoking by the service, and of what CloudFormation does with its policies."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import WaiterError

from tools.live_check.answers import problem, refused_by_iam
from tools.live_check.check import CannotTell, Seen, Verdict, check, seen
from tools.live_check.made import TAGS, document, remove_stack
from tools.live_check.service import vend
from tools.live_check.world import DENYING

if TYPE_CHECKING:
    from tools.live_check.world import World

NOBODY = {
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"StringEquals": {"aws:userid": "nobody"}},
}


@check(
    "revocation",
    "A revocation stops one vended token within minutes, and its neighbour goes on",
    rests="docs/revoking.md, Unverified without an AWS account",
    emulated=True,
    minutes=11,
)
def a_revocation_stops_one_token(world: World) -> Seen:
    revoked, neighbour = vend(world, 900), vend(world, 900)
    stopped = world.registry.login(revoked["password"])
    goes_on = world.registry.login(neighbour["password"])
    if (first := stopped.pull(world.one)) != 200:
        raise CannotTell(f"the token never worked: {first}")
    what = {"vend_id": revoked["vend_id"], "reason": "ecr-vend's live check"}
    answer = world.call("POST", "/v1/revocations", what, role=world.revoker)
    told = problem(answer)
    if told.get("code") == "not_a_revoker" or refused_by_iam(answer):
        raise CannotTell(
            f"the policy does not name {world.revoker} a revoker: docs/live-check.md has the lines"
        )
    did = "had the service vend two tokens and revoke one"
    if answer.status_code != 200:
        return Seen(Verdict.DOES_NOT, did, f"{answer.status_code} {told.get('code', '')}")
    # Refused after its own end it would be for the wrong reason.
    lives = (datetime.fromisoformat(revoked["expires_at"]) - datetime.now(UTC)).total_seconds()
    spread = DENYING if world.on_aws else 5
    try:
        after = world.until_refused(stopped, within=min(spread, lives - 30))
    except TimeoutError as late:
        return Seen(Verdict.DOES_NOT, did, str(late))
    other = goes_on.pull(world.one)
    return seen(other == 200, did, f"refused after {after:.0f} s; its neighbour's pull {other}")


@check(
    "policy-versions",
    "CloudFormation deletes a managed policy with versions that it has not made",
    rests="docs/revoking.md, Unverified without an AWS account",
    minutes=5,
)
def cloudformation_deletes_versions(world: World) -> Seen:
    name, policy = world.small_stack, world.policy_arn(world.small_stack)
    cloudformation = world.client("cloudformation")
    held = {"ManagedPolicyName": name, "PolicyDocument": json.loads(document([NOBODY]))}
    template = {"Resources": {"One": {"Type": "AWS::IAM::ManagedPolicy", "Properties": held}}}
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=TAGS,
    )
    world.undo(f"stack {name}", partial(remove_stack, world, name))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name)
    iam = world.client("iam")
    iam.create_policy_version(
        PolicyArn=policy, PolicyDocument=document([NOBODY]), SetAsDefault=True
    )
    did = "made a stack of one policy, wrote a version of it, and deleted the stack"
    cloudformation.delete_stack(StackName=name)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)
    except WaiterError:
        (left,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        state = left["StackStatus"]
        return Seen(Verdict.DOES_NOT, did, f"the stack is {state}")
    return Seen(Verdict.HOLDS, did, "the stack is gone")

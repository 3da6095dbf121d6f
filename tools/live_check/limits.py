"""Checks of limits: STS's packing of our policies, and the quotas of STS and ECR."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tools.live_check.check import CannotTell, Seen, check, seen
from vending.access import Access
from vending.caller import Origin
from vending.decision import Decision
from vending.errors import Refused
from vending.session_policy import session_policy

if TYPE_CHECKING:
    from tools.live_check.world import World


def largest_policy(partition: str, length: int) -> tuple[str, int]:
    """Return the largest session policy that the service would send, and its repositories.

    Args:
        partition: Of the registry.
        length: Of each repository's name, characters.
    """
    found, count = "", 0
    while True:
        names = tuple(f"team-{number:03}/".ljust(length, "x") for number in range(count + 1))
        decision = Decision(
            "default",
            {Access.PULL: names},
            expires_at=datetime.now(UTC) + timedelta(minutes=15),
            bind_source_ip=True,
        )
        origin = Origin(source_ip="203.0.113.7", user_agent="", request_id="")
        try:
            found = session_policy(decision, origin, partition=partition)
        except Refused:
            return found, count
        count += 1


@check(
    "packed-size",
    "STS packs the largest session policies that the service sends",
    rests="docs/threat-model.md, What only a real account can show",
)
def sts_packs_them(world: World) -> Seen:
    role = f"arn:{world.partition}:iam::{world.account}:role/{world.holder}"
    saw, holds = [], True
    for length in (24, 40, 80):
        policy, count = largest_policy(world.partition, length)
        sts = world.client("sts")
        try:
            packed = sts.assume_role(RoleArn=role, RoleSessionName="v-packed", Policy=policy)
            saw.append(f"{count} names of {length}: {packed.get('PackedPolicySize')} %")
        except sts.exceptions.PackedPolicyTooLargeException:
            holds = False
            saw.append(f"{count} names of {length}: too large")
    return seen(holds, "assumed a role under the largest policies", "; ".join(saw))


@check(
    "quotas",
    "The account's quota of GetAuthorizationToken is no lower than the API's throttle",
    rests="docs/cost-and-scale.md",
)
def the_quotas_are_read(world: World) -> Seen:
    stage = world.client("apigateway").get_stage(restApiId=world.physical("Api"), stageName="live")
    throttle = stage["methodSettings"]["*/*"]["throttlingRateLimit"]
    found: dict[str, float] = {}
    for service in ("ecr", "sts", "lambda", "apigateway"):
        for quota in quotas_of(world, service):
            name = quota["QuotaName"]
            if any(word in name for word in ("GetAuthorizationToken", "AssumeRole", "Concurrent")):
                found[f"{service}: {name}"] = quota["Value"]
    ecr = [value for name, value in found.items() if "GetAuthorizationToken" in name]
    saw = "; ".join(f"{name} = {value:g}" for name, value in sorted(found.items()))
    if not ecr:
        raise CannotTell(f"Service Quotas does not tell it: {saw or 'nothing'}")
    did = "read Service Quotas and the stage's throttle"
    return seen(min(ecr) >= throttle, did, f"throttle {throttle:g}/s; {saw}")


def quotas_of(world: World, service: str) -> list[dict[str, Any]]:
    """Return the quotas of a service that Service Quotas tells, AWS's default where none is set."""
    client = world.client("service-quotas")
    set_here: dict[str, dict[str, Any]] = {}
    for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
        for page in client.get_paginator(operation).paginate(ServiceCode=service):
            set_here |= {one["QuotaCode"]: one for one in page["Quotas"]}
    return list(set_here.values())

"""Which registry is examined: what a stack made, or what is named by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vendctl.command_line import Failure
from vendctl.doctor.account import Asked, Place
from vendctl.doctor.sound import kind_of
from vending.access import Access
from vending.registry import DEFAULT

if TYPE_CHECKING:
    from argparse import Namespace

    import boto3

ROLE = re.compile(r"arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+")


def target(session: boto3.Session, asked: Namespace) -> tuple[Asked, str]:
    """Return the registry that is asked for, and what a policy calls it.

    Raises:
        Failure: It is not to be known from what is given.
        BotoCoreError: AWS does not answer.
        ClientError: It refuses.
    """
    client: Any = session.client
    region = asked.region or session.region_name
    if not region:
        raise Failure("there is no region: give --region")
    own = client("sts", region_name=region).get_caller_identity()
    account, partition = str(own["Account"]), str(own["Arn"]).split(":")[1]
    if asked.registry_id not in (None, account):
        raise Failure(
            f"these credentials are of the account {account}: IAM shows roles to their own account "
            f"only, so examine {asked.registry_id} with credentials of it"
        )
    place = Place(partition, region, account)
    if asked.role_prefix:
        return by_hand(asked, place)
    return of_stack(client("cloudformation", region_name=region), asked.stack, place)


def by_hand(asked: Namespace, place: Place) -> tuple[Asked, str]:
    """Return a registry whose roles share a beginning, such as `ecr-vend.eu.eu-central-1`."""
    if not asked.vend_role or not ROLE.fullmatch(asked.vend_role):
        raise Failure(
            "--role-prefix needs --vend-role: the ARN of the vending function's role, which is in "
            "the output RegistryParameters of the service's stack"
        )
    roles = {access: f"{asked.role_prefix}-{access}" for access in Access}
    prefixes = tuple(filter(None, (asked.prefixes or "").split(",")))
    return Asked(place, roles, asked.vend_role, prefixes), DEFAULT


def of_stack(cloudformation: Any, stack: str, place: Place) -> tuple[Asked, str]:
    """Return the registry of a stack: the service's own, or one of stacks/registry.yaml."""
    found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    given = {
        one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])
    }
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    made = {
        one["LogicalResourceId"]: str(one.get("PhysicalResourceId", ""))
        for page in pages
        for one in page["StackResourceSummaries"]
    }
    kinds = {access: kind_of(access) for access in Access}
    roles = {access: made.get(f"{kind}Role", "") for access, kind in kinds.items()}
    function = given.get("VendFunctionRoleArn", "")
    if name := made.get("VendFunctionRole"):
        function = f"arn:{place.partition}:iam::{place.account}:role/{name}"
    if not all(roles.values()) or not ROLE.fullmatch(function):
        raise Failure(
            f"the stack {stack} has no vended roles: name one of template.yaml or of "
            "stacks/registry.yaml, or give --role-prefix and --vend-role"
        )
    throttle, code = given.get("ThrottleRate"), made.get("VendFunction")
    functions = f"arn:{place.partition}:lambda:{place.region}:{place.account}:function"
    asked = Asked(
        place,
        roles,
        function,
        tuple(filter(None, given.get("RepositoryPrefixes", "").split(","))),
        {access: made.get(f"{kind}Revocations", "") for access, kind in kinds.items()},
        f"{functions}:{code}" if code else "",
        float(throttle) if throttle else None,
    )
    return asked, given.get("RegistryName", DEFAULT)

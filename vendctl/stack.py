"""A deployed stack, as the platform team's own AWS identity reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3


class NoOutput(Exception):
    """The stack has no output of this name: it is older than what is asked of it."""


def output(session: boto3.Session, stack: str, name: str) -> str:
    """Return an output of a stack.

    Raises:
        NoOutput: There is none.
        BotoCoreError: AWS does not answer.
        ClientError: It refuses; there may be no such stack.
    """
    found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    if name not in outputs:
        raise NoOutput(f"the stack {stack} has no output {name}: deploy it again")
    return str(outputs[name])


def items_under(
    dynamodb: Any, table: str, key: str, value: str, *, only: str = ""
) -> list[dict[str, Any]]:
    """Return the items of one partition, in wire form.

    Args:
        dynamodb: The client.
        table: Its name.
        key: Its partition key.
        value: Of that.
        only: The attributes that are wanted, with commas; all by default.
    """
    projection = {"ProjectionExpression": only} if only else {}
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="#key = :value",
        ExpressionAttributeNames={"#key": key},
        ExpressionAttributeValues={":value": {"S": value}},
        ConsistentRead=True,
        **projection,
    )
    return [item for page in pages for item in page["Items"]]

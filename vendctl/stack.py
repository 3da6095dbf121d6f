"""A deployed stack, as the platform team's own AWS identity reaches it."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from vendctl.command_line import Failure

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    import boto3

    from vendctl.console import Console


def with_aws(
    run: Callable[[Namespace, Console, boto3.Session], int],
) -> Callable[[Namespace, Console], int]:
    """Return `run` with the caller's AWS session, and what AWS refuses as a sentence.

    boto3 is loaded here alone: what works on files is answered at once, and offline.
    """

    @wraps(run)
    def reached(asked: Namespace, console: Console) -> int:
        import boto3  # noqa: PLC0415  see above
        from botocore.exceptions import (  # noqa: PLC0415
            BotoCoreError,
            ClientError,
            NoCredentialsError,
            NoRegionError,
        )

        try:
            # boto3 does not know AWS_REGION, which the AWS command line and our client take first.
            return run(asked, console, boto3.Session(region_name=console.environ.get("AWS_REGION")))
        except NoRegionError:
            words = "no region is known: set AWS_REGION, or `region` of your AWS profile"
            raise Failure(words) from None
        except NoCredentialsError:
            words = "no AWS credentials were found: sign in, or choose a profile with AWS_PROFILE"
            raise Failure(words) from None
        except (BotoCoreError, ClientError) as problem:
            raise Failure(str(problem)) from None

    return reached


def add_stack(parser: ArgumentParser) -> None:
    """Describe the argument that names a stack."""
    parser.add_argument(
        "--stack", metavar="NAME", default="ecr-vend", help="the stack (default: ecr-vend)"
    )


def output(session: boto3.Session, stack: str, name: str) -> str:
    """Return an output of a stack.

    Raises:
        Failure: There is none.
        BotoCoreError: AWS does not answer.
        ClientError: It refuses; there may be no such stack.
    """
    return outputs(session, stack, name)[0]


def outputs(session: boto3.Session, stack: str, *names: str) -> list[str]:
    """Return outputs of a stack, with one call.

    Raises:
        Failure: One is not there.
        BotoCoreError: AWS does not answer.
        ClientError: It refuses; there may be no such stack.
    """
    found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    told = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    for name in names:
        if name not in told:
            raise Failure(f"the stack {stack} has no output {name}: deploy it again")
    return [str(told[name]) for name in names]


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

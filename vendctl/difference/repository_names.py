"""The repositories that there are, from a list in a file or from ECR."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vendctl.command_line import Failure
from vendctl.policy.document import text_of
from vending.patterns import REPOSITORY

if TYPE_CHECKING:
    import boto3


def names_in(file: str) -> list[str]:
    """Return the names in a file: one a line, or JSON as `aws ecr describe-repositories` prints it.

    Raises:
        Failure: It cannot be read, or is neither.
    """
    try:
        text = text_of(file).decode()
    except UnicodeDecodeError:
        raise Failure(f"{file}: this is not UTF-8") from None
    if not text.lstrip().startswith(("{", "[")):
        lines = [(at, line.strip()) for at, line in enumerate(text.splitlines(), 1)]
        return [_name(line, f"{file}:{at}") for at, line in lines if line]
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise Failure(f"{file}: this is not JSON, nor one name a line") from None
    listed = document.get("repositories") if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise Failure(f"{file}: this JSON has no list `repositories`")
    return [_name(_named(one), f"{file}: entry {at}") for at, one in enumerate(listed, 1)]


def _named(entry: Any) -> Any:
    return entry.get("repositoryName") if isinstance(entry, dict) else entry


def _name(name: Any, where: str) -> str:
    if not isinstance(name, str) or not REPOSITORY.fullmatch(name):
        raise Failure(f"{where}: {name!r} is no repository name")
    return name


def live_names(session: boto3.Session, *, region: str | None, registry_id: str | None) -> list[str]:
    """Return the names of the repositories that ECR lists.

    Needs `ecr:DescribeRepositories`.

    Args:
        session: Whose identity asks.
        region: Where; None for the configured one.
        registry_id: The account that owns them; None for the caller's own.

    Raises:
        BotoCoreError: AWS does not answer.
        ClientError: It refuses.
    """
    listing = session.client("ecr", region_name=region).get_paginator("describe_repositories")
    pages = listing.paginate(registryId=registry_id) if registry_id else listing.paginate()
    return [one["repositoryName"] for page in pages for one in page["repositories"]]

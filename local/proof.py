"""What a stack proves of itself before anybody uses it: that its locks are locked."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from local.oci import Client, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.signer import Signer

GRANTED, OTHER = "payments/api", "search/indexer"


class Unproven(Exception):
    """The stack let something through that it must refuse; nothing it shows would count."""


def prove(administrator: Signer, registry: str) -> Iterator[str]:
    """Try what must be refused and yield a line for each proof.

    The token tried is one that the emulator gave to a session whose policy reaches one
    repository, so what refuses it is the emulator's IAM and not the service.

    Raises:
        Unproven: Something was let through, or what must work did not.
    """
    stranger = replace(administrator, secret_access_key="wrong")  # noqa: S106  it is no secret
    forged = stranger.client("sts")
    try:
        forged.get_caller_identity()
    except ClientError as refusal:
        yield f"proved: a wrong secret is refused ({refusal.response['Error']['Code']})"
    else:
        raise Unproven("a request signed with a wrong secret was answered")
    password = scoped_password(administrator)
    for name, client in (
        ("no password", Client(registry)),
        ("a wrong password", Client(registry, "AWS", password[::-1])),
    ):
        expect(name, client, GRANTED, {401})
    client = Client(registry, "AWS", password)
    expect("a token in its scope", client, GRANTED, {404})  # there is no image yet
    sentence = expect("a token out of its scope", client, OTHER, {403})
    yield f"proved: the registry refuses no, a wrong and an out-of-scope password ({sentence})"


def scoped_password(administrator: Signer) -> str:
    """Return a registry password of a session that may pull one repository."""
    statements = [
        {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "NotAction": "ecr:GetAuthorizationToken",
            "NotResource": f"arn:aws:ecr:*:*:repository/{GRANTED}",
        },
    ]
    given = administrator.client("sts").get_federation_token(
        Name="start-up", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements})
    )["Credentials"]
    scoped = replace(
        administrator,
        access_key_id=given["AccessKeyId"],
        secret_access_key=given["SecretAccessKey"],
        session_token=given["SessionToken"],
    )
    ecr = scoped.client("ecr")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().partition(":")[2]


def expect(what: str, client: Client, repository: str, statuses: set[int]) -> str:
    """Pull and return the refusal's first word.

    Raises:
        Unproven: The answer has none of the statuses.
    """
    try:
        client.pull(repository, "start-up")
    except Refused as refusal:
        if refusal.status in statuses:
            return refusal.code
        raise Unproven(f"{what}: expected {statuses}, got {refusal}") from None
    raise Unproven(f"{what}: {repository} was pulled")

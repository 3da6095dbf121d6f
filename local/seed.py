"""Fills the emulator with the people, pipelines and repositories of the story.

Everything here is done as the emulator's administrator, an IAM user. Each role is assumed by an
IAM user of its own, who holds a key and may do nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.signer import Signer

REPOSITORIES = ("payments/api", "payments/web", "search/indexer", "base/python")


@dataclass(frozen=True, slots=True)
class Identity:
    """A role, and the key of the user who assumes it.

    Attributes:
        role: Its name.
        arn: Its ARN.
        access_key_id: Of the user, who may assume this role and do nothing else.
        secret_access_key: Of the same.
    """

    role: str
    arn: str
    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True, slots=True)
class Session:
    """Temporary credentials of a role."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    arn: str

    def environment(self) -> dict[str, str]:
        """Return the variables that AWS's tools read."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }


def roles(outputs: Mapping[str, str], table: str, keys: list[str]) -> dict[str, list[Any]]:
    """Return each role with the statements of its only policy.

    Args:
        outputs: Of the stack.
        table: The ARN of the ledger's table.
        keys: The ARNs of the keys that it is encrypted with.
    """
    caller = json.loads(outputs["CallerStatement"])
    reading = {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:Query"],
        "Resource": [table, f"{table}/index/*"],
    }
    decrypting = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": keys}
    calls_the_api = [caller]
    # A release from before there were revocations has no such output.
    audits = [json.loads(outputs[name]) for name in ("AuditorStatement",) if name in outputs]
    revokes = [json.loads(outputs[name]) for name in ("RevokerStatement",) if name in outputs]
    return {
        "payments-publisher": calls_the_api,
        "payments-ci": calls_the_api,
        "payments-developer": calls_the_api,
        "search-publisher": calls_the_api,
        # May call the API, and stands nowhere in the policy.
        "outsider": calls_the_api,
        # May not even call the API.
        "stranger": [],
        # Named in the policy as one who may revoke.
        "incident-responder": revokes,
        # May call the revoking routes, and stands nowhere in the policy.
        "meddler": revokes,
        "auditor": [*audits, reading, *([decrypting] if keys else [])],
    }


def seed(
    administrator: Signer, policies: Mapping[str, list[Any]], account: str
) -> Iterator[Identity]:
    """Make the repositories, and each role with its user.

    Args:
        administrator: Signs.
        policies: Each role's statements.
        account: Of the emulator.
    """
    ecr, iam = administrator.client("ecr"), administrator.client("iam")
    for name in REPOSITORIES:
        ecr.create_repository(repositoryName=name)
    for role, statements in policies.items():
        user = f"{role}-login"
        iam.create_user(UserName=user)
        trust = statement(
            "sts:AssumeRole", Principal={"AWS": f"arn:aws:iam::{account}:user/{user}"}
        )
        arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=document([trust]))["Role"][
            "Arn"
        ]
        if statements:
            iam.put_role_policy(
                RoleName=role, PolicyName="only", PolicyDocument=document(statements)
            )
        assume = document([statement("sts:AssumeRole", Resource=arn)])
        iam.put_user_policy(UserName=user, PolicyName="only", PolicyDocument=assume)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        yield Identity(role, arn, key["AccessKeyId"], key["SecretAccessKey"])


def statement(action: str, **more: Any) -> dict[str, Any]:
    """Return an allowing statement."""
    return {"Effect": "Allow", "Action": action, **more}


def document(statements: list[Any]) -> str:
    """Return a policy document's text."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})

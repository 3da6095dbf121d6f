"""AWS credentials for a pod, by the token of its service account.

The token stays in this process: it is in no variable, no file and no argument, and of what is
kept only a digest says which token it was.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_vend.errors import Problem
from ecr_vend.keys import Keys

if TYPE_CHECKING:
    from ecr_vend.secret import Secret

ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]{1,512}", re.ASCII)
CONNECT = 3.0
READ = 8.0
"""Seconds for a connection to STS, and for an answer."""


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """A service account that takes a role.

    Attributes:
        role: The ARN of the role.
        token: The service account's token, a JWT.
    """

    role: str
    token: Secret

    def digest(self) -> str:
        """Return what differs for every other role or token."""
        return hashlib.sha256(f"{self.role} {self.token.reveal()}".encode()).hexdigest()

    def session_name(self) -> str:
        """Return a name for the session: the service account's as the token gives it.

        For whoever reads the audit. Nothing is decided by it: that the token is what it says is
        for STS to find out.
        """
        try:
            claims = self.token.reveal().split(".")[1]
            subject = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
        except (ValueError, LookupError, TypeError, RecursionError):
            subject = ""
        name = str(subject).removeprefix("system:serviceaccount:").replace(":", ".")
        return re.sub(r"[^A-Za-z0-9_+=,.@-]", "-", f"pod-{name}")[:64]

    def keys(self, region: str) -> Keys:
        """Return the role's credentials.

        Args:
            region: Where STS is asked.

        Raises:
            Problem: There are none; its text says why.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = sts(region).assume_role_with_web_identity(
                RoleArn=self.role,
                RoleSessionName=self.session_name(),
                WebIdentityToken=self.token.reveal(),
            )
        except ClientError as error:
            said = error.response.get("Error", {})
            detail = f"{said.get('Message', '')} ({said.get('Code', '')})"
            raise Problem(
                "web_identity_refused", role=self.role, detail=self._without_token(detail)
            ) from None
        except (BotoCoreError, OSError, ValueError) as error:
            detail = self._without_token(f"STS: {error}")
            raise Problem("credentials_failed", detail=detail) from None
        given = answer["Credentials"]
        return Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def _without_token(self, text: str) -> str:
        return text.replace(self.token.reveal(), "(withheld)")


def sts(region: str) -> Any:
    """Return a client of STS that signs nothing: the token is all there is to show.

    Its methods are made when it is, so its type says nothing of them.
    """
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.credentials import CredentialResolver
    from botocore.session import Session

    session = Session()
    # Else botocore looks for the node's own credentials first, and asks its metadata service.
    session.register_component("credential_provider", CredentialResolver([]))
    config = Config(
        signature_version=UNSIGNED,
        connect_timeout=CONNECT,
        read_timeout=READ,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    return session.create_client("sts", region_name=region, config=config)

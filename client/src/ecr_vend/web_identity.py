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

from ecr_vend.credentials import (
    ATTEMPTS,
    CONNECT,
    READ,
    SHORTEST_SESSION,
    THROTTLED,
    keys_in,
    no_keys,
)
from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_vend.keys import Keys
    from ecr_vend.secret import Secret

ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]{1,512}", re.ASCII)


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

    def keys(self, region: str, environ: Mapping[str, str]) -> Keys:
        """Return the role's credentials.

        Args:
            region: Whose STS is asked.
            environ: The process environment.

        Raises:
            Problem: There are none; its text says why.
        """
        from botocore import exceptions
        from botocore.parsers import ResponseParserError

        try:
            answer = sts(region, environ).assume_role_with_web_identity(
                RoleArn=self.role,
                RoleSessionName=self.session_name(),
                WebIdentityToken=self.token.reveal(),
                DurationSeconds=SHORTEST_SESSION,
            )
            return keys_in(answer)
        except exceptions.ClientError as error:
            raise self._refused(error.response, region) from None
        except exceptions.SSLError as error:
            raise Problem("not_trusted", endpoint=f"STS in {region}", detail=str(error)) from None
        except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
            raise Problem("unreachable", endpoint=f"STS in {region}", detail=str(error)) from None
        except (exceptions.BotoCoreError, OSError, ValueError) as error:
            detail = self._without_token(str(error) or type(error).__name__)
            raise Problem("credentials_failed", detail=detail) from None
        except (KeyError, ResponseParserError):
            raise no_keys(region) from None

    def _refused(self, response: Mapping[str, Any], region: str) -> Problem:
        """Return what STS's answer means."""
        said, status = response["Error"], response["ResponseMetadata"]["HTTPStatusCode"]
        code, message = str(said.get("Code", "")), str(said.get("Message", ""))
        if status >= 500 or status == 429 or code in THROTTLED:
            return Problem("unreachable", endpoint=f"STS in {region}", detail=f"HTTP {status}")
        detail = self._without_token(f"{message} ({code})")
        return Problem("web_identity_refused", role=self.role, detail=detail)

    def _without_token(self, text: str) -> str:
        return text.replace(self.token.reveal(), "(withheld)")


def sts(region: str, environ: Mapping[str, str]) -> Any:
    """Return a client of STS that signs nothing: the token is all there is to show.

    So botocore does not look for the node's own credentials either. The client's methods are made
    when it is, so its type says nothing of them.
    """
    from botocore import UNSIGNED
    from botocore.config import Config

    from ecr_vend.aws_session import open_session

    session = open_session(None)
    session.set_config_variable("sts_regional_endpoints", "regional")
    return session.create_client(
        "sts",
        region_name=region,
        endpoint_url=environ.get("AWS_ENDPOINT_URL_STS") or environ.get("AWS_ENDPOINT_URL"),
        verify=environ.get("AWS_CA_BUNDLE") or None,
        config=Config(
            signature_version=UNSIGNED,
            connect_timeout=CONNECT,
            read_timeout=READ,
            retries={"total_max_attempts": ATTEMPTS},
        ),
    )

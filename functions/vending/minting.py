"""Mint tokens: assume a vended role under the session policy, and ask ECR in its name."""

from __future__ import annotations

import base64
import binascii
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from vending.aws_clients import THROTTLES
from vending.ports import MintFailed
from vending.token import Token

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from types_boto3_ecr import ECRClient
    from types_boto3_ecr.type_defs import GetAuthorizationTokenResponseTypeDef
    from types_boto3_sts import STSClient
    from types_boto3_sts.type_defs import CredentialsTypeDef

SHORTEST_SESSION, LONGEST_SESSION = 900, 3600
"""Seconds. A session of an assumed role lasts at least 15 minutes and, when the role that assumes
it is itself assumed, as a function's is, at most an hour. Source: AssumeRole, "Role chaining"."""

TOO_LARGE = frozenset({"PackedPolicyTooLarge", "PackedPolicyTooLargeException"})

vended_session: ContextVar[Credentials] = ContextVar("vended_session")


class StsMinter:
    """Mints with STS and ECR.

    One ECR client for each region serves every vend: what differs is who signs, and a new client
    would cost several milliseconds of CPU each time.
    """

    def __init__(self, sts: STSClient, ecr_in: Callable[[str], ECRClient]) -> None:
        self._sts = sts
        self._ecr_in = ecr_in
        self._ecr: dict[str, ECRClient] = {}

    def mint(
        self,
        *,
        role: str,
        region: str,
        session_name: str,
        source_identity: str,
        session_policy: str,
        lifetime: timedelta,
    ) -> Token:
        """Return a token of a session of `role` under `session_policy`.

        The session may outlive the token: the time condition in its policy ends the token.

        Raises:
            MintFailed: AWS gave none.
        """
        seconds = int(lifetime.total_seconds())
        try:
            session = self._sts.assume_role(
                RoleArn=role,
                RoleSessionName=session_name,
                SourceIdentity=source_identity,
                Policy=session_policy,
                DurationSeconds=min(max(seconds, SHORTEST_SESSION), LONGEST_SESSION),
            )["Credentials"]
            answer = self._token_of(session, region)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise MintFailed(
                f"{error.operation_name}: {code}",
                too_large=code in TOO_LARGE,
                throttled=code in THROTTLES,
            ) from None
        except BotoCoreError as error:
            raise MintFailed(type(error).__name__) from None
        return password_of(answer)

    def _token_of(
        self, session: CredentialsTypeDef, region: str
    ) -> GetAuthorizationTokenResponseTypeDef:
        ecr = self._ecr.get(region)
        if ecr is None:
            ecr = self._ecr[region] = self._ecr_in(region)
            ecr.meta.events.register("before-sign.ecr.GetAuthorizationToken", sign_as_vended)
        vended = Credentials(
            session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
        )
        held = vended_session.set(vended)
        try:
            return ecr.get_authorization_token()
        finally:
            vended_session.reset(held)


def sign_as_vended(request: Any, **_: Any) -> None:
    """Sign a request with the vended session instead of the client's own credentials.

    Raises:
        LookupError: There is no vended session, so nothing may be asked.
    """
    signing = request.context.setdefault("signing", {})
    signing["request_credentials"] = vended_session.get()


def password_of(answer: GetAuthorizationTokenResponseTypeDef) -> Token:
    """Return the password in ECR's answer, base64 of `AWS:` and the password.

    Raises:
        MintFailed: The answer holds none.
    """
    try:
        encoded = answer["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (LookupError, TypeError, ValueError, binascii.Error):
        user = password = ""
    if user != "AWS" or not password:
        # Nothing of the answer is quoted: it may hold the token.
        raise MintFailed("GetAuthorizationToken: unreadable answer")
    return Token(password)

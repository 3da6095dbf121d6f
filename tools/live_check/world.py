"""The stack under check, and what the checks need around it: made, used, and removed."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from tools.live_check.answers import code_of, refused_by_iam
from tools.live_check.check import CannotTell
from tools.live_check.made import document
from tools.live_check.names import Names
from tools.live_check.registry import Login, Registry, refused
from vending.access import Access
from vending.caller import Origin
from vending.decision import Decision
from vending.minting import password_of
from vending.session_policy import session_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import boto3

T = TypeVar("T")

SETTLING = 90.0
"""Seconds in which what was just made may not be seen everywhere yet, as IAM says of itself."""

DENYING = 600.0
"""Seconds to wait for a denial to reach every part of ECR."""


@dataclass
class World(Names):
    """A deployed stack, seen by whoever checks it.

    Attributes:
        session: The AWS identity that checks.
        stack: The stack's name.
        prefix: Begins the name of everything that is made.
        api: The API's address.
        registry: The registry's address.
        on_aws: Whether this is AWS, and not the embedded stack.
        slow: Whether to wait a quarter of an hour where a check needs it.
        sleep: Waits for some seconds.
    """

    session: boto3.Session
    stack: str
    prefix: str
    api: str
    registry: Registry
    on_aws: bool
    slow: bool = False
    sleep: Callable[[float], None] = time.sleep
    _undo: list[tuple[str, Callable[[], object]]] = field(default_factory=list)
    _outputs: dict[str, str] = field(default_factory=dict)

    def client(self, service: str, credentials: Credentials | None = None) -> Any:
        """Return a client that signs as whoever checks, or as a session."""
        # The stubs name each service; here any may be asked for.
        make: Any = self.session.client
        if not credentials:
            return make(service)
        return make(
            service,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.token,
        )

    @property
    def region(self) -> str:
        """Return the stack's region."""
        return str(self.session.region_name)

    @cached_property
    def _identity(self) -> dict[str, str]:
        identity: dict[str, str] = self.client("sts").get_caller_identity()
        return identity

    @cached_property
    def account(self) -> str:
        """Return the account that is checked."""
        return self._identity["Account"]

    @cached_property
    def partition(self) -> str:
        """Return the partition that is checked."""
        return self._identity["Arn"].split(":")[1]

    def role_arn(self, name: str) -> str:
        """Return the ARN of a role of the account."""
        return f"arn:{self.partition}:iam::{self.account}:role/{name}"

    def policy_arn(self, name: str) -> str:
        """Return the ARN of a managed policy of the account."""
        return f"arn:{self.partition}:iam::{self.account}:policy/{name}"

    def function_arn(self, name: str) -> str:
        """Return the ARN of a function of the account and region."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{name}"

    def outputs(self) -> dict[str, str]:
        """Return the stack's outputs."""
        if not self._outputs:
            (found,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
            self._outputs = {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}
        return self._outputs

    def physical(self, logical: str) -> str:
        """Return the physical id of one of the stack's resources."""
        found = self.client("cloudformation").describe_stack_resource(
            StackName=self.stack, LogicalResourceId=logical
        )["StackResourceDetail"]
        return str(found["PhysicalResourceId"])

    def undo(self, what: str, how: Callable[[], object]) -> None:
        """Remember how something that was made is removed."""
        self._undo.append((what, how))

    def remove(self) -> list[str]:
        """Remove all that was made, the last first; return what could not be, with the reason."""
        left = []
        while self._undo:
            what, how = self._undo.pop()
            try:
                how()
            except ClientError as error:
                left.append(f"{what}: {code_of(error)}")
            except BotoCoreError as error:
                left.append(f"{what}: {type(error).__name__}")
        return left

    def session_of(
        self, role: str, name: str, policy: str | None = None, source_identity: str | None = None
    ) -> Credentials:
        """Assume one of the roles that were made, for a quarter of an hour."""
        given: dict[str, Any] = {"DurationSeconds": 900}
        if policy:
            given["Policy"] = policy
        if source_identity:
            given["SourceIdentity"] = source_identity
        found = self.client("sts").assume_role(
            RoleArn=self.role_arn(role),
            RoleSessionName=name,
            **given,
        )["Credentials"]
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])

    def token(self, credentials: Credentials) -> Login:
        """Return the registry with a token that a session asked for."""
        answer = self.client("ecr", credentials).get_authorization_token()
        return self.registry.login(password_of(answer).reveal())

    def vended(
        self,
        name: str,
        scope: Mapping[Access, tuple[str, ...]] | None = None,
        *,
        seconds: int = 900,
        source_ip: str = "",
    ) -> Login:
        """Return a token under the session policy that the service would write.

        Args:
            name: Of the session.
            scope: What it may reach; to pull `one` where there is none.
            seconds: Until its time condition.
            source_ip: The address it is bound to; empty for none.
        """
        ends = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)
        decision = Decision(
            "default",
            dict(scope or {Access.PULL: (self.one,)}),
            expires_at=ends,
            bind_source_ip=bool(source_ip),
        )
        origin = Origin(source_ip=source_ip, user_agent="", request_id="")
        policy = session_policy(decision, origin, partition=self.partition)
        return self.token(self.session_of(self.holder, name, policy))

    def call(
        self, method: str, path: str, body: Any = None, *, role: str = "", api: str = ""
    ) -> httpx.Response:
        """Return the API's answer to a role.

        Args:
            method: Of the request.
            path: Below the API's address.
            body: What to send as JSON, or None for nothing.
            role: Who calls; the one that may vend where there is none.
            api: Another address of the API, or empty for `self.api`.
        """
        content = json.dumps(body).encode() if body is not None else b""
        headers = {"Content-Type": "application/json"} if content else {}
        request = AWSRequest(method, (api or self.api) + path, data=content, headers=headers)
        credentials = self.session_of(role or self.caller, "check")
        SigV4Auth(credentials, "execute-api", self.region).add_auth(request)
        return httpx.request(
            method, str(request.url), headers=dict(request.headers), content=content, timeout=40
        )

    @contextmanager
    def denying(self, statement: dict[str, Any]) -> Iterator[None]:
        """Let the stand-in role deny something, until the block ends."""
        iam = self.client("iam")
        name = {"RoleName": self.holder, "PolicyName": "deny"}
        iam.put_role_policy(**name, PolicyDocument=document([statement]))
        try:
            yield
        finally:
            iam.delete_role_policy(**name)

    def until_refused(self, login: Login, *, within: float) -> float:
        """Return the seconds until a pull of `one` is refused.

        Raises:
            CannotTell: The registry answered with neither a manifest nor a refusal.
            TimeoutError: It was not refused in time.
        """
        began = time.monotonic()
        while True:
            status = login.pull(self.one)
            after = time.monotonic() - began
            if refused(status):
                return after
            if status != 200:
                raise CannotTell(f"the registry answered {status}")
            if after > within:
                raise TimeoutError(f"it still pulled after {after:.0f} s")
            self.sleep(1)

    def settled(self, act: Callable[[], T]) -> T:
        """Do something again while AWS does not know yet what was just made."""
        end = time.monotonic() + SETTLING
        while True:
            try:
                return act()
            except (ClientError, httpx.HTTPStatusError):
                if time.monotonic() > end or not self.on_aws:
                    raise
                self.sleep(3)

    def wait_until_iam_lets_in(self, role: str, path: str) -> None:
        """Wait until a role that was just made may call the API, at most SETTLING."""
        end = time.monotonic() + (SETTLING if self.on_aws else 0)
        try:
            while refused_by_iam(self.call("GET", path, role=role)) and time.monotonic() < end:
                self.sleep(3)
        except (ClientError, httpx.HTTPError):
            return  # whoever asks the API next says what is wrong

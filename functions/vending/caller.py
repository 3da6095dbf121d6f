"""Who is asking: the caller, from the identity that API Gateway verified and from nothing else."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from base64 import b32encode
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from vending.errors import Code, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping


class CallerKind(StrEnum):
    """The kinds of IAM principal that can sign a request."""

    USER = "iam-user"
    ROLE = "assumed-role"
    IDENTITY_CENTER = "identity-center"
    FEDERATED = "federated-user"
    ROOT = "root"


ARN = re.compile(r"arn:(aws(?:-[a-z]+)*):(iam|sts)::(\d{12}):(.+)", re.ASCII | re.DOTALL)
ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
SESSION_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
IDENTITY_CENTER_ROLE = re.compile(r"AWSReservedSSO_([\w+=,.@-]{1,32})_[0-9a-f]{16}", re.ASCII)
NOT_IN_SOURCE_IDENTITY = re.compile(r"[^\w+=,.@-]", re.ASCII)

TEST_STAGE = "test-invoke-stage"
"""The stage that API Gateway names when somebody presses Test in its console."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One IAM principal.

    Attributes:
        kind: What sort of principal.
        partition: `aws`, `aws-cn`, `aws-us-gov`, ….
        account: The caller's own account, 12 digits.
        principal_id: The unique id that is never reused (`AROA…`, `AIDA…`), the account for its
            root, `federated` for a federated user; empty in a policy's own tests.
        name: Role, user, permission set or federated name.
        path: An IAM user's path, with its slashes; `/` elsewhere (a role's is not in the event).
        session: A role session's name, the user's for Identity Center, else empty. Whoever
            assumes a role chooses it: log it, never limit by it.
        arn: As API Gateway gave it.
    """

    kind: CallerKind
    partition: str
    account: str
    principal_id: str
    name: str
    path: str
    session: str
    arn: str

    @property
    def key(self) -> str:
        """What budgets, blocks and SourceIdentity are tied to; a caller cannot choose it."""
        key = f"{self.partition}:{self.account}:{self.principal_id}"
        # Identity Center sets the session to the signed-in user, who cannot choose it.
        return f"{key}:{self.session}" if self.kind is CallerKind.IDENTITY_CENTER else key

    @property
    def source_identity(self) -> str:
        """A name for CloudTrail, readable by a person and unique to the caller.

        At most 64 of the characters STS allows: up to 47 of the name, a dot, and 80 bits of the
        key's SHA-256 in lower-case base 32. It never begins with `aws:`, since `:` is not kept.
        """
        shown = self.session if self.kind is CallerKind.IDENTITY_CENTER else self.name
        return NOT_IN_SOURCE_IDENTITY.sub("-", shown)[:47] + source_identity_ending(self.key)

    @classmethod
    def from_arn(cls, arn: str, *, principal_id: str = "") -> Caller:
        """Read the ARN of a principal as `sts get-caller-identity` and API Gateway write it.

        Raises:
            ValueError: It is no such ARN; the message says what is expected.
        """
        parts = ARN.fullmatch(arn)
        if not parts:
            raise ValueError(f"{arn!r} is not the ARN of an IAM or STS principal")
        partition, service, account, resource = parts.groups()
        kind, _, rest = resource.partition("/")
        path, session = "/", ""
        if (service, resource) == ("iam", "root"):
            found, name = CallerKind.ROOT, "root"
        elif (service, kind) == ("iam", "user") and rest:
            found = CallerKind.USER
            folder, _, name = rest.rpartition("/")
            path = f"/{folder}/" if folder else "/"
        elif (service, kind) == ("sts", "federated-user") and rest:
            found, name = CallerKind.FEDERATED, rest
        elif (service, kind) == ("sts", "assumed-role"):
            name, _, session = rest.partition("/")
            if not ROLE_NAME.fullmatch(name) or not SESSION_NAME.fullmatch(session):
                raise ValueError(f"{arn!r} should end in assumed-role/ROLE/SESSION, without a path")
            found = CallerKind.ROLE
            if permission_set := IDENTITY_CENTER_ROLE.fullmatch(name):
                found, name = CallerKind.IDENTITY_CENTER, permission_set[1]
        else:
            raise ValueError(
                f"{arn!r} is none of iam::ACCOUNT:user/NAME, iam::ACCOUNT:root, "
                "sts::ACCOUNT:assumed-role/ROLE/SESSION, sts::ACCOUNT:federated-user/NAME"
            )
        if not ROLE_NAME.fullmatch(name) and found is not CallerKind.IDENTITY_CENTER:
            raise ValueError(f"{name!r} in {arn!r} is not an IAM name")
        return cls(found, partition, account, principal_id, name, path, session, arn)


def source_identity_ending(caller_key: str) -> str:
    """Return how every SourceIdentity of the caller with this key ends: a dot and 16 characters."""
    digest = hashlib.sha256(caller_key.encode()).digest()[:10]
    return f".{b32encode(digest).decode().lower()}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as API Gateway saw it.

    Attributes:
        source_ip: The client's address.
        vpc: The VPC of a private endpoint's caller, else empty.
        vpc_endpoint: Its endpoint's id, else empty.
        user_agent: Bounded; whatever the client wrote.
        request_id: API Gateway's id for the request.
    """

    source_ip: str
    vpc: str = ""
    vpc_endpoint: str = ""
    user_agent: str = ""
    request_id: str = ""


def caller_of(event: Mapping[str, Any]) -> tuple[Caller, Origin]:
    """Return who signed the request and from where.

    Only `requestContext` is read. Headers and body are the caller's own words.

    Args:
        event: An API Gateway REST proxy event with `AWS_IAM` authorisation. See "Input format of
            a Lambda function for proxy integration" in the API Gateway guide.

    Raises:
        Refused: A console test, or an identity of no known kind.
    """
    context = event.get("requestContext") or {}
    identity = context.get("identity") or {}
    source_ip = str(identity.get("sourceIp") or "")
    if context.get("stage") == TEST_STAGE or source_ip.startswith("test-invoke"):
        raise Refused(
            Code.TEST_INVOCATION,
            "Call the deployed stage with a signed request: a test from the API Gateway console "
            "runs as whoever may press the button, not as an authorised caller.",
        )
    try:
        ipaddress.ip_address(source_ip)
        caller = identified(identity)
    except ValueError as problem:
        raise Refused(
            Code.UNSUPPORTED_CALLER,
            "Sign the request as an IAM user, role, Identity Center user or federated user "
            f"({problem}).",
        ) from None
    return caller, Origin(
        source_ip=source_ip,
        vpc=str(identity.get("vpcId") or ""),
        vpc_endpoint=str(identity.get("vpceId") or ""),
        user_agent=str(identity.get("userAgent") or "")[:256],
        request_id=str(context.get("requestId") or "")[:64],
    )


def identified(identity: Mapping[str, Any]) -> Caller:
    """Return the caller of `requestContext.identity`.

    Raises:
        ValueError: Its parts are missing, of no known form, or contradict one another.
    """
    arn, unique = str(identity.get("userArn") or ""), str(identity.get("caller") or "")
    caller = Caller.from_arn(arn)
    if caller.account != identity.get("accountId"):
        raise ValueError("the identity's account is not the one in its ARN")
    principal, _, session = unique.partition(":")
    match caller.kind:
        case CallerKind.ROLE | CallerKind.IDENTITY_CENTER:
            agrees = is_id("AROA", principal) and session == caller.session
        case CallerKind.USER:
            agrees = is_id("AIDA", unique)
        case CallerKind.FEDERATED:
            agrees = unique == f"{caller.account}:{caller.name}"
            # Whoever may call GetFederationToken chooses the name, so it identifies nobody: all
            # federated users of an account share one key.
            principal = "federated"
        case CallerKind.ROOT:
            agrees = unique == caller.account
    if not agrees:
        raise ValueError("the identity's principal id does not belong to its ARN")
    return replace(caller, principal_id=principal)


def is_id(prefix: str, principal_id: str) -> bool:
    """Return whether it is a unique id of its kind. Source: "Unique identifiers", IAM guide."""
    return bool(re.fullmatch(rf"{prefix}[0-9A-Z]{{8,124}}", principal_id))

"""The caller that a question is about, as people have it at hand."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vendctl.command_line import Failure
from vending.caller import IDENTITY_CENTER_ROLE, Caller, CallerKind

SESSION = "SESSION"
"""The session that is assumed where only its role is named."""

USER = "USER"
"""The user that is assumed where only the role of a permission set is named."""

SAID = re.compile(r"arn:[^\s\"'|]+")
"""An ARN in what `aws sts get-caller-identity` prints, in any of its output formats."""

ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role/(?P<path>.*)")


@dataclass(frozen=True, slots=True)
class Asked:
    """A caller, and what was assumed about it.

    Attributes:
        caller: As the service would see it.
        assumed: One sentence, empty where nothing was assumed.
    """

    caller: Caller
    assumed: str = ""


def asked_of(text: str) -> Asked:
    """Return the caller that a person means.

    Args:
        text: What `aws sts get-caller-identity` prints, the ARN in it, or a role's own ARN.

    Raises:
        Failure: It names no caller; the sentence says what does.
    """
    found = sorted(set(SAID.findall(text)))
    if len(found) != 1:
        raise Failure(
            f"--caller takes one ARN, as `aws sts get-caller-identity` prints it: {text[:200]!r} "
            f"has {len(found) or 'none'}"
        )
    (arn,) = found
    if role := ROLE.fullmatch(arn):
        return session_of(role)
    if re.match(r"arn:aws[a-z-]*:(?:sso|identitystore):", arn):
        raise Failure(
            f"{arn!r} tells neither the account nor the name of a permission set. Give the ARN of "
            "its role in the account, which is called AWSReservedSSO_NAME_…: who is signed in sees "
            "it with `aws sts get-caller-identity`"
        )
    if re.search(r":assumed-role/[^/]+/?\Z", arn):
        arn = f"{arn.removesuffix('/')}/{SESSION}"
        return Asked(read(arn), f"the ARN has no session: its session is taken to be {SESSION}")
    return Asked(read(arn))


def session_of(role: re.Match[str]) -> Asked:
    """Return a caller that has a role, whose own ARN was given.

    Raises:
        Failure: It is no role's ARN.
    """
    folder, _, name = role["path"].rpartition("/")
    user = IDENTITY_CENTER_ROLE.fullmatch(name) is not None
    session = USER if user else SESSION
    arn = f"arn:{role['partition']}:sts::{role['account']}:assumed-role/{name}/{session}"
    caller = read(arn)
    if caller.kind is CallerKind.IDENTITY_CENTER:
        return Asked(
            caller,
            f"this is the role of the permission set {caller.name}: the signed-in user is taken to "
            f"be {USER}",
        )
    pathless = ", and its path is left out, which no request tells" if folder else ""
    return Asked(
        caller,
        f"a role calls by a session of it: the session's name is taken to be {SESSION}{pathless}",
    )


def read(arn: str) -> Caller:
    """Return the caller that an ARN names.

    Raises:
        Failure: It names none.
    """
    try:
        return Caller.from_arn(arn)
    except ValueError as problem:
        raise Failure(f"--caller: {problem}") from None

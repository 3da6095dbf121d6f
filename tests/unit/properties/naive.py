"""What a policy grants, decided the slow and obvious way: one repository and access at a time.

It reads the same documents as `decide`, and shares with it the models and nothing else.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from tests.iam import matches
from vending.access import Access

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from vending.caller import Caller
    from vending.caller_patterns import CallerPattern
    from vending.policy import Grant, Policy
    from vending.request import VendRequest


def fits(patterns: Iterable[str], name: str) -> bool:
    """Say whether one of IAM's patterns matches."""
    return any(matches(pattern, name) for pattern in patterns)


def arn_fits(pattern: str, arn: str) -> bool:
    """Say whether a pattern matches an ARN piece by piece, between `:` and `/` alike."""
    wanted, found = pattern.replace("/", ":").split(":"), arn.replace("/", ":").split(":")
    return len(wanted) == len(found) and all(map(matches, wanted, found))


def is_meant(pattern: CallerPattern, caller: Caller) -> bool:
    """Say whether a caller pattern (by role, user or account) means the caller."""
    if pattern.account is not None:
        return caller.arn.split(":")[4] == pattern.account
    if pattern.user is not None:
        return arn_fits(pattern.user, caller.arn)
    role, _, session = caller.arn.rpartition("/")
    named = role.replace(":sts:", ":iam:").replace(":assumed-role/", ":role/")
    return (
        pattern.role is not None
        and arn_fits(pattern.role, named)
        and (pattern.session is None or matches(pattern.session, session))
    )


def is_admitted(policy: Policy, caller: Caller) -> bool:
    """Say whether the ceiling lets the caller have anything."""
    accounts = policy.ceiling.accounts
    return policy.ceiling.mode == "monitor" or accounts is None or caller.account in accounts


def usable(policy: Policy, caller: Caller, request: VendRequest, now: datetime) -> list[Grant]:
    """Return the grants that may contribute."""
    if not is_admitted(policy, caller):
        return []
    return [
        grant
        for grant in policy.grants
        if any(is_meant(pattern, caller) for pattern in grant.callers)
        and grant.registry == request.registry
        and grant.mode == "enforce"
        and (grant.expires_on is None or now.astimezone(UTC).date() <= grant.expires_on)
        and (request.grant == grant.name or (request.grant is None and not grant.break_glass))
    ]


def granting(
    policy: Policy,
    caller: Caller,
    request: VendRequest,
    now: datetime,
    *,
    name: str,
    access: Access,
) -> list[Grant]:
    """Return the grants that give `access` to the repository `name` in answer to the request."""
    if request.repositories:
        # A push that is not granted is not turned into the pull it would have brought along.
        if name not in request.repositories.get(access, ()):
            return []
    elif access not in (request.access, Access.PULL):
        return []
    if any(
        deny.mode == "enforce"
        and fits(deny.repositories, name)
        and deny.registry in (None, request.registry)
        and (deny.callers is None or any(is_meant(one, caller) for one in deny.callers))
        for deny in policy.denies
    ):
        return []
    ceiling = policy.ceiling.repositories
    if policy.ceiling.mode == "enforce" and ceiling is not None and not fits(ceiling, name):
        return []
    return [
        grant
        for grant in usable(policy, caller, request, now)
        if fits(grant.repositories, name) and (access in (grant.access, Access.PULL))
    ]

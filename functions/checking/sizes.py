"""Which scopes of a policy fit no session policy, as far as one can tell before anybody asks."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from checking.entries import Entries, enforced
from checking.lints import Lint
from vending.access import Access
from vending.caller import Caller, Origin
from vending.caller_coverage import account_of, kind_of, text_of
from vending.decision import decide
from vending.errors import Refused
from vending.policy import Policy
from vending.request import Limits, VendRequest
from vending.session_policy import LONGEST, session_policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from checking.lints import Subject
    from vending.caller_patterns import CallerPattern
    from vending.policy import Deny, Grant

FIXED = 900
"""More characters than a session policy has beside its repositories."""

PER_PATTERN = 50
"""More than stands around a pattern: an ARN's beginning in any partition, quotes and a comma."""

MOST_BUILT = 500
"""Patterns of one caller beyond which the session policy is not built to be measured: were no two
of them the same, it would be several times too long."""

ORIGIN = Origin(source_ip="255.255.255.255")


def size_lints(subject: Subject, *, now: datetime) -> Iterator[Lint]:
    """Yield the grants, and the callers of several grants, whose whole scope fits no token."""
    together: dict[tuple[str, str], dict[int, Grant]] = defaultdict(dict)
    patterns: dict[str, CallerPattern] = {}
    denies, alone = Entries(enforced(subject.denies), subject.left), set[int]()
    for at, grant in enforced(subject.grants):
        if found := too_large(subject.policy, denies, [grant], grant.callers[0], now=now):
            alone.add(at)
            yield Lint("scope-too-large", ("grants", at, "repositories"), found)
        if grant.break_glass:
            continue  # It counts only alone.
        for caller in grant.callers:
            text = f"{text_of(caller)} {caller.session or '*'}"
            patterns[text] = caller
            together[text, grant.registry][at] = grant
    for (text, _), granted in together.items():
        if len(granted) < 2 or alone.intersection(granted):
            continue
        whole = list(granted.values())
        if found := too_large(subject.policy, denies, whole, patterns[text], now=now):
            at, grant = list(granted.items())[-1]
            number = next(
                number
                for number, caller in enumerate(grant.callers)
                if f"{text_of(caller)} {caller.session or '*'}" == text
            )
            message = f"the {len(granted)} grants of this caller together: {found}"
            yield Lint("scope-too-large", ("grants", at, "callers", number), message)


def too_large(
    policy: Policy,
    denies: Entries[Deny],
    grants: Sequence[Grant],
    caller: CallerPattern,
    *,
    now: datetime,
) -> str:
    """Return what is too large about a token for all of `grants`, or nothing where it fits."""
    scope = [pattern for grant in grants for pattern in grant.repositories]
    if len(set(scope)) > MOST_BUILT:
        return f"{len(set(scope))} patterns, far more than fit {LONGEST} characters"
    met = dict(denies.may_meet([caller], scope))
    beside = [*(policy.bounds.repositories or ())]
    beside += [pattern for deny in met.values() for pattern in deny.repositories]
    if FIXED + sum(len(one) + PER_PATTERN for one in (*scope, *scope, *beside)) <= LONGEST:
        return ""
    try:
        who = somebody(caller)
    except ValueError:
        return ""  # Nobody can be such a caller, which another lint says.
    part = Policy(
        version=1,
        ceiling=policy.bounds,
        grants=list(grants),
        denies=[met[at] for at in sorted(met)],
    )
    access = next(
        access
        for access in (Access.PUSH, Access.PULL_THROUGH, Access.PULL)
        if any(grant.access is access for grant in grants)
    )
    decision = decide(
        part,
        who,
        VendRequest(
            registry=grants[0].registry,
            access=access,
            grant=grants[0].name if grants[0].break_glass else None,
            reason="size",
        ),
        now=now,
        limits=Limits(),
    )
    if decision.refusal is not None:
        return ""
    try:
        session_policy(decision, ORIGIN, partition=who.partition)
    except Refused as refused:
        return refused.refusal.detail.partition(". ")[0]
    return ""


def somebody(pattern: CallerPattern) -> Caller:
    """Return a caller whom the pattern matches.

    Raises:
        ValueError: There is none.
    """
    account = account_of(pattern)
    account = account.replace("*", "0" * (12 - len(account.replace("*", ""))), 1).replace("*", "")
    account = account.replace("?", "0")

    def plain(glob: str) -> str:
        return glob.replace("*", "x").replace("?", "x")

    partition = text_of(pattern).split(":")[1] or "aws"
    match kind_of(pattern):
        case "permission_set" if pattern.permission_set is not None:
            name = f"AWSReservedSSO_{plain(pattern.permission_set.name)}_0123456789abcdef"
            session = plain(pattern.permission_set.user or "x@example.com")
            resource = f"sts::{account}:assumed-role/{name}/{session}"
        case "role":
            name = plain(text_of(pattern).split("/", 1)[1])
            resource = f"sts::{account}:assumed-role/{name}/{plain(pattern.session or 'x1')}"
        case "user":
            resource = f"iam::{account}:user/{plain(text_of(pattern).split('/', 1)[1])}"
        case "federated_user":
            resource = f"sts::{account}:federated-user/{plain(text_of(pattern).split('/', 1)[1])}"
        case _:
            resource = f"iam::{account}:root"
    return Caller.from_arn(f"arn:{partition}:{resource}")

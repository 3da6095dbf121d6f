"""The denies: the one document that every revocation policy has, packed to what IAM takes. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vending.revocations import Kind, Revocation, moment, rfc3339, whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

LONGEST = 6144
"""Characters of a managed policy; white space does not count, and there is none. Source: "IAM and
AWS STS quotas" in the IAM user guide."""

NOBODY = {"StringEquals": {"aws:userid": "nobody"}}
"""A condition that no principal meets: every `aws:userid` begins with a unique id or an account."""

RESERVED = 130
"""Characters kept free for the statement that denies everything before a moment, so that it always
fits."""


@dataclass(frozen=True, slots=True)
class Denies:
    """What the policies should say.

    Attributes:
        document: The policy, minified JSON.
        entries: Of every revocation that it denies.
        left_out: Entries of those for which there was no room.
    """

    document: str
    entries: frozenset[str]
    left_out: frozenset[str]

    @property
    def digest(self) -> str:
        """Names exactly this document."""
        return hashlib.sha256(self.document.encode()).hexdigest()


def denies(
    revocations: Iterable[Revocation], *, now: datetime, standing: Collection[str] = ()
) -> Denies:
    """Pack the denies of all revocations whose tokens may still live.

    Nothing is widened to make room: who does not fit is left out, and comes in when others have
    ended. What stands already keeps its place before what is new.

    Args:
        revocations: All there are.
        now: An aware time.
        standing: Entries that some registry denies already.
    """
    due = [one for one in revocations if one.is_denied(now)]
    everything = next((one for one in due if one.kind is Kind.BEFORE), None)
    # What ended before that moment is denied with it, and needs no words of its own.
    covered = [one for one in due if everything and is_covered(one, everything)]
    waiting = sorted(
        (one for one in due if one is not everything and one not in covered),
        key=lambda one: (one.entry not in standing, one.at, one.id),
    )
    packed, left_out = packed_in_order(waiting)
    held = [*packed, *covered, *([everything] if everything else [])]
    return Denies(
        document(packed, everything),
        frozenset(one.entry for one in held),
        frozenset(one.entry for one in left_out),
    )


def packed_in_order(
    revocations: Sequence[Revocation],
) -> tuple[Sequence[Revocation], Sequence[Revocation]]:
    """Return those that fit, each if there is room beside those before it, and the others."""

    def fit(some: Sequence[Revocation]) -> bool:
        return len(document(some, None)) <= LONGEST - RESERVED

    if fit(revocations):
        return revocations, []
    packed: list[Revocation] = []
    left_out: list[Revocation] = []
    for one in revocations:
        (packed if fit([*packed, one]) else left_out).append(one)
    return packed, left_out


def is_covered(revocation: Revocation, everything: Revocation) -> bool:
    """Return whether all its tokens were issued before the moment of `everything`."""
    last = revocation.last_issue
    return last is not None and last < moment(everything.target)


def document(revocations: Iterable[Revocation], everything: Revocation | None) -> str:
    """Return the policy that denies exactly these; a deny that matches nobody where there are none.

    The mint is denied like everything else: `Action: *`.
    """
    vends, callers, lifted = [], [], []
    for one in revocations:
        if one.kind is Kind.VEND:
            vends.append(one.pattern)
        elif one.lifted_at:
            lifted.append((one.pattern, rfc3339(whole(one.lifted_at))))
        else:
            callers.append(one.pattern)
    conditions: list[dict[str, Any]] = []
    if vends:
        conditions.append({"StringLike": {"aws:userid": sorted(vends)}})
    if callers:
        conditions.append({"StringLike": {"aws:SourceIdentity": sorted(callers)}})
    conditions += [
        {
            "StringLike": {"aws:SourceIdentity": pattern},
            "DateLessThan": {"aws:TokenIssueTime": until},
        }
        for pattern, until in sorted(lifted)
    ]
    if everything:
        conditions.append({"DateLessThan": {"aws:TokenIssueTime": everything.target}})
    statements = [
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
        for condition in conditions or [NOBODY]
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))

"""Revocations: what was revoked, by whom and why, and until when it matters. Pure."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from vending import blocks, vend_ids
from vending.caller import source_identity_ending

if TYPE_CHECKING:
    from collections.abc import Collection

LONGEST_LIFE = timedelta(hours=1)
"""No token lives longer, whatever policy and stack say."""

IN_FLIGHT = timedelta(minutes=1)
"""A vend that began before a moment has ended, or never will, this much later; clocks may differ by
some of it."""

MARGIN = timedelta(minutes=15)
"""For how much longer than it could matter a deny stays."""

KEPT = timedelta(days=30)
"""For how long a revocation that is over is still listed."""


class Kind(StrEnum):
    """What a revocation is about."""

    VEND = "vend"
    CALLER = "caller"
    BEFORE = "before"


@dataclass(frozen=True, slots=True)
class Revocation:
    """A decision that some tokens must not work, and for a caller that it gets no more.

    There is one for each target: revoking the same thing again is the same revocation, until a
    caller's block is lifted. All tokens before a moment have one too, whose moment only grows.

    Attributes:
        kind: What it is about.
        target: A vend id, a caller key, or a moment in RFC 3339 in whole seconds, UTC.
        reason: Why, in the revoker's words.
        by: ARN of the revoker.
        by_key: Its caller key.
        at: When.
        turn: Random; tells this one from another of the same target, before or after it.
        blocked_at: When every copy of the block stood, or None until then.
        lifted_at: When the block of a caller was lifted, or None while it stands.
        lifted_by: ARN of who did that, else empty.
        cleared_at: When the last copy of a lifted block had gone, or None until then.
    """

    kind: Kind
    target: str
    reason: str
    by: str
    by_key: str
    at: datetime
    turn: str
    blocked_at: datetime | None = None
    lifted_at: datetime | None = None
    lifted_by: str = ""
    cleared_at: datetime | None = None

    @property
    def id(self) -> str:
        """Its name in the API: the same for the same target."""
        return revocation_id(self.kind, self.target)

    @property
    def settled(self) -> bool:
        """Whether the copies of the block are as they should be."""
        return (self.cleared_at if self.lifted_at else self.blocked_at) is not None

    @property
    def keys(self) -> list[str]:
        """Where the copies of its block stand."""
        match self.kind:
            case Kind.VEND:
                return [blocks.of_vend(self.target)]
            case Kind.CALLER:
                return blocks.copies_of_caller(self.target)
            case Kind.BEFORE:
                return blocks.copies_of_everything()

    @property
    def last_issue(self) -> datetime | None:
        """After this no token that it is about can have been issued, None where not known yet."""
        match self.kind:
            case Kind.VEND:
                return vend_ids.asked_at(self.target) + IN_FLIGHT
            case Kind.CALLER:
                return self.blocked_at and self.blocked_at + IN_FLIGHT
            case Kind.BEFORE:
                return moment(self.target)

    @property
    def denied_until(self) -> datetime | None:
        """When the tokens have all ended by themselves, and a while later, None where not known."""
        last = self.last_issue
        return last and last + LONGEST_LIFE + MARGIN

    def is_denied(self, now: datetime) -> bool:
        """Return whether a deny has to stand for it."""
        until = self.denied_until
        return until is None or now < until

    def is_over(self, now: datetime) -> bool:
        """Return whether nothing of it matters any more: no deny, and no block of a caller."""
        blocking = self.kind is Kind.CALLER and not self.cleared_at
        return not blocking and not self.is_denied(now)

    def is_forgotten(self, now: datetime) -> bool:
        """Return whether it has been over for long enough to be listed no more."""
        ends = [moment for moment in (self.denied_until, self.cleared_at) if moment]
        return self.is_over(now) and now >= max(ends) + KEPT

    @property
    def entry(self) -> str:
        """What the denies say of it: equal entries deny the same."""
        match self.kind:
            case Kind.VEND:
                return f"vend {self.target}"
            case Kind.CALLER if self.lifted_at:
                return f"caller {self.target} before {rfc3339(whole(self.lifted_at))}"
            case Kind.CALLER:
                return f"caller {self.target}"
            case Kind.BEFORE:
                return f"before {self.target}"

    @property
    def pattern(self) -> str:
        """What IAM's StringLike finds it by: `aws:userid` of a vend, `aws:SourceIdentity` of a
        caller."""
        if self.kind is Kind.VEND:
            return f"*:{self.target}"
        return f"*{source_identity_ending(self.target)}"


def revocation_id(kind: Kind, target: str) -> str:
    """Return the id of the revocation of a target; all moments share one."""
    what = f"{kind}" if kind is Kind.BEFORE else f"{kind} {target}"
    digest = hashlib.sha256(what.encode()).digest()
    return f"r-{b32encode(digest).decode().lower()[:26]}"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known to be denied in one registry.

    Attributes:
        entries: Of the revocations that its policies deny.
        document: Digest of the document that each of its policies has, empty where not known.
        versions: ARN of each policy → the version that was written last.
        failure: Why the last attempt did not succeed, else empty.
    """

    entries: frozenset[str] = frozenset()
    document: str = ""
    versions: tuple[tuple[str, str], ...] = ()
    failure: str = ""


def state(
    revocation: Revocation, standing: Standing, *, left_out: Collection[str], now: datetime
) -> str:
    """Return how a revocation stands in one registry.

    Args:
        revocation: Which.
        standing: What that registry is known to deny.
        left_out: Entries that no policy has room for.
        now: An aware time.

    Returns:
        `denied`, `over` (its tokens have ended by themselves), `full`, `failed: …` or `pending`.
    """
    if not revocation.is_denied(now):
        return "over"
    if revocation.entry in standing.entries:
        return "denied"
    if revocation.entry in left_out:
        return "full"
    return f"failed: {standing.failure}" if standing.failure else "pending"


def whole(moment: datetime) -> datetime:
    """Return the next whole second: `aws:TokenIssueTime` has no finer ones."""
    cut = moment.astimezone(UTC).replace(microsecond=0)
    return cut if cut == moment else cut + timedelta(seconds=1)


def rfc3339(moment: datetime) -> str:
    """Return a time in UTC to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """Return the moment that an RFC 3339 text means.

    Raises:
        ValueError: It is none, or has no offset from UTC.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} says no offset from UTC: end it in Z")
    return found.astimezone(UTC)

"""By how little a grant misses a caller and what it asks for. Pure.

Each dimension is compared on its own, where the evaluator stops at the first that differs. That
both agree is held by `tests/unit/properties/test_explaining.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING

from vending import patterns
from vending.caller import CallerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vending.access import Access
    from vending.caller import Caller
    from vending.caller_patterns import CallerPattern
    from vending.policy import Grant


class Dimension(StrEnum):
    """What a grant and a request can agree or differ in, named as in the policy."""

    KIND = "kind"
    PARTITION = "partition"
    ACCOUNT = "account"
    NAME = "name"
    SESSION = "session"
    USER = "user"
    REGISTRY = "registry"
    REPOSITORY = "repository"
    ACCESS = "access"
    EXPIRES_ON = "expires_on"
    BREAK_GLASS = "break_glass"
    MODE = "mode"


SPELT = frozenset(
    {
        Dimension.PARTITION,
        Dimension.ACCOUNT,
        Dimension.NAME,
        Dimension.SESSION,
        Dimension.USER,
        Dimension.REGISTRY,
        Dimension.REPOSITORY,
    }
)
"""Those in which a mistake is one of spelling; a difference in another is as near as can be."""

KINDS = {
    CallerKind.ROLE: "role",
    CallerKind.USER: "user",
    CallerKind.IDENTITY_CENTER: "permission_set",
    CallerKind.FEDERATED: "federated_user",
    CallerKind.ROOT: "root",
}
"""What the policy calls each kind of caller."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A grant and a request in one dimension.

    Attributes:
        dimension: Which.
        policy: What the grant says: one of these is needed.
        asked: What the caller is, or asks for.
        same: Whether they agree.
    """

    dimension: Dimension
    policy: tuple[str, ...]
    asked: str
    same: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a policy.

    Attributes:
        registry: Name of the registry, or None for any.
        repository: A literal one, or None for whatever is granted.
        access: To the repository; it is not compared without one.
        grant: The one grant that the request names, or None.
        today: In UTC.
    """

    registry: str | None
    repository: str | None
    access: Access
    grant: str | None
    today: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A grant, by one of its caller patterns, beside what is asked of the policy.

    Attributes:
        grant: The grant.
        number: Its place in the policy, from 0.
        callers: The place of the caller pattern in the grant, from 0.
        comparisons: Of each dimension that the grant has.
    """

    grant: Grant
    number: int
    callers: int
    comparisons: tuple[Comparison, ...]

    @property
    def differing(self) -> tuple[Comparison, ...]:
        """The dimensions in which the grant misses; none where it allows what is asked."""
        return tuple(one for one in self.comparisons if not one.same)

    @property
    def matching(self) -> tuple[Comparison, ...]:
        """The dimensions in which it does not."""
        return tuple(one for one in self.comparisons if one.same)


def compared(grants: Sequence[Grant], caller: Caller, wanted: Wanted) -> Iterator[Compared]:
    """Yield every caller pattern of every grant that may be drawn on, beside what is asked."""
    for number, grant in enumerate(grants):
        if wanted.grant in (None, grant.name):
            asked = tuple(request_comparisons(grant, wanted))
            for place, pattern in enumerate(grant.callers):
                about = tuple(caller_comparisons(pattern, caller))
                yield Compared(grant, number, place, (*about, *asked))


def caller_comparisons(pattern: CallerPattern, caller: Caller) -> Iterator[Comparison]:
    """Yield each dimension in which a caller pattern can miss a caller.

    None differs exactly when `CallerPattern.matches` says yes.
    """

    def kind(wanted: CallerKind) -> Comparison:
        same = caller.kind is wanted
        return Comparison(Dimension.KIND, (KINDS[wanted],), KINDS[caller.kind], same)

    if pattern.account is not None:
        yield globbed(Dimension.ACCOUNT, pattern.account, caller.account)
    elif pattern.root is not None:
        yield kind(CallerKind.ROOT)
        yield globbed(Dimension.ACCOUNT, pattern.root, caller.account)
    elif pattern.permission_set is not None:
        held = pattern.permission_set
        yield kind(CallerKind.IDENTITY_CENTER)
        yield globbed(Dimension.ACCOUNT, held.account, caller.account)
        yield globbed(Dimension.NAME, held.name, caller.name)
        if held.user is not None:
            yield globbed(Dimension.USER, held.user, caller.session)
    else:
        arns = (
            (CallerKind.ROLE, pattern.role),
            (CallerKind.USER, pattern.user),
            (CallerKind.FEDERATED, pattern.federated_user),
        )
        for named, arn in arns:
            if arn is None:
                continue
            _, partition, _, _, account, resource = arn.split(":", 5)
            name = caller.path[1:] + caller.name
            yield kind(named)
            yield globbed(Dimension.PARTITION, partition, caller.partition)
            yield globbed(Dimension.ACCOUNT, account, caller.account)
            yield globbed(Dimension.NAME, resource.partition("/")[2], name)
        if pattern.session is not None:
            yield globbed(Dimension.SESSION, pattern.session, caller.session)


def request_comparisons(grant: Grant, wanted: Wanted) -> Iterator[Comparison]:
    """Yield each dimension in which a grant can miss what is asked for."""
    if wanted.registry is not None:
        same = grant.registry == wanted.registry
        yield Comparison(Dimension.REGISTRY, (grant.registry,), wanted.registry, same)
    if wanted.repository is not None:
        fitting = [one for one in grant.repositories if patterns.matches(one, wanted.repository)]
        said = tuple(fitting or grant.repositories)
        yield Comparison(Dimension.REPOSITORY, said, wanted.repository, bool(fitting))
        same = grant.access.includes(wanted.access)
        yield Comparison(Dimension.ACCESS, (grant.access,), wanted.access, same)
    if grant.expires_on is not None:
        last = grant.expires_on.isoformat()
        yield Comparison(Dimension.EXPIRES_ON, (last,), wanted.today, wanted.today <= last)
    if grant.break_glass and wanted.repository is not None:
        same = wanted.grant == grant.name
        asked = "named in `grant`" if same else "not named in `grant`"
        yield Comparison(Dimension.BREAK_GLASS, ("named in `grant`",), asked, same)
    if grant.mode != "enforce":
        yield Comparison(Dimension.MODE, (grant.mode,), "enforce", same=False)


def globbed(dimension: Dimension, pattern: str, value: str) -> Comparison:
    """Return how a pattern over callers, which may be literal, compares with a value."""
    same = pattern == value or (
        not patterns.is_literal(pattern) and patterns.bounded(pattern).fullmatch(value) is not None
    )
    return Comparison(dimension, (pattern,), value, same)


def nearest(found: Iterable[Compared], *, most: int | None) -> list[Compared]:
    """Return the grants that miss by the least, each by its nearest caller pattern.

    Those that differ in the fewest dimensions come first, and among them the closest spelling.

    Args:
        found: Every grant by every pattern; a grant that one of them lets match is left out.
        most: How many, none of which differs in two dimensions more than the first; None for all.
    """
    every = [(len(one.differing), one) for one in found]
    matched = {one.number for count, one in every if not count}
    missing = sorted(
        ((count, one) for count, one in every if one.number not in matched),
        key=lambda pair: pair[0],
    )
    held: dict[int, Compared] = {}
    closeness = spelling()
    for count, group in groupby(missing, key=lambda pair: pair[0]):
        if most is not None and (len(held) >= most or count > missing[0][0] + 1):
            break
        for one in sorted((one for _, one in group), key=closeness, reverse=True):
            held.setdefault(one.number, one)
    return list(held.values())[:most]


def spelling() -> Callable[[Compared], float]:
    """Return what says how closely a grant is spelt to what is asked, from 0 to 1.

    It keeps one matcher for each thing asked for, which makes asking 10,000 grants a matter of
    less than a second.
    """
    matchers: dict[str, SequenceMatcher[str]] = {}

    def ratio(pattern: str, asked: str) -> float:
        if asked not in matchers:
            matchers[asked] = SequenceMatcher(None, "", asked, autojunk=False)
        matchers[asked].set_seq1(pattern)
        return matchers[asked].ratio()

    def closeness(one: Compared) -> float:
        each = [
            max(ratio(pattern, differing.asked) for pattern in differing.policy)
            if differing.dimension in SPELT
            else float(differing.dimension is not Dimension.KIND)
            for differing in one.differing
        ]
        return sum(each) / len(each)

    return closeness

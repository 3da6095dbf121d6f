"""What a well-formed policy says that its author hardly means: entries beside one another."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from vending import caller_coverage, patterns
from vending.caller_coverage import account_of, text_of
from vending.pattern_index import PatternIndex
from vending.policy_lints import Lint
from vending.scope import any_covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vending.caller_patterns import CallerPattern
    from vending.policy import Deny, Grant
    from vending.policy_lints import Subject

Numbered = tuple[int, "Grant"]


class Grants:
    """The grants of a policy, found by their callers and by their repositories."""

    def __init__(self, grants: Sequence[Numbered]) -> None:
        """Index `grants`, each with its number."""
        self.all = grants
        callers = [(caller, one) for one in grants for caller in one[1].callers]
        self.by_caller = PatternIndex((text_of(caller), one) for caller, one in callers)
        self.by_account = PatternIndex((account_of(caller), one) for caller, one in callers)
        self.by_repository = PatternIndex(
            (pattern, one) for one in grants for pattern in one[1].repositories
        )

    def may_cover(self, grant: Grant) -> Iterable[Numbered]:
        """Yield the grants that may be for all of a grant's callers and repositories."""
        caller = grant.callers[0]
        by_caller = self.by_caller.covering(text_of(caller))
        account = f"account::{account_of(caller)}"
        if text_of(caller) != account and patterns.is_literal(account):
            by_caller = by_caller + self.by_caller.covering(account)
        return fewest(by_caller, self.by_repository.covering(grant.repositories[0]))

    def may_meet(self, deny: Deny) -> Iterable[Numbered]:
        """Yield the grants that may be for some of a deny's callers and repositories."""
        by_repository = [
            found for one in deny.repositories for found in self.by_repository.overlapping(one)
        ]
        if deny.callers is None:
            return fewest(by_repository, [self.all])
        by_account = [
            found for one in deny.callers for found in self.by_account.overlapping(account_of(one))
        ]
        return fewest(by_repository, by_account)


def fewest(left: list[Sequence[Numbered]], right: list[Sequence[Numbered]]) -> Iterable[Numbered]:
    """Yield what is in the smaller of two collections."""
    smaller = min(left, right, key=lambda lists: sum(map(len, lists)))
    return (one for some in smaller for one in some)


def overlap_lints(subject: Subject) -> Iterator[Lint]:
    """Yield what grants, denies and the ceiling make of one another."""
    grants = Grants(subject.grants)
    yield from outside_ceiling(subject)
    yield from shadowed(subject)
    yield from redundant(grants)
    yield from spanning(grants)
    if subject.whole:
        yield from needless(subject, grants)


def outside_ceiling(subject: Subject) -> Iterator[Lint]:
    """Yield the grants of which the ceiling leaves nothing."""
    ceiling = subject.policy.ceiling
    accounts = None if ceiling.accounts is None else PatternIndex((a, a) for a in ceiling.accounts)
    bounds = ceiling.repositories
    within = None if bounds is None else PatternIndex((one, one) for one in bounds)
    for at, grant in subject.grants:
        if accounts is not None and not any(
            patterns.overlap(account_of(caller), account)
            for caller in grant.callers
            for some in accounts.overlapping(account_of(caller))
            for account in some
        ):
            message = f"no caller of {grant.name!r} is of an account in ceiling.accounts"
            yield Lint("outside-ceiling", ("grants", at, "callers"), message)
        if within is not None and not any(
            patterns.overlap(bound, pattern)
            for pattern in grant.repositories
            for some in within.overlapping(pattern)
            for bound in some
        ):
            message = f"no repository of {grant.name!r} is within ceiling.repositories"
            yield Lint("outside-ceiling", ("grants", at, "repositories"), message)


def shadowed(subject: Subject) -> Iterator[Lint]:
    """Yield the grants of which the denies leave nothing."""
    denies = PatternIndex(
        (pattern, (pattern, deny)) for _, deny in subject.denies for pattern in deny.repositories
    )
    for at, grant in subject.grants:
        by = [
            denial(denies, grant.registry, caller, pattern)
            for pattern in grant.repositories
            for caller in grant.callers
        ]
        if all(by):
            names = ", ".join(repr(name) for name in dict.fromkeys(by))
            message = f"all that {grant.name!r} grants is taken away by the deny {names}"
            yield Lint("shadowed-by-deny", ("grants", at, "name"), message)


def denial(
    denies: PatternIndex[tuple[str, Deny]], registry: str, caller: CallerPattern, pattern: str
) -> str | None:
    """Return the name of a deny that takes all of a pattern from all of some callers."""
    for some in denies.covering(pattern):
        for wide, deny in some:
            if (
                deny.registry in (None, registry)
                and patterns.covers(wide, pattern)
                and (
                    deny.callers is None
                    or any(caller_coverage.covers(one, caller) for one in deny.callers)
                )
            ):
                return deny.name
    return None


def redundant(grants: Grants) -> Iterator[Lint]:
    """Yield the grants that another one makes needless."""
    for at, grant in grants.all:
        for other_at, other in grants.may_cover(grant):
            # Of two that are the same, the later one is needless.
            if other is grant or not gives_all(other, grant):
                continue
            if other_at > at and gives_all(grant, other):
                continue
            message = f"{other.name!r} gives the same callers all that {grant.name!r} gives"
            if bounds_more(grant, other):
                message += ", which only shortens or binds their tokens"
            yield Lint("redundant-grant", ("grants", at, "name"), message)
            break


def gives_all(other: Grant, grant: Grant) -> bool:
    """Return whether `other` gives all that `grant` gives, to all of its callers, for as long."""
    return (
        other.registry == grant.registry
        and other.access.includes(grant.access)
        and (grant.break_glass or not other.break_glass)
        and (
            other.expires_on is None
            or (grant.expires_on is not None and grant.expires_on <= other.expires_on)
        )
        and all(any_covers(other.repositories, pattern) for pattern in grant.repositories)
        and all(
            any(caller_coverage.covers(wide, caller) for wide in other.callers)
            for caller in grant.callers
        )
    )


def bounds_more(grant: Grant, other: Grant) -> bool:
    """Return whether a token of both is bound by `grant` more than by `other` alone."""
    never = timedelta.max
    return (
        (grant.longest or never) < (other.longest or never)
        or (grant.bind_source_ip and not other.bind_source_ip)
        or grant.expires_on != other.expires_on
    )


def spanning(grants: Grants) -> Iterator[Lint]:
    """Yield the callers with wildcards that also mean a caller whom another owner's grant names."""
    for at, grant in grants.all:
        for number, caller in enumerate(grant.callers):
            if grant.owner is None or patterns.is_literal(text_of(caller)):
                continue
            other = next(
                (
                    one
                    for some in grants.by_caller.literals(text_of(caller))
                    for _, one in some
                    if one.owner not in (None, grant.owner)
                    and any(
                        patterns.is_literal(text_of(theirs))
                        and caller_coverage.covers(caller, theirs)
                        for theirs in one.callers
                    )
                ),
                None,
            )
            if other is not None:
                message = (
                    f"{grant.name!r} of {grant.owner} is also for callers of {other.name!r} of "
                    f"{other.owner}"
                )
                yield Lint("glob-spans-teams", ("grants", at, "callers", number), message)


def needless(subject: Subject, grants: Grants) -> Iterator[Lint]:
    """Yield the denies that take nothing away from any grant."""
    for at, deny in subject.denies:
        if not any(takes(deny, grant) for _, grant in grants.may_meet(deny)):
            message = f"the deny {deny.name!r} takes nothing away from any grant"
            yield Lint("deny-removes-nothing", ("denies", at, "name"), message)


def takes(deny: Deny, grant: Grant) -> bool:
    """Return whether the deny may take something away from the grant."""
    return (
        deny.registry in (None, grant.registry)
        and any(patterns.overlap(a, b) for a in deny.repositories for b in grant.repositories)
        and (
            deny.callers is None
            or any(caller_coverage.overlap(a, b) for a in deny.callers for b in grant.callers)
        )
    )

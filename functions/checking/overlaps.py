"""What a well-formed policy says that its author hardly means: entries beside one another."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING

from checking.entries import Entries, enforced
from checking.lints import Lint
from vending import caller_coverage, patterns
from vending.caller_coverage import account_of, text_of
from vending.pattern_index import PatternIndex, meet
from vending.scope import any_covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checking.lints import Subject
    from vending.caller_patterns import CallerPattern
    from vending.policy import Deny, Grant


def overlap_lints(subject: Subject) -> Iterator[Lint]:
    """Yield what grants, denies and the ceiling make of one another."""
    grants = Entries(subject.grants, subject.left)
    # What only watches gives nothing and takes nothing away.
    giving = Entries(enforced(subject.grants), subject.left)
    taking = Entries(enforced(subject.denies), subject.left)
    yield from outside_ceiling(subject)
    yield from shadowed(giving, taking)
    yield from redundant(giving)
    yield from spanning(grants)
    if subject.whole:
        yield from needless(subject, grants)


def outside_ceiling(subject: Subject) -> Iterator[Lint]:
    """Yield the grants of which the ceiling leaves nothing."""
    ceiling = subject.policy.bounds
    accounts = None if ceiling.accounts is None else PatternIndex((a, a) for a in ceiling.accounts)
    bounds = ceiling.repositories
    within = None if bounds is None else PatternIndex((one, one) for one in bounds)
    for at, grant in subject.grants:
        if accounts is not None and not any(
            meet(account_of(caller), account)
            for caller in grant.callers
            for some in accounts.overlapping(account_of(caller))
            for account in some
        ):
            message = f"no caller of {grant.name!r} is of an account in ceiling.accounts"
            yield Lint("outside-ceiling", ("grants", at, "callers"), message)
        if within is not None and not any(
            meet(bound, pattern)
            for pattern in grant.repositories
            for some in within.overlapping(pattern)
            for bound in some
        ):
            message = f"no repository of {grant.name!r} is within ceiling.repositories"
            yield Lint("outside-ceiling", ("grants", at, "repositories"), message)


def shadowed(grants: Entries[Grant], denies: Entries[Deny]) -> Iterator[Lint]:
    """Yield the grants of which the denies leave nothing."""
    for at, grant in grants.all:
        by: list[str] = []
        for pattern, caller in product(grant.repositories, grant.callers):
            name = denial(denies, grant.registry, caller, pattern)
            if name is None:
                break
            by.append(name)
        else:
            names = ", ".join(repr(name) for name in dict.fromkeys(by))
            message = f"all that {grant.name!r} grants is taken away by the deny {names}"
            yield Lint("shadowed-by-deny", ("grants", at, "name"), message)


def denial(
    denies: Entries[Deny], registry: str, caller: CallerPattern, repository: str
) -> str | None:
    """Return the name of a deny that takes all such repositories from all such callers."""
    for _, deny in denies.may_cover(caller, repository):
        if (
            deny.registry in (None, registry)
            and (
                deny.callers is None
                or any(caller_coverage.covers(one, caller) for one in deny.callers)
            )
            and any_covers(deny.repositories, repository)
        ):
            return deny.name
    return None


def redundant(grants: Entries[Grant]) -> Iterator[Lint]:
    """Yield the grants that another one makes needless."""
    for at, grant in grants.all:
        for other_at, other in grants.may_cover(grant.callers[0], grant.repositories[0]):
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


def spanning(grants: Entries[Grant]) -> Iterator[Lint]:
    """Yield the callers with wildcards that also mean a caller whom another owner's grant names."""
    for at, grant in grants.all:
        for number, caller in enumerate(grant.callers):
            if grant.owner is None or patterns.is_literal(text_of(caller)):
                continue
            other = next(
                (
                    one
                    for _, one in grants.named(caller)
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


def needless(subject: Subject, grants: Entries[Grant]) -> Iterator[Lint]:
    """Yield the denies that take nothing away from any grant."""
    for at, deny in subject.denies:
        if not any(
            takes(deny, grant) for _, grant in grants.may_meet(deny.callers, deny.repositories)
        ):
            message = f"the deny {deny.name!r} takes nothing away from any grant"
            yield Lint("deny-removes-nothing", ("denies", at, "name"), message)


def takes(deny: Deny, grant: Grant) -> bool:
    """Return whether the deny may take something away from the grant."""
    return (
        deny.registry in (None, grant.registry)
        and (
            deny.callers is None
            or any(caller_coverage.overlap(a, b) for a in deny.callers for b in grant.callers)
        )
        and any(meet(a, b) for a in deny.repositories for b in grant.repositories)
    )

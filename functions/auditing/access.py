"""Who could have had access: by `decide`, over the policies that served in a time. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from auditing.selection import Span
from vending.caller import Caller, CallerKind
from vending.caller_coverage import account_of, covers, overlap
from vending.decision import decide
from vending.patterns import matches
from vending.request import Limits, VendRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from vending.access import Access
    from vending.caller_patterns import CallerPattern
    from vending.policy import Deny, Grant, Policy

ANY = "x"
"""What stands for a wildcard in the example of a caller."""


@dataclass(frozen=True, slots=True)
class Served:
    """That a policy was seen to serve.

    Attributes:
        at: When it was recorded; each hour in which it decided has one.
        revision: Names its text.
        label: What its publisher called it.
    """

    at: datetime
    revision: str
    label: str


@dataclass(frozen=True, slots=True)
class Period:
    """A policy, and when it served within the time that is asked about."""

    span: Span
    revision: str
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        repository: A literal repository.
        access: That they could have had to it.
        registry: Its registry's name.
        span: When.
    """

    repository: str
    access: Access
    registry: str
    span: Span


@dataclass(frozen=True, slots=True)
class Possible:
    """Some callers who could have had it.

    Attributes:
        callers: As the policy names them.
        many: Whether that is a pattern; an example of it was decided.
        grant: By which grant.
        owner: Of that grant.
        break_glass: Whether it is for emergencies.
        unless: Denies that take it from some of these callers, whom the policy names.
        period: Under which policy, and when.
    """

    callers: str
    many: bool
    grant: str
    owner: str
    break_glass: bool
    unless: tuple[str, ...]
    period: Period


def periods(served: Iterable[Served], span: Span) -> Iterator[Period]:
    """Yield when which policy served within `span`, in order.

    A policy counts from when it was first seen until another one was: what decides is recorded when
    somebody asks, so that in between nobody was vended anything. It is recorded once an hour, and
    one that came back within the hour does not show: until the hour of a change is over both count.

    Args:
        served: All that were seen in that time, and those before it of its first hour at least, or
            else the last.
        span: Within which.
    """
    ordered = sorted(served, key=lambda one: (one.at, one.revision))
    runs = [list(run) for _, run in groupby(ordered, key=lambda one: one.revision)]
    for run, after in zip(runs, [*runs[1:], None], strict=False):
        start = max(run[0].at, span.start)
        over = max(after[0].at, hour_after(run[-1].at)) if after else span.end
        end = min(over, span.end)
        if start < end:
            yield Period(Span(start, end), run[0].revision, run[0].label)


def hour_after(moment: datetime) -> datetime:
    """Return when the hour of a moment is over."""
    return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def possible(question: Question, policy: Policy, period: Period) -> Iterator[Possible]:
    """Yield whom a policy would have given it in its period: at least all who could have had it.

    Each is decided as the service decides, where a pattern names many by an example, without what
    is about some of them only: that is named beside them.
    """
    denies = denies_of(policy, question)
    for grant in policy.grants:
        if not serves(grant, question):
            continue
        until = grant.ends_at
        if until and until <= period.span.start:
            continue
        # The request names the grant, so that no other counts: among 10,000 it is found at once.
        alone = policy.model_copy(update={"grants": [grant], "denies": denies})
        for pattern in grant.callers:
            if is_allowed(alone, pattern, grant, question, period):
                yield Possible(
                    callers=words(pattern),
                    many=is_many(pattern),
                    grant=grant.name,
                    owner=grant.owner or "",
                    break_glass=grant.break_glass,
                    unless=tuple(deny.name for deny in denies if is_of_some(deny, pattern)),
                    period=period if not until or until >= period.span.end else cut(period, until),
                )


def serves(grant: Grant, question: Question) -> bool:
    """Return whether a grant is about the question at all."""
    return (
        grant.registry == question.registry
        and grant.access.includes(question.access)
        and any(matches(pattern, question.repository) for pattern in grant.repositories)
    )


def is_allowed(
    policy: Policy, pattern: CallerPattern, grant: Grant, question: Question, period: Period
) -> bool:
    """Return whether the service would have vended it to some of these callers."""
    decision = decide(
        about_all_of(pattern, policy),
        example_of(pattern),
        VendRequest(
            registry=question.registry,
            repositories={question.access: (question.repository,)},
            grant=grant.name,
            reason="an audit asks",
        ),
        now=period.span.start,
        limits=Limits(),
    )
    return decision.refusal is None


def about_all_of(pattern: CallerPattern, policy: Policy) -> Policy:
    """Return a policy without the denies, and the ceiling, that may be about some callers only."""
    ceiling = policy.ceiling
    if any(sign in account_of(pattern) for sign in "*?"):
        ceiling = ceiling.model_copy(update={"accounts": None})
    denies = [deny for deny in policy.denies if is_of_all(deny, pattern)]
    return policy.model_copy(update={"denies": denies, "ceiling": ceiling})


def is_of_all(deny: Deny, pattern: CallerPattern) -> bool:
    """Return whether a deny is surely for all callers of a pattern."""
    return deny.callers is None or any(covers(one, pattern) for one in deny.callers)


def is_of_some(deny: Deny, pattern: CallerPattern) -> bool:
    """Return whether a deny may be for some callers of a pattern, whom it names."""
    return deny.callers is not None and any(overlap(one, pattern) for one in deny.callers)


def denies_of(policy: Policy, question: Question) -> list[Deny]:
    """Return the denies of the repository, for whomever they are."""
    return [
        deny
        for deny in policy.denies
        if deny.mode == "enforce"
        and deny.registry in (None, question.registry)
        and any(matches(pattern, question.repository) for pattern in deny.repositories)
    ]


def cut(period: Period, until: datetime) -> Period:
    """Return a period that ends earlier."""
    return replace(period, span=Span(period.span.start, until))


def words(pattern: CallerPattern) -> str:
    """Return callers as the policy names them."""
    said = pattern.model_dump(exclude_none=True)
    return ", ".join(
        f"{name} {', '.join(value.values()) if isinstance(value, dict) else value}"
        for name, value in said.items()
    )


def is_many(pattern: CallerPattern) -> bool:
    """Return whether a pattern is for more than one role, user or permission set."""
    return pattern.account is not None or any(sign in words(pattern) for sign in "*?")


def example_of(pattern: CallerPattern) -> Caller:
    """Return one of the callers whom a pattern means, if there can be any.

    It is not read from an ARN: a document may name whom IAM cannot have, a role of too long a name
    for one, and is still to be asked about.
    """

    def one_of(
        kind: CallerKind, account: str, name: str, session: str = "", partition: str = "aws"
    ) -> Caller:
        folder, _, last = name.rpartition("/")
        return Caller(
            kind, partition, account, "", last, f"/{folder}/" if folder else "/", session, ""
        )

    if pattern.root is not None:
        return one_of(CallerKind.ROOT, pattern.root, "root")
    if pattern.account is not None:
        return one_of(CallerKind.ROLE, pattern.account, ANY, ANY)
    if one := pattern.permission_set:
        user = filled(one.user or ANY)
        return one_of(CallerKind.IDENTITY_CENTER, one.account, filled(one.name), user)
    arn = pattern.role or pattern.user or pattern.federated_user or ""
    _, partition, _, _, account, resource = arn.split(":", 5)
    missing = "0" * (12 - len(account.replace("*", "")))
    account = account.replace("?", "0").replace("*", missing, 1).replace("*", "")
    name = filled(resource.partition("/")[2])
    if pattern.role is not None:
        return one_of(CallerKind.ROLE, account, name, filled(pattern.session or ANY), partition)
    kind = CallerKind.USER if pattern.user is not None else CallerKind.FEDERATED
    return one_of(kind, account, name, partition=partition)


def filled(pattern: str) -> str:
    """Return a name that a pattern matches."""
    return pattern.replace("*", ANY).replace("?", ANY)


def joined(found: Sequence[Possible]) -> list[Possible]:
    """Return the same, with what the next policy went on to grant as one, in order of its begin."""
    held: list[Possible] = []
    for one in found:
        before = next((other for other in held if goes_on(other, one)), None)
        if before is None:
            held.append(one)
        else:
            span = Span(before.period.span.start, one.period.span.end)
            held[held.index(before)] = replace(one, period=replace(one.period, span=span))
    return held


def goes_on(before: Possible, after: Possible) -> bool:
    """Return whether one is the other, under the policy that came next."""
    same = replace(before, period=after.period) == after
    return same and before.period.span.end >= after.period.span.start

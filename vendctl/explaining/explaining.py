"""Explain a policy's answer: ask `decide`, and say what led to it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING

from vendctl.explaining.explanation import (
    Bound,
    Explanation,
    Held,
    Outcome,
    Planned,
    Question,
    Taken,
)
from vendctl.explaining.near_misses import Compared, Wanted, compared, nearest
from vending.access import Access
from vending.caller import Origin
from vending.decision import decide, denies_for
from vending.errors import Refused
from vending.patterns import overlap
from vending.registry import DEFAULT
from vending.request import Limits, VendRequest
from vending.scope import any_covers
from vending.session_policy import session_policy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from vending.decision import Decision
    from vending.policy import Grant, Policy

REASON = "asked of the policy"
"""What stands for the reason that a break-glass grant needs."""

FEW = 3
"""Near misses that are shown at most where not all are asked for."""


def explain(policy: Policy, question: Question, *, now: datetime) -> Explanation:
    """Return why `policy` answers as it does.

    Args:
        policy: The document.
        question: About a caller.
        now: An aware time.
    """
    asked = question
    if asked.repository is not None:
        asked = replace(
            asked, registry=asked.registry or DEFAULT, access=asked.access or Access.PULL
        )
    wanted = Wanted(
        registry=asked.registry,
        repository=asked.repository,
        access=asked.access or Access.PULL,
        grant=asked.grant,
        today=now.astimezone(UTC).date().isoformat(),
    )
    every = list(compared(policy.grants, asked.caller, wanted))
    matched = {one.number: one for one in reversed(every) if not one.differing}
    case = Case(policy, asked, [one for _, one in sorted(matched.items())], now)
    held = tuple(
        Held(one, outcome_of(case.alone(one), of_grant(asked, one.grant))) for one in case.matched
    )
    case = replace(case, question=replace(asked, access=asked.access or highest(case.matched)))
    registries = [asked.registry] if asked.registry else registries_of(case.matched)
    outcomes = tuple(
        outcome_of(case, request_of(case.question, registry)) for registry in registries
    )
    most = None if asked.every else 0 if held else FEW
    return Explanation(
        question=case.question,
        at=now,
        outcomes=outcomes,
        held=held,
        taken=tuple(taken(case, registries)),
        near=tuple(nearest(every, most=most)),
        others=len(policy.grants) - len(held),
        revokes=policy.lets_revoke(asked.caller),
        audits=policy.lets_audit(asked.caller),
    )


@dataclass(frozen=True, slots=True)
class Case:
    """What an explanation is made from.

    Attributes:
        policy: The document.
        question: About a caller.
        matched: The grants for it, in policy order.
        now: An aware time.
    """

    policy: Policy
    question: Question
    matched: list[Compared]
    now: datetime

    def alone(self, one: Compared) -> Case:
        """Return the same with one grant alone, as a request that names it is decided."""
        policy = self.policy.model_copy(update={"grants": [one.grant]})
        return replace(self, policy=policy, matched=[one])


def highest(matched: list[Compared]) -> Access:
    """Return the highest access that some grants give; a token can have push or pull-through."""
    given = {one.grant.access for one in matched}
    return next((a for a in (Access.PUSH, Access.PULL_THROUGH) if a in given), Access.PULL)


def registries_of(matched: list[Compared]) -> list[str]:
    """Return the registries in which the caller is granted something, or else the default one."""
    return list(dict.fromkeys(one.grant.registry for one in matched)) or [DEFAULT]


def request_of(question: Question, registry: str) -> VendRequest:
    """Return what the caller would send."""
    access = question.access or Access.PULL
    named: dict[Access, tuple[str, ...]] = {}
    if question.repository is not None:
        named[access] = (question.repository,)
    return VendRequest(
        registry=registry,
        repositories=named,
        access=access,
        ttl=question.ttl,
        grant=question.grant,
        reason=REASON,
    )


def of_grant(question: Question, grant: Grant) -> VendRequest:
    """Return a request for what one grant gives of what is asked."""
    access = question.access or grant.access
    return replace(request_of(replace(question, access=access), grant.registry), grant=grant.name)


def outcome_of(case: Case, request: VendRequest) -> Outcome:
    """Return what a request comes to, as the service would answer it."""
    caller, limits = case.question.caller, Limits()
    decision = decide(case.policy, caller, request, now=case.now, limits=limits)
    plans = tuple(planned(case.policy, decision))
    if decision.refusal:
        return Outcome(request, decision, decision.refusal, None, "", plans)
    origin = Origin(case.question.source_ip)
    try:
        text = session_policy(decision, origin, partition=caller.partition)
    except Refused as refused:
        return Outcome(request, decision, refused.refusal, None, "", plans)
    bound = min(bounds(case, decision, request, limits), key=lambda one: one.at)
    return Outcome(request, decision, None, bound, text, plans)


def planned(policy: Policy, decision: Decision) -> Iterator[Planned]:
    """Yield what rules in monitor mode would have done, each with its place in the policy."""
    for one in decision.monitored:
        kind, _, name = one.rule.partition(" ")
        named = {
            "grant": ("grants", [grant.name for grant in policy.grants]),
            "deny": ("denies", [deny.name for deny in policy.denies]),
        }
        if kind in named:
            key, names = named[kind]
            yield Planned(one, (key, names.index(name)))
        else:
            yield Planned(one, (kind,))


def bounds(case: Case, decision: Decision, request: VendRequest, limits: Limits) -> Iterator[Bound]:
    """Yield what bounds the life of a token; the earliest is its end.

    Where several end at once, the first is the most particular.
    """
    contributing, now = frozenset(decision.grants), case.now
    for one in case.matched:
        grant, entry = one.grant, ("grants", one.number)
        if grant.name not in contributing:
            continue
        if grant.longest is not None:
            key = "break_glass" if grant.max_ttl is None else "max_ttl"
            yield Bound(f"{key} of the grant {grant.name}", (*entry, key), now + grant.longest)
        if (ends := grant.ends_at) is not None:
            yield Bound(f"expires_on of the grant {grant.name}", (*entry, "expires_on"), ends)
    if (longest := case.policy.bounds.max_ttl) is not None:
        yield Bound("ceiling.max_ttl", ("ceiling", "max_ttl"), now + longest)
    if request.ttl is not None:
        yield Bound("what is asked for", (), now + request.ttl)
    yield Bound("the longest that any token lives", (), now + limits.longest)


def taken(case: Case, registries: list[str]) -> Iterator[Taken]:
    """Yield the rules that take something away of what is asked about, whatever is granted."""
    ceiling, caller, asked = case.policy.bounds, case.question.caller, case.question.repository
    about = (
        [asked]
        if asked is not None
        else [
            pattern
            for one in case.matched
            if one.grant.registry in registries
            for pattern in one.grant.repositories
        ]
    )
    if not ceiling.admits(caller):
        yield Taken("ceiling.accounts", ("ceiling", "accounts"), ())
    names = {
        deny.name
        for registry in registries
        for deny in denies_for(case.policy, caller, registry, about)
    }
    for number, deny in enumerate(case.policy.denies):
        if deny.name not in names:
            continue
        met = [one for one in deny.repositories if any(overlap(one, other) for other in about)]
        if met:
            yield Taken(f"deny {deny.name}", ("denies", number), tuple(met))
    beyond = ceiling.repositories
    if beyond is not None and not all(any_covers(beyond, one) for one in about):
        yield Taken("ceiling.repositories", ("ceiling", "repositories"), tuple(beyond))

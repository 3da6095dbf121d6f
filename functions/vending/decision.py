"""Decide what one caller may have: a pure function of policy, caller, request and time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from vending import patterns
from vending.access import Access
from vending.errors import Code, Refusal
from vending.monitoring import MOST_RULES, MOST_TRIED, Monitored, effects
from vending.scope import any_covers, any_matches, minimal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vending.caller import Caller
    from vending.policy import Ceiling, Deny, Grant, Policy
    from vending.policy_values import Mode
    from vending.request import Limits, VendRequest


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something asked for that is not in the token.

    Attributes:
        repository: As asked for, or `*` for all.
        access: As asked for.
        rule: What took it away, for the record only: `no grant`, `deny NAME` or `ceiling`.
    """

    repository: str
    access: Access
    rule: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What one caller may have, and why.

    Attributes:
        registry: Name of the registry it is for.
        scope: Repository patterns by access, each repository under its highest; empty if refused.
        excluded: Patterns inside the scope that an explicit deny takes out again.
        ceiling: The patterns beyond which nothing may reach, or None for no such bound.
        expires_at: When the token stops working, a whole second, or None if refused.
        bind_source_ip: Whether the token works only from the address that asked.
        break_glass: Whether a break-glass grant contributed.
        grants: Names of the grants that allowed it, in policy order.
        denies: Names of the caller's denies that may meet what was asked for, in policy order.
        dropped: What was asked for and is not in the scope.
        monitored: What rules in monitor mode would have done, each by itself; MOST_RULES at most.
        refusal: Why nothing was allowed, or None.
    """

    registry: str
    scope: dict[Access, tuple[str, ...]] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    ceiling: tuple[str, ...] | None = None
    expires_at: datetime | None = None
    bind_source_ip: bool = False
    break_glass: bool = False
    grants: tuple[str, ...] = ()
    denies: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    monitored: tuple[Monitored, ...] = ()
    refusal: Refusal | None = None

    @property
    def access(self) -> Access:
        """The highest access in the scope: it chooses the vended role."""
        return next(a for a in (Access.PUSH, Access.PULL_THROUGH, Access.PULL) if a in self.scope)


def decide(
    policy: Policy, caller: Caller, request: VendRequest, *, now: datetime, limits: Limits
) -> Decision:
    """Decide what `caller` may have of what `request` asks for.

    Denies and the ceiling win over every grant. Asking for more than is granted is not an error:
    the answer is the intersection, and `Decision.dropped` says what fell away. A rule in monitor
    mode decides nothing: `Decision.monitored` says what it would have done.

    Args:
        policy: The document that serves.
        caller: Who asks.
        request: What for.
        now: An aware time.
        limits: The stack's own.
    """
    if request.repositories.get(Access.PUSH) and request.repositories.get(Access.PULL_THROUGH):
        return _refused(
            request, Code.MIXED_PUSH_AND_PULL_THROUGH, "Ask for push and pull-through separately."
        )
    if request.ttl is not None and request.ttl < limits.shortest:
        return _refused(
            request,
            Code.INVALID_REQUEST,
            f"Ask for ttl_seconds of at least {int(limits.shortest.total_seconds())}.",
        )
    grants = grants_for(policy, caller, request.registry, now=now, grant=request.grant)
    case = _Case(
        caller=caller,
        ceiling=policy.bounds,
        grants=grants,
        denies=denies_for(policy, caller, request.registry, _concerned(request, grants)),
        request=request,
        now=now,
        limits=limits,
    )
    decision = _weigh(case)
    monitored = islice(_monitored(policy, case, decision), MOST_RULES)
    return replace(decision, monitored=tuple(monitored))


@dataclass(frozen=True, slots=True)
class _Case:
    """What is left to weigh: the grants and denies that are about this caller, and the request."""

    caller: Caller
    ceiling: Ceiling
    grants: Sequence[Grant]
    denies: Sequence[Deny]
    request: VendRequest
    now: datetime
    limits: Limits


def grants_for(
    policy: Policy,
    caller: Caller,
    registry: str,
    *,
    now: datetime,
    grant: str | None = None,
    break_glass: bool = False,
    mode: Mode = "enforce",
) -> list[Grant]:
    """Return the grants of a mode that are for `caller` now, in policy order.

    A break-glass grant counts only when `grant` names it, or when `break_glass` asks for a list of
    all that the caller could name.
    """
    return [
        candidate
        for candidate in policy.grants_about(caller, mode)
        if candidate.registry == registry
        and (candidate.name == grant if grant else break_glass or not candidate.break_glass)
        and (candidate.ends_at is None or now < candidate.ends_at)
    ]


def denies_for(
    policy: Policy,
    caller: Caller,
    registry: str,
    repositories: Sequence[str],
    *,
    mode: Mode = "enforce",
) -> list[Deny]:
    """Return the caller's denies in `registry` that may meet these patterns, in policy order."""
    found = policy.denies_about(caller, mode, repositories)
    return [deny for deny in found if deny.registry in (None, registry)]


def _concerned(request: VendRequest, grants: Sequence[Grant]) -> list[str]:
    """Return what a decision is about: the names that are asked for, or all that is granted."""
    named = [name for names in request.repositories.values() for name in names]
    return named or [pattern for grant in grants for pattern in grant.repositories]


def _monitored(policy: Policy, case: _Case, real: Decision) -> Iterator[Monitored]:
    """Yield what each rule in monitor mode would have done, were it the only one enforced.

    Of grants and denies no more than MOST_TRIED each are tried: it must not take the time that a
    vend has.
    """
    caller, registry, name = case.caller, case.request.registry, case.request.grant
    tried = grants_for(policy, caller, registry, now=case.now, grant=name, mode="monitor")
    for grant in tried[:MOST_TRIED]:
        grants = [*case.grants, grant]
        denies = denies_for(policy, caller, registry, _concerned(case.request, grants))
        other = _weigh(replace(case, grants=grants, denies=denies))
        yield from effects(f"grant {grant.name}", real, other)
    granted = [pattern for held in real.scope.values() for pattern in held]
    for deny in denies_for(policy, caller, registry, granted, mode="monitor")[:MOST_TRIED]:
        other = _weigh(replace(case, denies=[*case.denies, deny]))
        yield from effects(f"deny {deny.name}", real, other)
    if policy.ceiling.mode == "monitor":
        yield from effects("ceiling", real, _weigh(replace(case, ceiling=policy.ceiling)))


def _weigh(case: _Case) -> Decision:
    if not case.ceiling.admits(case.caller):
        return _not_granted(case.request, ())
    return _decide_named(case) if case.request.repositories else _decide_all(case)


def _decide_named(case: _Case) -> Decision:
    scope: dict[Access, list[str]] = {}
    contributing: list[Grant] = []
    dropped: list[Dropped] = []
    ceiling = case.ceiling.repositories
    for access, names in case.request.repositories.items():
        for name in dict.fromkeys(names):
            allowed = [
                grant
                for grant in case.grants
                if grant.access.includes(access) and any_matches(grant.repositories, name)
            ]
            deny = next((d for d in case.denies if any_matches(d.repositories, name)), None)
            if deny:
                dropped.append(Dropped(name, access, f"deny {deny.name}"))
            elif ceiling is not None and not any_matches(ceiling, name):
                dropped.append(Dropped(name, access, "ceiling"))
            elif not allowed:
                dropped.append(Dropped(name, access, "no grant"))
            else:
                scope.setdefault(access, []).append(name)
                contributing.extend(allowed)
    return _decision(case, contributing, scope, dropped)


def _decide_all(case: _Case) -> Decision:
    scope: dict[Access, list[str]] = {}
    contributing: list[Grant] = []
    dropped: list[Dropped] = []
    ceiling, wanted = case.ceiling.repositories, case.request.access
    for grant in case.grants:
        access = grant.access if grant.access is wanted else Access.PULL
        for pattern in grant.repositories:
            deny = next((d for d in case.denies if any_covers(d.repositories, pattern)), None)
            if deny:
                dropped.append(Dropped(pattern, access, f"deny {deny.name}"))
            elif ceiling is not None and not any(patterns.overlap(c, pattern) for c in ceiling):
                dropped.append(Dropped(pattern, access, "ceiling"))
            else:
                scope.setdefault(access, []).append(pattern)
                contributing.append(grant)
    if wanted is not Access.PULL and wanted not in scope:
        dropped.append(Dropped("*", wanted, "no grant"))
    return _decision(case, contributing, scope, dropped)


def _decision(
    case: _Case,
    contributing: Sequence[Grant],
    scope: dict[Access, list[str]],
    dropped: Sequence[Dropped],
) -> Decision:
    request = case.request
    denies = tuple(deny.name for deny in case.denies)
    if not scope:
        return _not_granted(request, dropped, denies=denies)
    names = {grant.name for grant in contributing}
    grants = [grant for grant in case.grants if grant.name in names]
    # A letter or digit at least: blanks and invisible characters give no reason.
    said = any(letter.isalnum() for letter in request.reason)
    if any(grant.break_glass for grant in grants) and not said:
        detail = f"Say why in `reason`: the grant {request.grant!r} is break-glass."
        return _refused(request, Code.REASON_REQUIRED, detail, dropped)
    lean = minimal(scope)
    granted = [pattern for held in lean.values() for pattern in held]
    excluded = (
        pattern
        for deny in case.denies
        for pattern in deny.repositories
        if any(patterns.overlap(pattern, other) for other in granted)
    )
    ceiling = case.ceiling.repositories
    within = ceiling is None or all(any_covers(ceiling, pattern) for pattern in granted)
    return Decision(
        registry=request.registry,
        scope=lean,
        excluded=tuple(dict.fromkeys(excluded)),
        ceiling=None if within else tuple(ceiling or ()),
        expires_at=_expiry(case, grants),
        bind_source_ip=any(grant.bind_source_ip for grant in grants),
        break_glass=any(grant.break_glass for grant in grants),
        grants=tuple(grant.name for grant in grants),
        denies=denies,
        dropped=tuple(dropped),
    )


def _expiry(case: _Case, grants: Sequence[Grant]) -> datetime:
    """Return the shortest lifetime's end or the earliest expiry, a whole second, rounded down."""
    lengths = [
        case.limits.longest,
        case.request.ttl,
        case.ceiling.max_ttl,
        *(grant.longest for grant in grants),
    ]
    end = case.now.astimezone(UTC) + min(length for length in lengths if length is not None)
    last = [grant.ends_at for grant in grants if grant.ends_at is not None]
    return min([end, *last]).replace(microsecond=0)


def _refused(
    request: VendRequest, code: Code, detail: str, dropped: Sequence[Dropped] = ()
) -> Decision:
    return Decision(request.registry, dropped=tuple(dropped), refusal=Refusal(code, detail))


def _not_granted(
    request: VendRequest, dropped: Sequence[Dropped], *, denies: tuple[str, ...] = ()
) -> Decision:
    asked = [f"{a} of {n}" for a, names in request.repositories.items() for n in names]
    what = ", ".join(asked[:5]) + (f" and {len(asked) - 5} more" if len(asked) > 5 else "")
    named = f" by the grant {request.grant!r}" if request.grant else ""
    detail = (
        f"The policy does not grant this caller {what or f'any {request.access}'}{named} in this "
        "registry. GET /v1/whoami shows who the service takes you for and what you may have; ask "
        "the platform team for a grant for that caller."
    )
    return Decision(
        request.registry,
        denies=denies,
        dropped=tuple(dropped),
        refusal=Refusal(Code.NOT_GRANTED, detail),
    )

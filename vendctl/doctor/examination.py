"""Everything that is wrong with what was read: pure, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vendctl.doctor import resource_policies, roles, trust
from vendctl.doctor.findings import Command, Finding
from vending.patterns import matches
from vending.policy_problems import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vendctl.doctor.account import Account, Asked

SHOWN = 5
"""How many repositories are named where there may be hundreds."""

EVERY_NAME = "ROOT"
"""The prefix of a pull-through cache rule that takes every name. Source: `ecrRepositoryPrefix`."""


def findings_of(
    account: Account, asked: Asked, *, granted: Sequence[str] | None = None
) -> tuple[Finding, ...]:
    """Return what is wrong with an account, the worst first.

    Args:
        account: What was read of it.
        asked: Which registry, and what is known of it.
        granted: The repository patterns of all grants for this registry; None: not to be judged.
    """
    held = frozenset(role.arn for role in account.roles if roles.is_held(role, asked))
    found = [
        *(one for role in account.roles for one in roles.of_role(role, asked)),
        *(
            one
            for role in account.roles
            if role.trust is not None
            for one in trust.of_vended(role.trust, asked)
        ),
        *(trust.of_function(account.function_role, asked) if account.function_role else ()),
        *trust.onward(account, held),
        *(
            one
            for document in account.policies
            for one in resource_policies.of_policy(document, account.roles, asked, held)
        ),
        *of_registry(account, asked),
        *(of_grants(account, asked, granted) if granted is not None else ()),
    ]
    order = list(Severity)
    return tuple(sorted(found, key=lambda one: order.index(one.severity)))


def of_registry(account: Account, asked: Asked) -> Iterator[Finding]:
    """Yield what is to be known of a registry beside its policies."""
    place = asked.place
    registry = f"{place.account}.dkr.ecr.{place.region}"
    if asked.function_role.split(":")[4] != place.account:
        yield Finding(
            "function-role-elsewhere",
            Severity.NOTE,
            asked.function_role,
            "The vending function's role is another account's: who may be it is not seen here.",
            "Examine the service's own stack too, with that account's credentials.",
        )
    if EVERY_NAME in account.pull_through:
        rule = {"ecrRepositoryPrefix": EVERY_NAME}
        yield Finding(
            "pull-through-everywhere",
            Severity.WARNING,
            registry,
            "A pull-through cache rule takes every name that is not there yet: a pull-through "
            "token then brings images from outside into any name it was granted.",
            "Make rules with prefixes of their own, and delete this one.",
            (Command("ecr", "delete-pull-through-cache-rule", rule, place.region),),
        )
    if account.replicas:
        yield Finding(
            "replicated-elsewhere",
            Severity.NOTE,
            registry,
            f"Images are copied to {', '.join(account.replicas)}: other policies say who gets them "
            "there, and none of this service's.",
            "Examine these registries as well, or copy fewer repositories.",
        )
    if mutable := [one.name for one in account.repositories if one.mutable]:
        yield Finding(
            "mutable-tags",
            Severity.NOTE,
            registry,
            f"{some_of(mutable)} let a tag be moved: a push token replaces what others pull.",
            "Make tags immutable, or pull by digest.",
            tuple(
                Command(
                    "ecr",
                    "put-image-tag-mutability",
                    {"repositoryName": name, "imageTagMutability": "IMMUTABLE"},
                    place.region,
                )
                for name in mutable[:1]
            ),
        )
    if None not in (asked.throttle, account.token_rate) and account.token_rate < asked.throttle:  # type: ignore[operator]
        yield Finding(
            "quota-below-throttle",
            Severity.NOTE,
            registry,
            f"The quota of GetAuthorizationToken is {account.token_rate:g} a second, and the API "
            f"takes {asked.throttle:g}: under load vends fail that were let in.",
            "Ask for a higher quota in Service Quotas, or lower the stack's ThrottleRate.",
        )


def of_grants(account: Account, asked: Asked, granted: Sequence[str]) -> Iterator[Finding]:
    """Yield the repositories that no grant reaches: who uses them goes round the service."""
    others = [
        one.name
        for one in account.repositories
        if not any(matches(pattern, one.name) for pattern in granted)
    ]
    if others:
        yield Finding(
            "repositories-ungranted",
            Severity.NOTE,
            f"{asked.place.account}.dkr.ecr.{asked.place.region}",
            f"{some_of(others)} are in no grant for this registry: whoever uses them goes round "
            "the service.",
            "Grant them, or leave them to whoever has ECR permissions.",
        )


def some_of(names: Sequence[str]) -> str:
    """Return a few names and how many there are."""
    few = ", ".join(names[:SHOWN])
    return few if len(names) <= SHOWN else f"{len(names)} repositories ({few}, …)"

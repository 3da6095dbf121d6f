"""What a well-formed policy says that its author hardly means: each entry by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from checking.possible import caller_is_possible, repository_is_possible
from vending import patterns
from vending.deadlines import unhurried
from vending.policy_tests import outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from vending.deadlines import Left
    from vending.policy import Deny, Expectation, Grant, Policy

SOON = timedelta(days=30)

WIDE_END = re.compile(r"[a-z0-9]\*\Z")
"""A star right after a letter or digit: `payments*` is also `payments-internal/x`."""

CROSSES = re.compile(r"(?<!/)\*\Z|\*(?=[^*])")
"""A star that is not all that follows the last slash."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: a policy, or what is well formed of it.

    Attributes:
        policy: A policy of these entries.
        grants: With their numbers in the document, from 0.
        denies: Likewise.
        tests: Likewise.
        whole: Whether this is all of the document. What is missing could only take problems
            away, but for those that say that something is not there.
        left: Returns the seconds that there are for it.
    """

    policy: Policy
    grants: Sequence[tuple[int, Grant]]
    denies: Sequence[tuple[int, Deny]]
    tests: Sequence[tuple[int, Expectation]]
    whole: bool = True
    left: Left = unhurried


@dataclass(frozen=True, slots=True)
class Lint:
    """A problem, not yet at its place in the text.

    Attributes:
        code: One of `policy_problems.RULES`.
        path: Where it stands, such as `("grants", 0, "repositories", 1)`.
        message: What is wrong.
        cure: What to write instead, where it can be told more closely than by the rule.
    """

    code: str
    path: tuple[int | str, ...]
    message: str
    cure: str = ""


def entry_lints(subject: Subject, *, now: datetime) -> Iterator[Lint]:
    """Yield what is odd about each grant and deny by itself."""
    today = now.astimezone(UTC).date()
    for at, grant in subject.grants:
        yield from impossible(at, grant)
        yield from wide(at, grant)
        yield from over_accounts(at, grant)
        if grant.expires_on is not None:
            path, name = ("grants", at, "expires_on"), grant.name
            if grant.expires_on < today:
                yield Lint("expired", path, f"the grant {name!r} gives nothing since that day")
            elif grant.expires_on - today <= SOON:
                days = (grant.expires_on - today).days
                yield Lint("expires-soon", path, f"the last day of {name!r} is in {days} days")
    for kind, entries in (("grants", subject.grants), ("denies", subject.denies)):
        for at, entry in entries:
            if not (entry.owner or "").strip():
                yield Lint("no-owner", (kind, at, "name"), f"{entry.name!r} has no owner")


def impossible(at: int, grant: Grant) -> Iterator[Lint]:
    """Yield what of a grant can never match, whoever asks for whatever."""
    dead = [
        Lint(
            "dead-entry",
            ("grants", at, "repositories", number),
            f"no repository name can match {pattern!r}",
        )
        for number, pattern in enumerate(grant.repositories)
        if not repository_is_possible(pattern)
    ]
    nobody = [
        Lint(
            "dead-entry",
            ("grants", at, "callers", number),
            "no caller can match: an account has 12 digits, a name at most 64 characters, a "
            "permission set's 32",
        )
        for number, caller in enumerate(grant.callers)
        if not caller_is_possible(caller)
    ]
    for found, whole, what in (
        (dead, grant.repositories, "no repository name can match its patterns"),
        (nobody, grant.callers, "no caller can be one of its callers"),
    ):
        if found and len(found) == len(whole):
            key = "repositories" if found is dead else "callers"
            message = f"the grant {grant.name!r} never gives anything: {what}"
            yield Lint("never-matches", ("grants", at, key), message)
        else:
            yield from found


def wide(at: int, grant: Grant) -> Iterator[Lint]:
    """Yield the patterns of a grant that cover more than they seem to."""
    for number, pattern in enumerate(grant.repositories):
        path = ("grants", at, "repositories", number)
        if not pattern.strip("*"):
            if not grant.break_glass:
                message = f"{grant.name!r} covers every repository of its registry"
                yield Lint("every-repository", path, message)
            continue
        stem = pattern.rstrip("*")
        if pattern.startswith("*"):
            example = f"anything/{pattern.lstrip('*/')}".replace("*", "x").replace("?", "x")
            message = f"{pattern!r} begins with a star: it also covers {example}"
            yield Lint("wide-pattern", path, message, "write what it is to stand under")
        elif WIDE_END.search(pattern):
            message = f"{pattern!r} also covers {stem}-internal/x"
            yield Lint("wide-pattern", path, message, f"write {stem}/* for what is below {stem}")
        elif CROSSES.search(pattern):
            message = f"a star of {pattern!r} covers any run of characters, `/` among them"
            yield Lint("star-crosses-slash", path, message)
        if "?" in pattern:
            message = f"the ? of {pattern!r} is any one character, `/` among them"
            yield Lint("any-character", path, message)


def over_accounts(at: int, grant: Grant) -> Iterator[Lint]:
    """Yield the callers of a grant that may be in many accounts."""
    for number, caller in enumerate(grant.callers):
        arn = caller.role or caller.user or caller.federated_user
        account = arn.split(":")[4] if arn else ""
        if not patterns.is_literal(account):
            message = f"{account!r} means principals of every account that fits, known or not"
            yield Lint("glob-over-accounts", ("grants", at, "callers", number), message)


def test_lints(subject: Subject, *, now: datetime) -> Iterator[Lint]:
    """Yield the tests that fail, and that there are none."""
    if not subject.whole:
        return
    if subject.grants and not subject.tests:
        yield Lint("no-tests", ("grants",), "no test says what this policy must answer")
    for outcome in outcomes(subject.policy, subject.policy.tests, now=now):
        if not outcome.passed:
            yield Lint("test-fails", ("tests", outcome.number - 1), outcome.sentence)

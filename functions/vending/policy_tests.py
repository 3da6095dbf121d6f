"""A policy's tests: what its authors expect it to answer, asked of the same `decide`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from vending.caller import Caller
from vending.decision import decide
from vending.policy import Expectation
from vending.policy_values import Model
from vending.request import Limits, VendRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vending.decision import Decision
    from vending.policy import Policy


class TestFile(Model):
    """A document of nothing but tests, in the form that they have inside a policy."""

    tests: list[Expectation]


TestFile.model_rebuild(force=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a policy answers to one test.

    Attributes:
        number: Which of the tests, from 1.
        test: The test.
        decision: The policy's.
    """

    number: int
    test: Expectation
    decision: Decision

    @property
    def answer(self) -> str:
        """`allow` or `deny`."""
        return "deny" if self.decision.refusal else "allow"

    @property
    def passed(self) -> bool:
        """Whether it is as expected."""
        return self.answer == self.test.expect

    @property
    def why(self) -> str:
        """The grants that allowed it, or what took it away."""
        rules = dict.fromkeys(one.rule for one in self.decision.dropped)
        return ", ".join(self.decision.grants or rules) or "no grant"

    @property
    def sentence(self) -> str:
        """What was asked, what was expected, and what came."""
        test = self.test
        return (
            f"{test.caller} asks to {test.access} {test.repository}: expected {test.expect}, "
            f"got {self.answer} ({self.why})"
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the tests leave out.

    Attributes:
        grants: Names of the grants that no test shows to give something.
        denies: Names of the denies that no test shows to take something away.
    """

    grants: tuple[str, ...]
    denies: tuple[str, ...]


def outcomes(policy: Policy, tests: Iterable[Expectation], *, now: datetime) -> Iterator[Outcome]:
    """Yield what `policy` answers to each of `tests`.

    Args:
        policy: The document.
        tests: Its own, or others'.
        now: When it would serve; a test's `day` stands for noon of that day instead.
    """
    for number, test in enumerate(tests, 1):
        decision = decide(
            policy,
            Caller.from_arn(test.caller),
            VendRequest(
                registry=test.registry,
                repositories={test.access: (test.repository,)},
                grant=test.grant,
                reason="the policy's own test",
            ),
            now=datetime.combine(test.day, time(12), UTC) if test.day else now,
            limits=Limits(),
        )
        yield Outcome(number, test, decision)


def coverage(policy: Policy, found: Sequence[Outcome]) -> Coverage:
    """Return which grants and denies none of the tests exercises."""
    shown: set[str] = set()
    for one in found:
        if one.passed:
            shown.update(f"grant {name}" for name in one.decision.grants)
            shown.update(dropped.rule for dropped in one.decision.dropped)
            # A rule in monitor mode is exercised where it would have made a difference.
            shown.update(monitored.rule for monitored in one.decision.monitored)
    return Coverage(
        tuple(grant.name for grant in policy.grants if f"grant {grant.name}" not in shown),
        tuple(deny.name for deny in policy.denies if f"deny {deny.name}" not in shown),
    )

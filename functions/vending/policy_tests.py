"""A policy's own tests: what its authors expect it to answer, run by the same `decide`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from vending.caller import Caller
from vending.decision import Limits, VendRequest, decide
from vending.policy_text import parse

if TYPE_CHECKING:
    from vending.policy import Expectation, Policy


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that the policy does not answer as expected.

    Attributes:
        number: Which of the document's tests, from 1.
        test: The test.
        found: `allow` or `deny`.
        why: The grants that allowed it, or what took it away.
    """

    number: int
    test: Expectation
    found: str
    why: str

    def __str__(self) -> str:
        test = self.test
        return (
            f"tests[{self.number - 1}]: {test.caller} asks to {test.access} {test.repository}: "
            f"expected {test.expect}, got {self.found} ({self.why})"
        )


class PolicyTestsFailed(Exception):
    """A policy that fails its own tests; one line for each."""


def failures(policy: Policy, *, now: datetime) -> list[Failure]:
    """Return the tests of `policy` that fail.

    Args:
        policy: The document.
        now: When it would serve; a test's `day` stands for noon of that day instead.
    """
    found = []
    for number, test in enumerate(policy.tests, 1):
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
        answer = "deny" if decision.refusal else "allow"
        if answer != test.expect:
            rules = dict.fromkeys(one.rule for one in decision.dropped)
            why = ", ".join(decision.grants) if decision.grants else ", ".join(rules)
            found.append(Failure(number, test, answer, why or "no grant"))
    return found


def checked(text: bytes, *, name: str, now: datetime) -> Policy:
    """Return the policy that `text` is, once it parses and passes its own tests.

    Raises:
        PolicyError: It does not parse.
        PolicyTestsFailed: It fails its tests.
    """
    policy = parse(text, name=name)
    if failed := failures(policy, now=now):
        raise PolicyTestsFailed("\n".join(map(str, failed)))
    return policy

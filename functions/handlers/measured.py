"""The service with each call of its ports measured, so that the use case need not know of it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools import Logger

from handlers.measures import measures
from vending.ports import BlocksUnavailable, LedgerUnavailable, MintFailed, ServingPolicy

if TYPE_CHECKING:
    from vending.ports import Policies
    from vending.revoking import Revoking
    from vending.vend import Vending

logger = Logger()

PHASES = {
    "holds": "BlocksSeconds",
    "add": "CountSeconds",
    "intend": "IntendSeconds",
    "mint": "MintSeconds",
    "issue": "IssueSeconds",
    "assume_role": "AssumeRoleSeconds",
    "get_authorization_token": "AuthorizationTokenSeconds",
}
"""Method of a port or of an AWS client → the metric that has the seconds its calls take."""


def measured(vending: Vending) -> Vending:
    """Return the same service, the calls of its ports measured."""
    return replace(
        vending,
        policies=MeasuredPolicies(vending.policies),
        blocks=cast("Any", Measured(vending.blocks)),
        ledger=cast("Any", Measured(vending.ledger)),
        minter=cast("Any", Measured(vending.minter)),
        budgets=replace(vending.budgets, counters=cast("Any", Measured(vending.budgets.counters))),
    )


def measured_revoking(revoking: Revoking) -> Revoking:
    """Return the same service, and what its tables do not answer is logged."""
    register = cast("Any", Measured(revoking.register))
    return replace(
        revoking,
        register=register,
        denying=replace(revoking.denying, register=register),
        records=cast("Any", Measured(revoking.records)),
    )


class MeasuredPolicies:
    """Where the policy comes from, how long that takes, and how old the policy is."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def current(self) -> ServingPolicy:
        """Return the policy that serves now.

        Raises:
            Refused: None is at hand that is fresh enough.
        """
        with measures.timed("PolicySeconds"):
            serving = self._policies.current()
        measures.set("PolicyAge", serving.age.total_seconds())
        return serving


class Measured:
    """A port or a client of AWS: calls named in `PHASES` are timed, those that fail counted."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        """Return what the port has under this name, a method measured."""
        found = getattr(self._port, name)
        return watched(found, PHASES.get(name)) if callable(found) else found


def watched(call: Any, phase: str | None) -> Any:
    """Return the same call, timed where it is a phase, and counted when it fails."""

    def watching(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return call(*arguments, **named)
        except LedgerUnavailable as failure:
            # AWS's code is nowhere else: CloudTrail has no writes to a table unless it is told to.
            logger.error("the ledger did not acknowledge", error=str(failure))
            measures.count("LedgerFailures")
            raise
        except BlocksUnavailable as failure:
            logger.error("the blocks cannot be read", error=str(failure))
            raise
        except MintFailed as failure:
            if not failure.too_large:
                measures.count("MintFailures")
            raise
        finally:
            if phase:
                measures.count(phase, time.perf_counter() - started)

    return watching

"""The stack's own prober, as the vending function knows it: two callers and one grant, in code.

A policy neither gives the prober anything nor takes it away, so that a probe says whether the
service works and not what the policy's authors wrote last. What the stack's parameters bound, the
vended roles bound here too. Its vends are recorded like any other's, and marked as probes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vending.caller import Caller, CallerKind
from vending.errors import Code, Refused
from vending.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

GRANT = "ecr-vend-probe"
STRANGER = "ecr-vend-stranger"
"""The role name of a caller whom nothing is granted. A real role of this name is granted nothing
either."""

SESSION = "deployment-hook"
PRINCIPAL = "AROAECRVENDPROBE00000"
"""A principal id that IAM gives to nobody: real ones have no digits 0 and 1."""

LIFETIME = "1m"


@dataclass(frozen=True, slots=True)
class Prober:
    """Who probes, and for what.

    Attributes:
        role: ARN of the role of the function that probes.
        repository: The repository whose pull it is granted.
    """

    role: str
    repository: str

    def concerns(self, caller: Caller) -> bool:
        """Return whether `caller` is the prober, or the stranger of its probes."""
        if caller.kind is not CallerKind.ROLE:
            return False
        arn = f"arn:{caller.partition}:iam::{caller.account}:role/{caller.name}"
        return arn in (self.role, self.stranger)

    @property
    def stranger(self) -> str:
        """ARN of the role that is granted nothing, in the prober's own account."""
        return f"{self.role.rpartition('/')[0]}/{STRANGER}"

    def policy(self) -> Policy:
        """Return the policy that decides what the prober and its stranger may have."""
        grant = {
            "name": GRANT,
            "callers": [{"role": self.role}],
            "repositories": [self.repository],
            "access": "pull",
            "max_ttl": LIFETIME,
        }
        return Policy.model_validate({"version": 1, "grants": [grant]})

    def event(self, asks: object) -> Mapping[str, Any]:
        """Return the request that a deployment hook's probe stands for.

        It is API Gateway's own event, so that a probe takes the way of every request. The caller
        is one of two that are fixed here, whatever else the probe says.

        Args:
            asks: `granted`, or `stranger`.

        Raises:
            Refused: It is neither.
        """
        roles = {"granted": self.role, "stranger": self.stranger}
        if not isinstance(asks, str) or asks not in roles:
            raise Refused(Code.NOT_FOUND, "A probe is `granted` or `stranger`.")
        _, partition, _, _, account, resource = roles[asks].split(":", 5)
        name = resource.rpartition("/")[2]
        unique = f"{PRINCIPAL}:{SESSION}"
        identity = {
            "accountId": account,
            "userArn": f"arn:{partition}:sts::{account}:assumed-role/{name}/{SESSION}",
            "caller": unique,
            "user": unique,
            "sourceIp": "127.0.0.1",
            "userAgent": SESSION,
        }
        return {
            "httpMethod": "POST",
            "resource": "/v1/tokens",
            "body": json.dumps({"pull": [self.repository]}),
            "requestContext": {"identity": identity},
        }

"""The prober: CodeDeploy's hook before a new version takes traffic, and a probe on a schedule."""

from __future__ import annotations

from handlers import startup  # isort: skip

import os
from typing import TYPE_CHECKING, Any

import botocore.session
from aws_lambda_powertools import Logger
from botocore.config import Config

from handlers.measures import Measures
from probing.doors import ApiDoor, FunctionDoor, HttpRegistry
from probing.proofs import prove
from vending.errors import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from probing.proofs import Door, Proof

logger = Logger()

session: Any = botocore.session.Session()
# The vending function has 26 seconds. A probe is not repeated: the second try would hide a failure.
patience = Config(connect_timeout=2, read_timeout=27, retries={"total_max_attempts": 1})


def client(service: str) -> Any:
    """Return a client of an AWS service."""
    return session.create_client(service, config=patience)


def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
    """Prove the service and return what held.

    Args:
        event: CodeDeploy's, with `DeploymentId` and `LifecycleEventHookExecutionId`, to prove the
            new version; or the schedule's, with `endpoint`: the API's address, or empty to ask the
            version that serves.
    """
    if "LifecycleEventHookExecutionId" in event:
        return hook(event)
    measures = Measures()
    with measures.timed("ProbeSeconds"):
        proofs = probe(door_at(str(event.get("endpoint") or ""), os.environ))
    measures.set("ProbeFailures", int(not passed(proofs)))
    measures.flush()
    return summary(proofs)


def hook(event: Mapping[str, str]) -> dict[str, Any]:
    """Prove the new version and tell CodeDeploy, which otherwise waits for an hour."""
    proofs: list[Proof] = []
    try:
        proofs = probe(FunctionDoor(client("lambda"), os.environ["PROBE_VERSION"]))
        proved = passed(proofs) or no_policy_is_served(proofs)
    except Exception as error:  # noqa: BLE001  the outermost frame
        logger.error("the probe broke", error=type(error).__name__)
        proved = False
    client("codedeploy").put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status="Succeeded" if proved else "Failed",
    )
    return summary(proofs)


def no_policy_is_served(proofs: list[Proof]) -> bool:
    """Return whether the version that serves has no policy either, so that nothing can be proved.

    A stack has none until its team publishes one, and must be able to change until then.
    """

    def for_want_of_a_policy(found: list[Proof]) -> bool:
        return {proof.code for proof in found if not proof.held} == {Code.POLICY_UNAVAILABLE}

    return for_want_of_a_policy(proofs) and for_want_of_a_policy(
        probe(FunctionDoor(client("lambda"), os.environ["PROBE_FUNCTION"]))
    )


def probe(door: Door) -> list[Proof]:
    """Return what was proved through one door, each of it logged."""
    registry = HttpRegistry(os.environ["PROBE_REGISTRY_URL"])
    proofs = list(prove(door, registry, os.environ["PROBE_REPOSITORY"]))
    for proof in proofs:
        level = logger.info if proof.held else logger.error
        level("proved" if proof.held else "not proved", claim=proof.claim, seen=proof.seen)
    return proofs


def door_at(endpoint: str, environment: Mapping[str, str]) -> Door:
    """Return the API at `endpoint`, or the function itself where none is given."""
    if not endpoint:
        return FunctionDoor(client("lambda"), environment["PROBE_FUNCTION"])
    return ApiDoor(
        endpoint,
        environment["PROBE_REPOSITORY"],
        credentials=session.get_credentials(),
        region=environment["AWS_REGION"],
    )


def passed(proofs: list[Proof]) -> bool:
    """Return whether something was proved and nothing was not."""
    return bool(proofs) and all(proof.held for proof in proofs)


def summary(proofs: list[Proof]) -> dict[str, Any]:
    """Return what held and what did not."""
    return {
        "passed": passed(proofs),
        "proofs": [
            {"claim": proof.claim, "held": proof.held, "seen": proof.seen} for proof in proofs
        ],
    }


startup.ready()

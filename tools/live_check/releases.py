"""A check of how new versions take over: what CodeDeploy did at the stack's last update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.live_check.check import CannotTell, Seen, check, seen

if TYPE_CHECKING:
    from tools.live_check.world import World

ENDED = ["Succeeded", "Failed", "Stopped"]


@check(
    "canary",
    "CodeDeploy moves the traffic with the stack's own role, after the hook has proved the version",
    rests="docs/deploying.md, Not verified without an AWS account",
)
def the_last_update_went_through_the_hook(world: World) -> Seen:
    codedeploy = world.client("codedeploy")
    deployments = codedeploy.list_deployments(
        applicationName=world.physical("ServerlessDeploymentApplication"),
        deploymentGroupName=world.physical("VendFunctionDeploymentGroup"),
        includeOnlyStatuses=ENDED,
    )["deployments"]
    if not deployments:
        raise CannotTell("the vending function was never updated: do so with Canary=true first")
    newest = codedeploy.get_deployment(deploymentId=deployments[0])["deploymentInfo"]
    (target,) = codedeploy.list_deployment_targets(deploymentId=deployments[0])["targetIds"]
    found = codedeploy.get_deployment_target(deploymentId=deployments[0], targetId=target)
    events = found["deploymentTarget"]["lambdaTarget"].get("lifecycleEvents", [])
    hook = {one["lifecycleEventName"]: one["status"] for one in events}.get("BeforeAllowTraffic")
    saw = f"{newest['deploymentConfigName']}: {newest['status']}; the hook {hook or 'did not run'}"
    holds = newest["status"] == hook == "Succeeded"
    return seen(holds, f"read CodeDeploy's deployment {deployments[0]}", saw)

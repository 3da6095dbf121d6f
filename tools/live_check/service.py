"""Checks of the deployed service: its roles, its records, its tokens, its policy's store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tools.live_check.answers import DENIALS, code_of, problem, refused_by_iam
from tools.live_check.check import CannotTell, Seen, Verdict, check, seen
from tools.live_check.registry import refused

if TYPE_CHECKING:
    from tools.live_check.world import World


@check(
    "vended-roles",
    "Nobody but the function may assume a vended role, an administrator included",
    rests="docs/threat-model.md, promise 2",
    emulated=True,
)
def vended_roles_are_closed(world: World) -> Seen:
    did = "tried to assume each vended role as whoever checks, named as a vend is"
    opened = []
    for logical in ("PullRole", "PushRole", "PullThroughRole"):
        role = world.role_arn(world.physical(logical))
        try:
            world.client("sts").assume_role(
                RoleArn=role, RoleSessionName="v-" + "0" * 26, DurationSeconds=900
            )
            opened.append(logical)
        except ClientError as error:
            if code_of(error) not in DENIALS:
                raise
    return seen(not opened, did, f"assumed: {', '.join(opened)}" if opened else "each was denied")


@check(
    "ledger-key",
    "A refusal is recorded: DynamoDB uses the ledger's key in the function's name",
    rests="docs/deploying.md, Not verified without an AWS account",
    emulated=True,
)
def a_refusal_is_recorded(world: World) -> Seen:
    name = f"{world.prefix}/of-nobody"
    answer = world.call("POST", "/v1/tokens", {"pull": [name]})
    told = problem(answer)
    if refused_by_iam(answer):
        raise CannotTell(f"IAM or the API's resource policy does not let {world.caller} in")
    did = f"asked the API to pull {name}, which no policy should grant"
    if told.get("code") == "policy_unavailable":
        raise CannotTell("no policy is published")
    vend_id = str(told.get("vend_id"))
    found = world.client("dynamodb").get_item(
        TableName=world.outputs()["LedgerTableName"],
        Key={"pk": {"S": f"vend#{vend_id}"}, "sk": {"S": "2#outcome"}},
        ConsistentRead=True,
    )
    outcome = found.get("Item", {}).get("outcome", {}).get("S", "no record")
    saw = f"{answer.status_code} {told.get('code', 'without a code')}; the record says {outcome}"
    return seen(answer.status_code == 403 and outcome == "refused", did, saw)


def vend(world: World, seconds: int) -> dict[str, Any]:
    """Return the API's answer to a request to pull `one`.

    Raises:
        CannotTell: It was refused.
    """
    answer = world.call("POST", "/v1/tokens", {"pull": [world.one], "ttl_seconds": seconds})
    told = problem(answer)
    if told.get("code") == "not_granted":
        raise CannotTell(
            f"the policy grants {world.caller} no pull of {world.one}: docs/live-check.md has the "
            "grant to publish first"
        )
    if answer.status_code != 200:
        raise CannotTell(f"{answer.status_code} {told.get('code', '')}")
    return told


@check(
    "vend",
    "A vended token works for its repository and no other, and ends when the answer says",
    rests="docs/threat-model.md, promises 2 and 4",
    emulated=True,
)
def a_vend_works(world: World) -> Seen:
    lives = 60 if world.on_aws else 4
    login = world.registry.login(vend(world, lives)["password"])
    own, other = login.pull(world.one), login.pull(world.two)
    did = f"asked the API for a token of {lives} s, and used it until it was refused"
    saw = f"pull of its repository {own}, of another {other}"
    if own != 200 or not refused(other):
        return Seen(Verdict.DOES_NOT, did, saw)
    try:
        after = world.until_refused(login, within=lives + 120)
    except TimeoutError as late:
        return Seen(Verdict.DOES_NOT, did, f"{saw}; {late}")
    return Seen(Verdict.HOLDS, did, f"{saw}; refused after {after:.0f} s")


@check(
    "validator",
    "AppConfig calls the validator, which refuses a document that is no policy",
    rests="docs/deploying.md, Not verified without an AWS account",
)
def the_validator_is_called(world: World) -> Seen:
    appconfig, outputs = world.client("appconfig"), world.outputs()
    profile = {
        "ApplicationId": outputs["PolicyApplicationId"],
        "ConfigurationProfileId": outputs["PolicyProfileId"],
    }
    # A version that is not deployed serves nobody; it is deleted again.
    made = appconfig.create_hosted_configuration_version(
        **profile, Content=b"version: 1\ngrant: []\n", ContentType="application/x-yaml"
    )["VersionNumber"]
    removal = {**profile, "VersionNumber": made}
    world.undo(
        f"policy version {made}",
        lambda: appconfig.delete_hosted_configuration_version(**removal),
    )
    did = "asked AppConfig to validate a version that is no policy"
    try:
        appconfig.validate_configuration(**profile, ConfigurationVersion=str(made))
    except ClientError as error:
        words = error.response["Error"]["Message"]
        ours = "policy" in words and "grant" in words
        return seen(ours, did, f"{code_of(error)}, {'with' if ours else 'without'} our words")
    return Seen(Verdict.DOES_NOT, did, "it was found valid")

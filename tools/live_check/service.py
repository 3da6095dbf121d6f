"""Checks of the deployed stack: its roles, its ledger, its API, its policy's store."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from botocore.exceptions import ClientError

from tools.live_check.check import CannotTell, Seen, Verdict, check, seen
from tools.live_check.registry import Registry, refused

if TYPE_CHECKING:
    from tools.live_check.world import World

DENIALS = frozenset({"AccessDenied", "AccessDeniedException"})


def code_of(error: ClientError) -> str:
    """Return AWS's error code."""
    return str(error.response["Error"]["Code"])


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
        role = f"arn:{world.partition}:iam::{world.account}:role/{world.physical(logical)}"
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


@check(
    "vend",
    "A vended token works for its repository and no other, and ends when the answer says",
    rests="docs/threat-model.md, promises 2 and 4",
    emulated=True,
)
def a_vend_works(world: World) -> Seen:
    lives = 60 if world.on_aws else 4
    answer = world.call("POST", "/v1/tokens", {"pull": [world.one], "ttl_seconds": lives})
    told = problem(answer)
    if told.get("code") == "not_granted":
        raise CannotTell(
            f"the policy grants {world.caller} no pull of {world.one}: docs/live-check.md has the "
            "grant to publish first"
        )
    if answer.status_code != 200:
        raise CannotTell(f"{answer.status_code} {told.get('code', '')}")
    login = world.registry.login(told["password"])
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
    "table-changes",
    "The ledger's resource policy denies updates and deletes to an administrator",
    rests="docs/auditing.md, What protects them",
)
def the_table_denies_changes(world: World) -> Seen:
    key = {"pk": {"S": f"live-check#{secrets.token_hex(8)}"}, "sk": {"S": "none"}}
    # Where nothing denies it, the condition still keeps it from changing anything.
    never = {"ConditionExpression": "attribute_exists(pk)", "Key": key}
    return denied_by_the_table(world, {"update_item": never, "delete_item": never})


@check(
    "table-puts",
    "The ledger's resource policy denies puts to everyone but the function",
    rests="docs/auditing.md, What protects them",
)
def the_table_denies_puts(world: World) -> Seen:
    item = {"pk": {"S": f"live-check#{secrets.token_hex(8)}"}, "sk": {"S": "none"}}
    never = {"ConditionExpression": "attribute_exists(pk)", "Item": item}
    return denied_by_the_table(world, {"put_item": never})


def denied_by_the_table(world: World, tries: dict[str, dict[str, Any]]) -> Seen:
    """Try writes that can change nothing, and see who stops them."""
    dynamodb, table = world.client("dynamodb"), world.outputs()["LedgerTableName"]
    saw = []
    for operation, parameters in tries.items():
        try:
            getattr(dynamodb, operation)(TableName=table, **parameters)
            saw.append(f"{operation}: done")
        except ClientError as error:
            words = error.response["Error"]["Message"]
            by = " by a resource-based policy" if "resource-based policy" in words else ""
            saw.append(f"{operation}: {code_of(error)}{by}")
    if any(word.endswith(tuple(DENIALS)) for word in saw):
        raise CannotTell(f"{'; '.join(saw)}: whoever checks may not write to tables at all")
    holds = all(word.endswith("by a resource-based policy") for word in saw)
    return seen(holds, "tried writes whose condition no item meets", "; ".join(saw))


@check(
    "api-policy",
    "API Gateway took the template's resource policy, and resolved its resources",
    rests="docs/deploying.md, Not verified without an AWS account",
)
def the_api_holds_its_policy(world: World) -> Seen:
    api = world.client("apigateway").get_rest_api(restApiId=world.physical("Api"))
    text = str(api.get("policy", "{}")).replace("\\/", "/").replace('\\"', '"')
    statements = {one.get("Sid"): one for one in json.loads(text).get("Statement", [])}
    wanted = {"NoOtherAccount", "OnlyTls", "NoLookalikeOfIdentityCenter"}
    missing = wanted - set(statements)
    resources = {str(statements[sid]["Resource"]) for sid in wanted - missing}
    saw = f"statements {', '.join(sorted(map(str, statements)))}; resources {resources}"
    unresolved = any(one.startswith("execute-api:/") for one in resources)
    return seen(not missing and not unresolved, "read the API's policy back", saw)


@check(
    "test-button",
    "API Gateway's own test call does not reach the function",
    rests="docs/deploying.md, Not verified without an AWS account",
)
def the_test_button_stops(world: World) -> Seen:
    gateway, api = world.client("apigateway"), world.physical("Api")
    found = gateway.get_resources(restApiId=api, limit=500)["items"]
    (resource,) = [one["id"] for one in found if one["path"] == "/v1/tokens"]
    answer = gateway.test_invoke_method(
        restApiId=api, resourceId=resource, httpMethod="POST", body="{}"
    )
    status, log = answer["status"], answer.get("log", "")
    stopped = status == 500 and "permission" in log.lower()
    by = "the function's permission" if stopped else "not by the function's permission"
    return seen(stopped, "called POST /v1/tokens by TestInvokeMethod", f"{status}, stopped {by}")


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


@check(
    "old-tls",
    "The endpoint refuses TLS 1.1",
    rests="docs/deploying.md, Not verified without an AWS account",
)
def old_tls_is_refused(world: World) -> Seen:
    host = str(urlsplit(world.api).hostname)
    context = ssl.create_default_context()
    # Its own floor lies above; lowered on purpose, to see whether the endpoint's does too.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with contextlib.suppress(ValueError):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    did = "offered the endpoint TLS 1.0 and 1.1 alone"
    try:
        with (
            socket.create_connection((host, 443), timeout=15) as plain,
            context.wrap_socket(plain, server_hostname=host) as spoken,
        ):
            return Seen(Verdict.DOES_NOT, did, f"it spoke {spoken.version()}")
    except ssl.SSLError as error:
        if error.reason in {"NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE"}:
            raise CannotTell("this machine's own TLS cannot offer anything so old") from None
        return Seen(Verdict.HOLDS, did, str(error.reason))
    except ConnectionResetError:
        return Seen(Verdict.HOLDS, did, "the connection was reset")


@check(
    "dual-stack",
    "The registry's dual-stack host takes the same token",
    rests="docs/client.md, registry hosts",
)
def the_dual_stack_host_takes_it(world: World) -> Seen:
    suffix = {"aws": "on.aws", "aws-cn": "on.amazonwebservices.com.cn"}.get(world.partition)
    if not suffix:
        raise CannotTell(f"no dual-stack suffix of {world.partition} is known here")
    host = f"https://{world.account}.dkr-ecr.{world.region}.{suffix}"
    login = world.vended("v-dual")
    try:
        status = Registry(host).login(login.password).pull(world.one)
    except httpx.TransportError as error:
        raise CannotTell(f"{host} was not reached: {type(error).__name__}") from None
    return seen(status == 200, f"pulled from {host}", f"pull {status}")


def problem(answer: httpx.Response) -> dict[str, Any]:
    """Return an answer's JSON object, an empty one where it is none."""
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}

"""Checks of where the API and the registry are reached, and by whom."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from tools.live_check.answers import refused_by_iam
from tools.live_check.check import CannotTell, Seen, Verdict, check, seen
from tools.live_check.registry import Registry

if TYPE_CHECKING:
    from tools.live_check.world import World


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


@check(
    "domain",
    "A domain of one's own and API Gateway's own name both lead to the service",
    rests="docs/deploying.md, Not verified without an AWS account",
)
def the_domain_leads_to_it(world: World) -> Seen:
    if "DomainTarget" not in world.outputs():
        raise CannotTell("the stack has no DomainName")
    suffix = "amazonaws.com.cn" if world.partition == "aws-cn" else "amazonaws.com"
    own = f"https://{world.physical('Api')}.execute-api.{world.region}.{suffix}/live"
    addresses = (world.outputs()["Endpoint"], own)
    statuses = [world.call("GET", "/v1/whoami", api=one).status_code for one in addresses]
    saw = f"whoami by the domain {statuses[0]}, by API Gateway's name {statuses[1]}"
    return seen(statuses == [200, 200], "asked whoami at both", saw)


@check(
    "private-callers",
    "A private API lets the callers of its account in by their own permission alone",
    rests="docs/deploying.md, Not verified without an AWS account",
)
def a_private_api_lets_callers_in(world: World) -> Seen:
    api = world.client("apigateway").get_rest_api(restApiId=world.physical("Api"))
    if "PRIVATE" not in api["endpointConfiguration"]["types"]:
        raise CannotTell("the API is not private")
    try:
        answer = world.call("GET", "/v1/whoami")
    except httpx.TransportError as error:
        raise CannotTell(
            f"the API was not reached, {type(error).__name__}: run this inside the VPC"
        ) from None
    by = ", refused before the function" if refused_by_iam(answer) else ""
    return seen(answer.status_code == 200, "asked whoami", f"{answer.status_code}{by}")

"""Checks of what an ECR token can do, and for how long: the project's central assumptions."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from tools.live_check.check import CannotTell, Seen, Verdict, check, seen
from tools.live_check.made import document
from tools.live_check.registry import LAYER, refused
from tools.live_check.world import DENYING
from vending.access import Access

if TYPE_CHECKING:
    from tools.live_check.registry import Login
    from tools.live_check.world import World

ELSEWHERE = "192.0.2.1"
"""An address of nobody (RFC 5737)."""


def names_the_session(world: World, session: str) -> str:
    """Return a repository policy that gives everything to one session, named by its ARN."""
    role = f"assumed-role/{world.holder}/{session}"
    principal = {"AWS": f"arn:{world.partition}:sts::{world.account}:{role}"}
    return document([{"Effect": "Allow", "Principal": principal, "Action": "ecr:*"}])


@check(
    "session-policy",
    "An ECR token can do only what the session policy of the session that asked for it allows",
    rests="docs/threat-model.md, promise 2",
    emulated=True,
)
def session_policy_limits(world: World) -> Seen:
    pulls = world.vended("v-pulls")
    own, other = pulls.pull(world.one), pulls.pull(world.two)
    pushes = world.vended("v-pushes", {Access.PUSH: (world.one,), Access.PULL: (world.two,)})
    push, read, write = (
        pushes.begin_push(world.one),
        pushes.pull(world.two),
        pushes.begin_push(world.two),
    )
    did = "minted a token to pull one repository, and one to push it and pull the other"
    saw = (
        f"the first: pull in scope {own}, of the other {other}; the second: push in scope {push}, "
        f"pull of the other {read}, push of the other {write}"
    )
    if own != 200 or read != 200 or push not in {201, 202}:
        raise CannotTell(saw)
    return seen(refused(other) and refused(write), did, saw)


@check(
    "allow-list-is-widened",
    "A repository policy that names the session widens a session policy that only allows",
    rests="docs/architecture.md, Why the session policy is made of denies",
    emulated=True,
)
def allow_list_is_widened(world: World) -> Seen:
    allow = [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": "ecr:*", "Resource": f"arn:*:ecr:*:*:repository/{world.one}"},
    ]
    ecr = world.client("ecr")
    login = world.token(world.session_of(world.holder, "v-allowed", document(allow)))
    before = login.pull(world.two)
    ecr.set_repository_policy(
        repositoryName=world.two, policyText=names_the_session(world, "v-allowed")
    )
    try:
        world.sleep(5 if world.on_aws else 0)
        after = login.pull(world.two)
    finally:
        ecr.delete_repository_policy(repositoryName=world.two)
    saw = f"pull of the other repository {before}, and {after} once its policy named the session"
    if not refused(before):
        raise CannotTell(saw)
    return seen(after == 200, "minted under an allow-list, then named the session in a policy", saw)


@check(
    "repository-policy",
    "A repository policy that names the session does not widen a token: explicit denies win",
    rests="docs/threat-model.md, promise 3",
    emulated=True,
)
def repository_policy_does_not_widen(world: World) -> Seen:
    ecr = world.client("ecr")
    login = world.vended("v-named")
    ecr.set_repository_policy(
        repositoryName=world.two, policyText=names_the_session(world, "v-named")
    )
    try:
        world.sleep(5 if world.on_aws else 0)
        own, other = login.pull(world.one), login.pull(world.two)
    finally:
        ecr.delete_repository_policy(repositoryName=world.two)
    saw = f"pull in scope {own}, pull of the repository whose policy names the session {other}"
    if own != 200:
        raise CannotTell(saw)
    return seen(refused(other), "minted a token, named its session in another repository", saw)


@check(
    "time-condition",
    "A token stops working at the time condition of its session policy, though ECR says 12 hours",
    rests="docs/threat-model.md, promise 4",
    emulated=True,
)
def time_condition_ends_it(world: World) -> Seen:
    lives = 60 if world.on_aws else 4
    login = world.vended("v-time", seconds=lives)
    began, first = time.monotonic(), login.pull(world.one)
    if first != 200:
        raise CannotTell(f"the token never worked: {first}")
    did = f"minted a token of {lives} s, whose session lives 900 s, and pulled until refused"
    try:
        world.until_refused(login, within=lives + DENYING / 2)
    except TimeoutError as late:
        return Seen(Verdict.DOES_NOT, did, str(late))
    lived = time.monotonic() - began
    # The condition has whole seconds, and clocks differ.
    return seen(lived > lives - 3, did, f"it worked for {lived:.0f} s")


@check(
    "deny-by-user-id",
    "A later deny on the role by aws:userid stops one live token, and its neighbour goes on",
    rests="docs/threat-model.md; revocation",
    emulated=True,
    minutes=10,
)
def deny_by_user_id(world: World) -> Seen:
    stopped, goes_on = world.vended("v-stopped"), world.vended("v-goes-on")
    condition = {"StringLike": {"aws:userid": "*:v-stopped"}}
    return denied(world, condition, stopped, goes_on)


@check(
    "deny-by-issue-time",
    "A later deny on the role by aws:TokenIssueTime stops the tokens from before, and none after",
    rests="docs/threat-model.md; revocation",
    emulated=True,
    minutes=10,
)
def deny_by_issue_time(world: World) -> Seen:
    stopped = world.vended("v-before")
    world.sleep(2)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    world.sleep(2)
    goes_on = world.vended("v-after")
    return denied(world, {"DateLessThan": {"aws:TokenIssueTime": now}}, stopped, goes_on)


@check(
    "deny-by-source-identity",
    "A later deny on the role by aws:SourceIdentity stops all live tokens of one caller",
    rests="docs/threat-model.md; revocation",
    minutes=10,
)
def deny_by_source_identity(world: World) -> Seen:
    first = world.session_of(world.holder, "v-first", source_identity="first-caller")
    other = world.session_of(world.holder, "v-other", source_identity="other-caller")
    stopped, goes_on = world.token(first), world.token(other)
    condition = {"StringEquals": {"aws:SourceIdentity": "first-caller"}}
    return denied(world, condition, stopped, goes_on)


def denied(
    world: World, condition: dict[str, dict[str, str]], stopped: Login, goes_on: Login
) -> Seen:
    """Deny on the role under a condition, and see which of two tokens stops."""
    if (first := stopped.pull(world.one)) != 200:
        raise CannotTell(f"the token never worked: {first}")
    deny = {"Effect": "Deny", "Action": "ecr:*", "Resource": "*", "Condition": condition}
    did = f"denied on the role where {json.dumps(condition)}"
    with world.denying(deny):
        try:
            after = world.until_refused(stopped, within=DENYING)
        except TimeoutError as late:
            return Seen(Verdict.DOES_NOT, did, str(late))
        neighbour = goes_on.pull(world.one)
    return seen(
        neighbour == 200, did, f"refused after {after:.0f} s; the other token's pull {neighbour}"
    )


@check(
    "address-condition",
    "A token that is bound to an address is refused elsewhere, and can be minted anywhere",
    rests="docs/threat-model.md, What only a real account can show",
    emulated=True,
)
def address_condition(world: World) -> Seen:
    here = world.call("GET", "/v1/whoami")
    if here.status_code != 200:
        raise CannotTell(f"the API does not tell this machine's address: {here.status_code}")
    elsewhere = world.vended("v-elsewhere", source_ip=ELSEWHERE).pull(world.one)
    bound = world.vended("v-here", source_ip=here.json()["source_ip"]).pull(world.one)
    saw = f"pull with a token of another address {elsewhere}, of this one {bound}"
    did = f"minted a token bound to {ELSEWHERE}, and one bound to the address that the API sees"
    return seen(refused(elsewhere) and bound == 200, did, saw)


@check(
    "layer-addresses",
    "A layer's pre-signed address works after the token's own end: conditions hold per request",
    rests="docs/threat-model.md, What only a real account can show",
    minutes=3,
)
def layer_addresses_outlive_it(world: World) -> Seen:
    login = world.vended("v-layer", seconds=60)
    answer = login.layer(world.one)
    if answer.status_code not in {302, 303, 307, 308}:
        raise CannotTell(f"the registry answered {answer.status_code} and no address")
    try:
        world.until_refused(login, within=DENYING / 2)
    except TimeoutError as late:
        raise CannotTell(f"the token did not end: {late}") from None
    layer = httpx.get(answer.headers["Location"], timeout=30)
    works = layer.status_code == 200 and layer.content == LAYER
    did = "asked for a layer's address with a token of 60 s, and for the layer when it was over"
    return seen(works, did, f"the address answered {layer.status_code}")


@check(
    "outlives-session",
    "An ECR token goes on working after the STS session that asked for it has ended",
    rests="docs/local.md, What it is made of",
    minutes=17,
)
def outlives_its_session(world: World) -> Seen:
    if not world.slow:
        raise CannotTell("it takes 16 minutes: give --slow")
    credentials = world.session_of(world.holder, "v-session")
    login = world.token(credentials)
    world.sleep(930)
    after = login.pull(world.one)
    return seen(after == 200, "minted with a session of 900 s, pulled after 930 s", f"pull {after}")


@check(
    "bearer-token",
    "signin:CreateBearerToken gives a password that the registry takes in a Basic login",
    rests="docs/architecture.md, minting",
)
def bearer_as_password(world: World) -> Seen:
    signin = world.client("signin", world.session_of(world.holder, "v-bearer"))
    answer = signin.create_bearer_token(
        grantType="client_credentials", resource="ecr.amazonaws.com", durationSeconds=300
    )
    login = world.registry.login(answer["accessToken"])
    basic = login.pull(world.one)
    bearer = httpx.get(
        f"{world.registry.url}/v2/{world.one}/manifests/check",
        headers={"Authorization": f"Bearer {answer['accessToken']}"},
        timeout=30,
    ).status_code
    did = "asked for a bearer token of 300 s, and used it as a Basic password and as a Bearer"
    return seen(basic == 200, did, f"Basic {basic}, Bearer {bearer}")

"""One service vends for two registries: its own, and one whose roles stacks/registry.yaml made.

The emulator has one account, so the second registry is of another region.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.adapt import Editor, leave_out_unknown_keys, unshared
from local.emulator import ACCOUNT, REGION
from local.oci import Answer, Client, Refused, small_image
from tests.e2e.running import running, send
from tools.environments import ROOT
from tools.template.translation import registry_template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator

ELSEWHERE = "eu-central-1"
HERE_HOST, EU_HOST = (f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com" for region in (REGION, ELSEWHERE))
GRANTS = """
  - name: payments-eu
    owner: payments@example.com
    callers:
      - role: arn:aws:iam::000000000000:role/payments-publisher
    repositories: [payments/*]
    access: push
    registry: eu
denies:
"""


class At(Client):
    """A registry client that writes the name of a registry of the emulator as its host."""

    host = EU_HOST

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one request to the registry of that host."""
        sent = {**(headers or {}), "Host": self.host}
        return super().call(method, path, body=body, headers=sent)


class AtHere(At):
    """A client of the service's own registry."""

    host = HERE_HOST


def elsewhere(stack: Stack, service: str) -> Any:
    """Return an AWS client of the other region."""
    keys = stack.administrator
    make_client: Any = boto3.client
    return make_client(
        service,
        region_name=ELSEWHERE,
        endpoint_url=stack.about["url"],
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
    )


def deploy_registry(stack: Stack) -> str:
    """Deploy the owners' stack as docs/registries.md says, and return what it hands back."""
    editor = Editor(unshared(registry_template()))
    leave_out_unknown_keys(editor, ())
    told = dict(one.split("=") for one in stack.about["outputs"]["RegistryParameters"].split())
    given = {"RegistryName": "eu", **told, "RepositoryPrefixes": "payments/"}
    cloudformation = elsewhere(stack, "cloudformation")
    cloudformation.create_stack(
        StackName="ecr-vend-images",
        TemplateBody=json.dumps(editor.template, default=str),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": one} for name, one in given.items()],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="ecr-vend-images", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    (found,) = cloudformation.describe_stacks(StackName="ecr-vend-images")["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}
    assert outputs["RegistryHost"] == EU_HOST
    for repository in ("payments/api", "search/indexer"):
        elsewhere(stack, "ecr").create_repository(repositoryName=repository)
    return str(outputs["Registry"])


def serve(stack: Stack, registry: str) -> None:
    """Add a registry to the service's own stack."""
    cloudformation = stack.client("cloudformation")
    cloudformation.update_stack(
        StackName="ecr-vend",
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": "Registries", "ParameterValue": registry}],
    )
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName="ecr-vend", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that serves a second registry."""
    policy: Path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    policy.write_text((ROOT / "local/policy.yaml").read_text().replace("denies:\n", GRANTS, 1))
    with running("--policy", str(policy)) as found:
        serve(found, deploy_registry(found))
        yield found


def token(stack: Stack, registry: str) -> At:
    """Vend a push token and return a client of its registry that holds it."""
    answer = stack.vend("payments-publisher", registry=registry, push=["payments/api"])
    assert answer["registry"] == registry
    kind = At if registry == EU_HOST else AtHere
    return kind(stack.registry, answer["username"], answer["password"])


@pytest.mark.parametrize("registry", [HERE_HOST, EU_HOST])
def test_one_service_vends_for_both_registries(stack: Stack, registry: str) -> None:
    image = small_image(registry)
    assert token(stack, registry).push("payments/api", "latest", image) == image.digest
    assert token(stack, registry).pull("payments/api", "latest") == image


@pytest.mark.parametrize("registry", [HERE_HOST, EU_HOST])
def test_a_token_of_one_registry_does_nothing_in_the_other(stack: Stack, registry: str) -> None:
    held = token(stack, registry)
    other = (AtHere if registry == EU_HOST else At)(held.registry, held.username, held.password)
    with pytest.raises(Refused) as refused:
        other.push("payments/api", "latest", small_image("wrong"))
    assert refused.value.status == 403
    assert "explicit deny" in refused.value.message


def test_a_session_elsewhere_is_of_the_owners_role(stack: Stack) -> None:
    held = token(stack, EU_HOST)
    with pytest.raises(Refused) as refused:
        held.push("search/indexer", "latest", small_image("wrong"))
    assert "assumed-role/ecr-vend-images.eu.eu-central-1-push/v-" in refused.value.message


@pytest.mark.parametrize(
    ("role", "code"), [("payments-ci", "not_granted"), ("search-publisher", "not_granted")]
)
def test_a_grant_for_one_registry_grants_nothing_in_the_other(
    stack: Stack, role: str, code: str
) -> None:
    body = json.dumps({"registry": EU_HOST}).encode()
    status, answer = send(stack.signed("POST", "/v1/tokens", stack.as_role(role), body))
    assert (status, answer["code"]) == (403, code)


def test_a_registry_that_is_not_served_is_refused_by_name(stack: Stack) -> None:
    unknown = EU_HOST.replace(ELSEWHERE, "us-west-2")
    body = json.dumps({"registry": unknown}).encode()
    asked = stack.signed("POST", "/v1/tokens", stack.as_role("payments-publisher"), body)
    status, answer = send(asked)
    assert (status, answer["code"]) == (400, "unknown_registry")
    assert EU_HOST in answer["detail"]


def test_a_revocation_reaches_both_registries(stack: Stack) -> None:
    tokens = {registry: token(stack, registry) for registry in (HERE_HOST, EU_HOST)}
    for registry, held in tokens.items():
        held.push("payments/api", "revoked", small_image(registry))
    body = json.dumps({"before": "now", "reason": "a test of two registries"}).encode()
    asked = stack.signed("POST", "/v1/revocations", stack.as_role("incident-responder"), body)
    status, answer = send(asked)
    assert (status, answer["registries"]) == (200, dict.fromkeys(tokens, "denied"))
    for held in tokens.values():
        with pytest.raises(Refused) as refused:
            held.pull("payments/api", "revoked")
        assert "explicit deny" in refused.value.message

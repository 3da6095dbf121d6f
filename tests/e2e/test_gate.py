"""The registry's lock: whose password, for which repository, until when, from where."""

from __future__ import annotations

import base64
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local.oci import Client, Refused, small_image

if TYPE_CHECKING:
    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module", autouse=True)
def images(stack: Stack) -> None:
    """Put an image into each team's repository."""
    for role, repository in (
        ("payments-publisher", "payments/api"),
        ("search-publisher", "search/indexer"),
    ):
        client = stack.with_token(stack.vend(role, access="push"))
        client.push(repository, "gate", small_image(repository))


def refused(client: Client, repository: str) -> Refused:
    with pytest.raises(Refused) as refusal:
        client.pull(repository, "gate")
    return refusal.value


def test_a_token_pulls_in_its_scope(stack: Stack) -> None:
    client = stack.with_token(stack.vend("payments-ci"))
    assert client.pull("payments/api", "gate") == small_image("payments/api")


@pytest.mark.parametrize("login", [("", ""), ("AWS", "wrong"), ("someone", "wrong")])
def test_no_password_and_a_wrong_one_are_challenged(stack: Stack, login: tuple[str, str]) -> None:
    assert refused(Client(stack.registry, *login), "payments/api").status == 401


def test_another_name_beside_the_right_password_is_challenged(stack: Stack) -> None:
    password = stack.vend("payments-ci")["password"]
    assert refused(Client(stack.registry, "root", password), "payments/api").status == 401


def test_another_repository_is_refused_with_awss_sentence(stack: Stack) -> None:
    answer = stack.vend("payments-ci")
    refusal = refused(stack.with_token(answer), "search/indexer")
    assert (refusal.status, refusal.code) == (403, "DENIED")
    assert f"ecr-vend-pull/{answer['vend_id']} is not authorized" in refusal.message
    assert "ecr:BatchGetImage" in refusal.message
    assert "repository/search/indexer" in refusal.message


def test_a_token_is_refused_once_its_time_is_over(stack: Stack) -> None:
    client = stack.with_token(stack.vend("payments-ci", ttl_seconds=2))
    client.pull("payments/api", "gate")
    time.sleep(3)
    assert refused(client, "payments/api").status == 403


def test_a_token_narrowed_by_the_request_does_not_reach_the_rest(stack: Stack) -> None:
    client = stack.with_token(stack.vend("payments-ci", pull=["payments/web"]))
    assert refused(client, "payments/api").status == 403


def test_a_pull_token_does_not_push_even_through_an_upload(stack: Stack) -> None:
    client = stack.with_token(stack.vend("payments-ci"))
    for method, path in (
        ("POST", "/v2/payments/api/blobs/uploads/"),
        ("PATCH", "/v2/payments/api/blobs/uploads/1-2"),
        ("PUT", "/v2/payments/api/manifests/gate"),
        ("DELETE", "/v2/payments/api/manifests/gate"),
    ):
        with pytest.raises(Refused) as refusal:
            client.call(method, path)
        assert refusal.value.status == 403, method


def test_a_mount_does_not_bring_layers_out_of_another_teams_repository(stack: Stack) -> None:
    layer = next(iter(small_image("search/indexer").blobs))
    client = stack.with_token(stack.vend("payments-publisher", access="push"))
    path = f"/v2/payments/web/blobs/uploads/?mount={layer}&from="
    assert client.call("POST", path + "search/indexer").status == 202  # an ordinary upload begins
    assert client.call("POST", path + "payments/api").status in {201, 202}
    with pytest.raises(Refused) as refusal:
        client.call("GET", f"/v2/payments/web/blobs/{layer}")
    assert refusal.value.status == 404


def test_a_push_and_pull_token_does_exactly_that(stack: Stack) -> None:
    answer = stack.vend("payments-publisher", push=["payments/web"], pull=["payments/api"])
    client = stack.with_token(answer)
    client.push("payments/web", "both", small_image("both"))
    assert client.pull("payments/web", "both") == small_image("both")
    client.pull("payments/api", "gate")
    with pytest.raises(Refused) as refusal:
        client.push("payments/api", "both", small_image("both"))
    assert refusal.value.status == 403
    assert refused(client, "base/python").status == 403
    assert refused(client, "search/indexer").status == 403


def test_a_push_token_does_not_reach_what_is_denied(stack: Stack) -> None:
    stack.client("ecr").create_repository(repositoryName="search/archive-2019")
    client = stack.with_token(stack.vend("search-publisher", access="push"))
    client.push("search/indexer", "denied", small_image("denied"))
    with pytest.raises(Refused) as refusal:
        client.push("search/archive-2019", "denied", small_image("denied"))
    assert refusal.value.status == 403


def test_a_repository_policy_that_names_the_session_does_not_widen_a_token(stack: Stack) -> None:
    answer = stack.vend("payments-ci")
    session = f"arn:aws:sts::000000000000:assumed-role/ecr-vend-pull/{answer['vend_id']}"
    ecr = stack.client("ecr")
    for principal in ({"AWS": session}, "*"):
        statement = {"Effect": "Allow", "Principal": principal, "Action": "ecr:*"}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        ecr.set_repository_policy(
            repositoryName="search/indexer", policyText=json.dumps(policy), force=True
        )
        try:
            assert refused(stack.with_token(answer), "search/indexer").status == 403
        finally:
            ecr.delete_repository_policy(repositoryName="search/indexer")


def scoped(stack: Stack, *statements: dict[str, Any]) -> Credentials:
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    given = stack.client("sts").get_federation_token(
        Name="gate",
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow, *statements]}),
    )["Credentials"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers on all of 127.0.0.0/8")
def test_an_address_condition_refuses_from_elsewhere(stack: Stack) -> None:
    deny = {
        "Effect": "Deny",
        "NotAction": "ecr:GetAuthorizationToken",
        "Resource": "*",
        "Condition": {"NotIpAddress": {"aws:SourceIp": "127.0.0.1/32"}},
    }
    token = stack.client("ecr", scoped(stack, deny)).get_authorization_token()
    encoded = token["authorizationData"][0]["authorizationToken"]
    password = base64.b64decode(encoded).decode().removeprefix("AWS:")
    Client(stack.registry, "AWS", password).pull("payments/api", "gate")
    elsewhere = Client(stack.registry, "AWS", password, "127.0.0.2")
    assert refused(elsewhere, "payments/api").status == 403


@pytest.mark.parametrize("key", ["test", "000000000000", "111122223333"])
@pytest.mark.parametrize("service", ["sts", "ecr", "s3", "dynamodb"])
def test_root_keys_are_refused(stack: Stack, key: str, service: str) -> None:
    calls = {
        "sts": "get_caller_identity",
        "ecr": "get_authorization_token",
        "s3": "list_buckets",
        "dynamodb": "list_tables",
    }
    client = stack.client(service, Credentials(key, "test"))
    with pytest.raises(ClientError) as refusal:
        getattr(client, calls[service])()
    assert "Root credentials are refused" in str(refusal.value)


def test_a_presigned_request_with_a_root_key_is_refused(stack: Stack) -> None:
    root = stack.client("s3", Credentials("test", "test"))
    url = root.generate_presigned_url("list_buckets")
    path = url.removeprefix(stack.about["url"])
    with pytest.raises(Refused, match="Root credentials are refused"):
        Client(stack.registry).call("GET", path)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/_ministack/reset"), ("GET", "/_ministack/health"), ("GET", "/"), ("PUT", "/b")],
)
def test_unsigned_requests_and_control_paths_are_refused(
    stack: Stack, method: str, path: str
) -> None:
    with pytest.raises(Refused) as refusal:
        Client(stack.registry).call(method, path)
    assert refusal.value.status == 403


def test_a_wrong_secret_is_refused(stack: Stack) -> None:
    forged = Credentials(stack.administrator.access_key, "wrong")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stack.client("sts", forged).get_caller_identity()


def test_nothing_listens_beyond_loopback(stack: Stack) -> None:
    import socket

    port = int(stack.registry.rpartition(":")[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses this machine's address
        address = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((address, port), timeout=5)

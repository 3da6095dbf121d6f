"""What the other protocols are given, used at the embedded stack's registry."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.helper_program import NAME
from local.oci import Client, Refused, small_image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator

LONGEST_LIFE = 15 * 60
"""Seconds; the ceiling of the stack's policy."""


@pytest.fixture(scope="module", autouse=True)
def images(stack: Stack) -> None:
    """Put an image into two repositories that one grant covers."""
    publisher = stack.with_token(stack.vend("payments-publisher", access="push"))
    for repository in ("payments/api", "payments/web"):
        publisher.push(repository, "dialects", small_image(repository))


def ask(command: list[str | Path], request: object, environment: Mapping[str, str]) -> Any:
    """Run one of the client's programs with a request on stdin, and return its answer."""
    done = subprocess.run(
        command,
        input=json.dumps(request),
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def kubelet(stack: Stack, image: str, environment: Mapping[str, str]) -> Any:
    """Return what the kubelet is answered for an image."""
    python = (Path(stack.about["programs"]) / NAME).resolve().parent / "python"
    request = {
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "kind": "CredentialProviderRequest",
        "image": image,
    }
    return ask([python, "-m", "ecr_vend.dialects.kubelet"], request, environment)


def test_the_kubelets_token_pulls_its_image_and_nothing_else(stack: Stack, cache: Path) -> None:
    environment = stack.helper_environment(stack.as_role("payments-ci", "kubelet"), cache)
    image = f"{stack.registry}/payments/api"
    answer = kubelet(stack, image, environment)
    assert answer["cacheKeyType"] == "Image"
    assert set(answer["auth"]) == {image}
    given = answer["auth"][image]
    node = Client(stack.registry, given["username"], given["password"])
    assert node.pull("payments/api", "dialects") == small_image("payments/api")
    with pytest.raises(Refused) as other:
        node.pull("payments/web", "dialects")
    assert other.value.status == 403
    with pytest.raises(Refused) as push:
        node.push("payments/api", "forged", small_image("forged"))
    assert push.value.status == 403


def test_the_kubelet_gets_a_token_for_each_image_and_keeps_it_for_less_than_its_life(
    stack: Stack, cache: Path
) -> None:
    environment = stack.helper_environment(stack.as_role("payments-ci", "kubelet-two"), cache)
    passwords = set()
    for repository in ("payments/api", "payments/web", "payments/api"):
        image = f"{stack.registry}/{repository}"
        answer = kubelet(stack, image, environment)
        kept = re.fullmatch(r"([0-9]+)s", answer["cacheDuration"])
        assert kept
        assert 0 < int(kept[1]) < LONGEST_LIFE
        passwords.add(answer["auth"][image]["password"])
    assert len(passwords) == 2
    assert len(stack.vends_of("kubelet-two")) == 2


def test_the_kubelet_is_given_nothing_for_another_registry(stack: Stack, cache: Path) -> None:
    environment = stack.helper_environment(stack.as_role("payments-ci", "kubelet-none"), cache)
    assert kubelet(stack, "registry.example.com/team/app", environment)["auth"] == {}
    assert stack.vends_of("kubelet-none") == []


def test_bazels_headers_fetch_what_they_were_asked_for(stack: Stack, cache: Path) -> None:
    environment = stack.helper_environment(stack.as_role("payments-ci", "bazel"), cache)
    program = Path(stack.about["programs"]) / NAME
    path = "/v2/payments/api/manifests/dialects"
    answer = ask([program, "get"], {"uri": f"http://{stack.registry}{path}"}, environment)
    headers = {name: value for name, (value,) in answer["headers"].items()}
    fetched = Client(stack.registry).call("GET", path, headers=headers)
    assert fetched.body == small_image("payments/api").manifest
    until = datetime.fromisoformat(answer["expires"])
    now = datetime.now(UTC)
    assert now < until < now + timedelta(seconds=LONGEST_LIFE)
    elsewhere = {"uri": "https://example.com/v2/payments/api/manifests/1"}
    assert ask([program, "get"], elsewhere, environment) == {"headers": {}}
    assert len(stack.vends_of("bazel")) == 1

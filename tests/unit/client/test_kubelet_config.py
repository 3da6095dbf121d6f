"""The example CredentialProviderConfig is one the kubelet takes, for every host of ECR."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from ecr_vend.dialects import kubelet
from tests.client.kubelet_rules import matches
from tests.client.machine import ROOT

TEXT = (ROOT / "client" / "kubelet" / "credential-provider-config.yaml").read_text()
CONFIG = yaml.safe_load(TEXT)
(PROVIDER,) = CONFIG["providers"]
HOSTS = json.loads((ROOT / "tests" / "vectors" / "hosts.json").read_text())


def test_it_has_what_the_kubelet_requires_and_nothing_it_does_not_know() -> None:
    assert set(CONFIG) == {"apiVersion", "kind", "providers"}
    assert CONFIG["apiVersion"] == "kubelet.config.k8s.io/v1"
    assert CONFIG["kind"] == "CredentialProviderConfig"
    assert set(PROVIDER) == {"name", "apiVersion", "matchImages", "defaultCacheDuration", "env"}
    assert PROVIDER["apiVersion"] in kubelet.VERSIONS
    assert re.fullmatch(r"[0-9]+s", PROVIDER["defaultCacheDuration"])
    for variable in PROVIDER["env"]:
        assert set(variable) == {"name", "value"}
        assert isinstance(variable["value"], str)


def test_its_name_is_that_of_the_program_which_is_installed() -> None:
    assert PROVIDER["name"] == kubelet.NAME
    built = (ROOT / "client" / "hatch_build.py").read_text()
    assert f'"{kubelet.NAME}": "ecr_vend.dialects.kubelet:main"' in built


@pytest.mark.parametrize("known", HOSTS["accept"], ids=lambda known: known["host"])
def test_every_name_of_a_registry_is_matched(known: dict[str, str]) -> None:
    image = f"{known['host']}/team/app"
    assert any(matches(pattern, image) for pattern in PROVIDER["matchImages"])


@pytest.mark.parametrize("pattern", PROVIDER["matchImages"])
def test_no_line_is_for_nothing_and_none_is_for_other_registries(pattern: str) -> None:
    assert any(matches(pattern, known["host"]) for known in HOSTS["accept"])
    others = ["docker.io", "ghcr.io", "public.ecr.aws", "quay.io", "registry.k8s.io"]
    assert not any(matches(pattern, f"{other}/team/app") for other in others)


def test_what_is_commented_out_is_whole_as_well() -> None:
    lines = TEXT.partition("    # tokenAttributes:")[2].splitlines()
    attributes = yaml.safe_load("\n".join(line.removeprefix("    # ") for line in lines))
    # pkg/credentialprovider/plugin/config.go: the first three are required.
    assert set(attributes) == {
        "serviceAccountTokenAudience",
        "cacheType",
        "requireServiceAccount",
        "requiredServiceAccountAnnotationKeys",
    }
    assert attributes["cacheType"] in {"ServiceAccount", "Token"}
    assert attributes["requireServiceAccount"] is True  # which required annotations need
    assert set(attributes["requiredServiceAccountAnnotationKeys"]) <= set(kubelet.ROLE_ANNOTATIONS)


def test_the_page_names_the_annotations_in_the_order_in_which_they_count() -> None:
    page = (ROOT / "docs" / "kubelet.md").read_text()
    listed = re.findall(r"^[0-9]\. .*?`([a-z.-]+/role-arn)`", page, re.MULTILINE)
    assert tuple(listed) == kubelet.ROLE_ANNOTATIONS


def test_the_request_on_the_page_is_one() -> None:
    page = (ROOT / "docs" / "kubelet.md").read_text()
    request = json.loads(page.partition("echo '")[2].partition("'")[0])
    assert (request["apiVersion"], request["kind"]) == (kubelet.VERSIONS[0], kubelet.REQUEST)

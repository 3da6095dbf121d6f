"""The hosts of ECR registries, and look-alikes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import REGISTRY
from vending.registry import parse_host, served

HOSTS = json.loads((Path(__file__).parents[2] / "vectors/hosts.json").read_text())


@pytest.mark.parametrize("vector", HOSTS["accept"], ids=lambda v: v["host"])
def test_every_form_that_aws_gives_a_registry_is_read(vector: dict[str, Any]) -> None:
    found = parse_host(vector["host"])
    assert found is not None
    assert (found.account, found.region) == (vector["account"], vector["region"])
    if "partition" in vector:
        assert found.partition == vector["partition"]


@pytest.mark.parametrize("vector", HOSTS["reject"], ids=lambda v: repr(v["host"]))
def test_a_look_alike_is_no_registry(vector: dict[str, Any]) -> None:
    assert parse_host(vector["host"]) is None


@pytest.mark.parametrize(
    "form",
    [
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com:443",
        "111122223333.dkr.ecr-fips.eu-west-1.amazonaws.com",
        "111122223333.dkr-ecr.eu-west-1.on.aws",
        "111122223333.DKR.ECR.eu-west-1.amazonaws.com/payments/api",
    ],
)
def test_any_form_of_a_served_host_names_its_registry(form: str) -> None:
    assert served({"default": REGISTRY}, form) is REGISTRY


@pytest.mark.parametrize(
    "form",
    [
        "111122223333.dkr.ecr.eu-west-2.amazonaws.com",
        "444455556666.dkr.ecr.eu-west-1.amazonaws.com",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com.cn",
        "docker.io",
        "",
    ],
)
def test_another_registry_is_not_served(form: str) -> None:
    assert served({"default": REGISTRY}, form) is None


def test_no_registry_means_the_default_one() -> None:
    assert served({"default": REGISTRY}, None) is REGISTRY

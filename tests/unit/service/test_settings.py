"""The function's environment: what it must hold, and what is said when it does not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from vending.access import Access
from vending.budgets import Kind
from vending.settings import Settings, SettingsError

ROLES = {access: f"arn:aws:iam::111122223333:role/ecr-vend-{access}" for access in Access}
REGISTRIES = {"default": {"account": "111122223333", "region": "eu-west-1", "roles": ROLES}}
GOOD = {
    "VEND_REGISTRIES": json.dumps(REGISTRIES),
    "VEND_LEDGER_TABLE": "ledger",
    "VEND_PERSON_KEY_TABLE": "people",
    "VEND_BLOCK_TABLE": "blocks",
    "VEND_TOKEN_KEY": "key-1",
    "VEND_BUDGET_TABLE": "budgets",
    "VEND_BUDGETS": '{"session": 10, "caller": 30}',
    "VEND_POLICY": "appconfig:app/env/profile",
}


def mistake(**changed: str | None) -> str:
    environment = {k: v for k, v in (GOOD | changed).items() if v is not None}
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environment).served()
    return str(caught.value)


def test_a_complete_environment_is_read() -> None:
    settings = Settings.from_environment(GOOD | {"VEND_MAX_TTL": "900", "PATH": "/bin"})
    assert settings.max_ttl == 900
    assert settings.min_ttl == 60
    assert settings.policy_file() is None
    assert settings.budgets == {Kind.SESSION: 10, Kind.CALLER: 30}
    registry = settings.served()["default"]
    assert registry.host == "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
    assert registry.roles[Access.PULL_THROUGH].endswith("pull-through")


def test_a_policy_may_stand_in_a_file() -> None:
    settings = Settings.from_environment(GOOD | {"VEND_POLICY": "file:/tmp/policy.yaml"})
    assert settings.policy_file() == Path("/tmp/policy.yaml")


def without(access: str) -> str:
    roles = {name: arn for name, arn in ROLES.items() if name != access}
    return json.dumps({"default": REGISTRIES["default"] | {"roles": roles}})


def elsewhere(**changed: Any) -> str:
    return json.dumps({"default": REGISTRIES["default"] | changed})


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("VEND_LEDGER_TABLE", None, "VEND_LEDGER_TABLE"),
        ("VEND_BLOCK_TABLE", None, "VEND_BLOCK_TABLE"),
        ("VEND_PERSON_KEY_TABLE", None, "VEND_PERSON_KEY_TABLE"),
        ("VEND_REGISTRIES", None, "VEND_REGISTRIES"),
        ("VEND_BUDGET_TABLE", None, "VEND_BUDGET_TABLE"),
        ("VEND_BUDGETS", None, "VEND_BUDGETS"),
        ("VEND_BUDGETS", '{"caller": -1}', "VEND_BUDGETS"),
        ("VEND_BUDGETS", '{"everyone": 1}', "VEND_BUDGETS"),
        ("VEND_REGISTRIES", "{", "VEND_REGISTRIES"),
        ("VEND_REGISTRIES", "{}", "one must be called 'default'"),
        ("VEND_REGISTRIES", without("push"), "roles for push are missing"),
        ("VEND_REGISTRIES", elsewhere(revoker={"policies": {}}), "policies for pull, push"),
        ("VEND_REGISTRIES", elsewhere(suffix="evil.example"), "is no ECR host"),
        ("VEND_REGISTRIES", elsewhere(account="1"), "VEND_REGISTRIES"),
        ("VEND_POLICY", "s3://x", "VEND_POLICY"),
        ("VEND_MAX_TTL", "43200", "VEND_MAX_TTL"),
        ("VEND_MIN_TTL", "soon", "VEND_MIN_TTL"),
    ],
)
def test_a_mistake_names_the_variable(variable: str, value: str | None, words: str) -> None:
    assert words in mistake(**{variable: value})


EU = "arn:aws:iam::444455556666:role/ecr-vend.eu.eu-central-1"
US = "arn:aws:iam::444455556666:role/ecr-vend.us.us-east-1"


def test_other_registries_are_served_with_their_own_roles() -> None:
    registries = Settings.from_environment(GOOD | {"VEND_OTHER_REGISTRIES": f"{EU},{US}"}).served()
    assert list(registries) == ["default", "eu", "us"]
    assert registries["eu"].host == "444455556666.dkr.ecr.eu-central-1.amazonaws.com"
    assert registries["us"].roles == {
        Access.PULL: f"{US}-pull",
        Access.PUSH: f"{US}-push",
        Access.PULL_THROUGH: f"{US}-pull-through",
    }


def test_other_registries_have_the_dns_suffix_of_the_services_partition() -> None:
    default = REGISTRIES["default"] | {"region": "cn-north-1", "suffix": "amazonaws.com.cn"}
    other = "arn:aws-cn:iam::444455556666:role/ecr-vend.west.cn-northwest-1"
    settings = Settings.from_environment(
        GOOD | {"VEND_REGISTRIES": json.dumps({"default": default}), "VEND_OTHER_REGISTRIES": other}
    )
    expected = "444455556666.dkr.ecr.cn-northwest-1.amazonaws.com.cn"
    assert settings.served()["west"].host == expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (f"{EU}-pull", "is not what a registry's stack gives"),
        ("eu", "is not what a registry's stack gives"),
        (f"{EU}, {US}", "is not what a registry's stack gives"),
        (f"{EU}*", "is not what a registry's stack gives"),
        (f"{EU},{EU}", "two are called 'eu'"),
        (EU.replace(".eu.", ".default."), "two are called 'default'"),
        (f"{EU},{EU.replace('.eu.', '.more.')}", "'more' and 'eu' are both 444455556666.dkr.ecr"),
        ("arn:aws:iam::111122223333:role/x.y.eu-west-1", "'y' and 'default' are both"),
        (EU.replace("arn:aws:", "arn:aws-cn:"), "no registry of the partition aws"),
    ],
)
def test_a_mistake_in_the_other_registries_is_named(value: str, words: str) -> None:
    said = mistake(VEND_OTHER_REGISTRIES=value)
    assert said.startswith("VEND_OTHER_REGISTRIES: ")
    assert re.search(words, said)

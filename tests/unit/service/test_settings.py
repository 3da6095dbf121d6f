"""The function's environment: what it must hold, and what is said when it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vending.access import Access
from vending.settings import Settings, SettingsError

ROLES = {access: f"arn:aws:iam::111122223333:role/ecr-vend-{access}" for access in Access}
REGISTRIES = {"default": {"account": "111122223333", "region": "eu-west-1", "roles": ROLES}}
GOOD = {
    "VEND_REGISTRIES": json.dumps(REGISTRIES),
    "VEND_LEDGER_TABLE": "ledger",
    "VEND_BLOCK_TABLE": "blocks",
    "VEND_TOKEN_KEY": "key-1",
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
        ("VEND_REGISTRIES", None, "VEND_REGISTRIES"),
        ("VEND_REGISTRIES", "{", "VEND_REGISTRIES"),
        ("VEND_REGISTRIES", "{}", "one must be called 'default'"),
        ("VEND_REGISTRIES", without("push"), "roles for push are missing"),
        ("VEND_REGISTRIES", elsewhere(suffix="evil.example"), "is no ECR host"),
        ("VEND_REGISTRIES", elsewhere(account="1"), "VEND_REGISTRIES"),
        ("VEND_POLICY", "s3://x", "VEND_POLICY"),
        ("VEND_MAX_TTL", "43200", "VEND_MAX_TTL"),
        ("VEND_MIN_TTL", "soon", "VEND_MIN_TTL"),
    ],
)
def test_a_mistake_names_the_variable(variable: str, value: str | None, words: str) -> None:
    assert words in mistake(**{variable: value})

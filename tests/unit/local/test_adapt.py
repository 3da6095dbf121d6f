"""The embedded stack deploys the real template, but for a list of differences that is complete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.adapt import RULES, adapt, host_architecture

ROOT = Path(__file__).resolve().parents[3]
CODE = "s3://code/bundle.zip"
URL = "http://127.0.0.1:4566"


def differences(
    old: Any, new: Any, path: tuple[str | int, ...] = ()
) -> dict[tuple[str | int, ...], str]:
    """Return what is different, found without a look at how it came about."""
    found: dict[tuple[str | int, ...], str] = {}
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            if key not in new:
                found[(*path, key)] = "removed"
            elif key not in old:
                found[(*path, key)] = "added"
            else:
                found |= differences(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for position, pair in enumerate(zip(old, new, strict=True)):
            found |= differences(*pair, (*path, position))
    elif old != new:
        found[path] = "changed"
    return found


def flattened(found: dict[tuple[str | int, ...], str]) -> dict[tuple[str | int, ...], str]:
    """Return changes at the place that holds a list or an intrinsic function, not inside it."""
    shorter: dict[tuple[str | int, ...], str] = {}
    for path, kind in found.items():
        inside = path[-1] in {0, "Ref", "Fn::Join"}
        shorter[path[:-1] if inside else path] = "changed" if inside else kind
    return shorter


@pytest.fixture(scope="module")
def real() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    return parsed


def test_the_list_is_exactly_what_is_different_in_the_real_template(real: dict[str, Any]) -> None:
    adapted, listed = adapt(real, code=CODE, architecture="x86_64", url=URL)
    found = flattened(differences(real, adapted))
    assert {one.path: one.kind for one in listed} == found
    assert found


def test_adapting_leaves_the_real_template_alone(real: dict[str, Any]) -> None:
    before = yaml_parse((ROOT / "template.yaml").read_text())
    adapt(real, code=CODE, architecture="x86_64", url=URL)
    assert real == before


def test_roles_lose_no_permission_statement_and_no_boundary(real: dict[str, Any]) -> None:
    adapted, _ = adapt(real, code=CODE, architecture="x86_64", url=URL)
    for name, resource in real["Resources"].items():
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            assert adapted["Resources"][name] == resource
        if resource["Type"] == "AWS::IAM::Role":
            properties = adapted["Resources"][name]["Properties"]
            kept = resource["Properties"].get("PermissionsBoundary")
            assert properties.get("PermissionsBoundary") == kept


def test_the_api_and_its_resource_policy_are_the_real_ones(real: dict[str, Any]) -> None:
    adapted, _ = adapt(real, code=CODE, architecture="x86_64", url=URL)
    assert adapted["Resources"]["Api"] == real["Resources"]["Api"]


MINIMAL: dict[str, Any] = {
    "Conditions": {"Some": {"Fn::Equals": [{"Fn::Join": ["", {"Ref": "List"}]}, ""]}},
    "Globals": {"Function": {"Architectures": ["arm64"]}},
    "Resources": {
        "Hooks": {"Type": "AWS::CodeDeploy::Application"},
        "Saved": {"Type": "AWS::Logs::QueryDefinition", "Properties": {"Name": "x"}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "DependsOn": ["Hooks", "Fn"],
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Statement": [
                        {
                            "Condition": {
                                "StringLike": {
                                    "lambda:SourceFunctionArn": "?*",
                                    "sts:RoleSessionName": "v-*",
                                }
                            }
                        }
                    ]
                }
            },
        },
        "OnlyTheFunction": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Deny",
                            "Condition": {"ArnNotLike": {"lambda:SourceFunctionArn": "arn"}},
                        }
                    ]
                }
            },
        },
        "Often": {
            "Type": "AWS::Events::Rule",
            "Properties": {"ScheduleExpression": "rate(1 hour)", "State": "ENABLED"},
        },
        "Fn": {
            "Type": "AWS::Serverless::Function",
            "DependsOn": "Hooks",
            "Properties": {
                "CodeUri": "functions/",
                "DeploymentPreference": {"Type": "AllAtOnce"},
                "Environment": {"Variables": {"VEND_MAX_TTL": "900", "PROBE_REGISTRY_URL": "x"}},
            },
        },
    },
    "Outputs": {"Gone": {"Value": {"Ref": "Hooks"}}, "Kept": {"Value": {"Ref": "Fn"}}},
}


def test_every_rule_does_what_it_says() -> None:
    adapted, listed = adapt(MINIMAL, code=CODE, architecture="x86_64", url=URL)
    resources = adapted["Resources"]
    assert set(resources) == {"Role", "Fn", "Often"}
    assert resources["Often"]["Properties"]["State"] == "DISABLED"
    assert set(adapted["Outputs"]) == {"Kept"}
    assert resources["Role"]["DependsOn"] == ["Fn"]
    assert "DependsOn" not in resources["Fn"]
    assert resources["Fn"]["Properties"] == {
        "CodeUri": CODE,
        "Environment": {
            "Variables": {"VEND_MAX_TTL": "900", "VEND_MIN_TTL": "1", "PROBE_REGISTRY_URL": URL}
        },
    }
    trust = resources["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust == {"Condition": {"StringLike": {"sts:RoleSessionName": "v-*"}}}
    assert adapted["Conditions"] == {"Some": {"Fn::Equals": [{"Ref": "List"}, ""]}}
    assert {one.rule for one in listed} == set(RULES)


def test_a_difference_says_where_and_why() -> None:
    _, listed = adapt(MINIMAL, code=CODE, architecture="arm64", url=URL)
    assert "removed Resources.Hooks: unsupported resources are left out" in map(str, listed)
    assert not any("Architectures" in one.path for one in listed)


@pytest.mark.parametrize(
    ("machine", "word"), [("aarch64", "arm64"), ("arm64", "arm64"), ("x86_64", "x86_64")]
)
def test_machines_are_named_in_lambdas_words(machine: str, word: str) -> None:
    assert host_architecture(machine) == word


def test_the_documentation_lists_every_rule_and_no_other() -> None:
    page = (ROOT / "docs/local.md").read_text()
    table = page.split("## How the deployed template differs")[1].split("\n## ")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| ")][1:]
    assert [(name.strip(), why.strip()) for name, why in rows] == [
        (rule.name, rule.why) for rule in RULES
    ]

"""What whoever publishes the policy needs: what the commands call, and no more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.fake_appconfig import OUTPUTS, FakeAppConfig
from tests.fakes import POLICY
from tests.iam.evaluator import Policies, Request, evaluate
from tools.environments import ROOT
from tools.template.stack import ACCOUNT, Stack
from vendctl.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

NEEDS_NO_RIGHT = {"sts:GetCallerIdentity"}
ONLY_WITH_STRATEGY = "appconfig:ListDeploymentStrategies"
PROMISED = json.loads(Stack().output("PublisherStatements"))


def called(fake: FakeAppConfig, monkeypatch: pytest.MonkeyPatch, *lines: list[str]) -> set[str]:
    """Return the actions that IAM was asked about by these command lines."""
    session = fake.session()
    monkeypatch.setattr(boto3, "Session", lambda **_: session)
    for line in lines:
        assert main(["policy", *line]) == 0, line
    return set(fake.operations()) - NEEDS_NO_RIGHT


def story(tmp_path: Path) -> list[list[str]]:
    """Return command lines that come by every call."""
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    publish = ["publish", str(file), "--label", "ana/1", "--yes", "--wait"]
    return [
        publish,
        ["status"],
        ["history"],
        [*publish, "--force"],
        ["rollback", "--to", "1", "--yes"],
    ]


def actions() -> set[str]:
    """Return the actions that the output allows."""
    listed = [one["Action"] for one in PROMISED]
    return {action for one in listed for action in ([one] if isinstance(one, str) else one)}


def test_a_publisher_is_allowed_what_the_commands_call_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeAppConfig()
    done = called(fake, monkeypatch, *story(tmp_path))
    fake.deployments[-1]["State"] = "DEPLOYING"
    done |= called(fake, monkeypatch, ["rollback", "--yes"])
    assert done == actions()


def test_one_more_action_names_a_strategy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish = [*story(tmp_path)[0], "--strategy", "slowly"]
    assert called(FakeAppConfig(), monkeypatch, publish) - actions() == {ONLY_WITH_STRATEGY}


def test_a_publisher_reaches_this_stacks_policy_alone() -> None:
    stack = Stack()
    own = Policies(identity=({"Version": "2012-10-17", "Statement": PROMISED},))

    def may(action: str, resource: str) -> bool:
        role = f"arn:aws:iam::{ACCOUNT}:role/publisher"
        return evaluate(own, Request(action, resource, role)).allowed

    application, strategy = (stack.ref(name) for name in ("PolicyApplication", "PolicyStrategy"))
    under = f"application/{application}"
    for place in (under, f"{under}/environment/e", f"{under}/environment/e/deployment/1"):
        assert may("appconfig:StartDeployment", stack.arn("appconfig", place))
    assert may(
        "appconfig:StartDeployment", stack.arn("appconfig", f"deploymentstrategy/{strategy}")
    )
    for place in ("application/other", f"{under}x/environment/e", "deploymentstrategy/other"):
        assert not may("appconfig:StartDeployment", stack.arn("appconfig", place))
    for action in ("DeleteHostedConfigurationVersion", "UpdateConfigurationProfile"):
        assert not may(f"appconfig:{action}", stack.arn("appconfig", under))
    other = stack.arn("cloudformation", "stack/ecr-vend-dev/1")
    assert not may("cloudformation:DescribeStacks", other)
    assert may("cloudformation:DescribeStacks", stack.arn("cloudformation", "stack/ecr-vend/1"))


def test_the_page_lists_these_actions() -> None:
    page = (ROOT / "docs/policy.md").read_text()
    section = page.partition("### What a publisher needs")[2].partition("\n## ")[0]
    for action in {*actions(), ONLY_WITH_STRATEGY, *NEEDS_NO_RIGHT}:
        assert f"`{action}`" in section, action


def test_the_commands_read_outputs_that_the_stack_has() -> None:
    assert set(OUTPUTS) <= set(Stack().template["Outputs"])

"""From the previous release's stack to this one and back: nobody's images stop, nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from local import deploy
from local.oci import Refused
from local.signer import Signer
from tests.e2e.previous_release import bundle_of, checked_out, is_shallow, previous_release
from tests.e2e.running import running
from tools.artefacts.bundle import build
from tools.environments import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.running import Stack

KEPT = (
    "Api",
    "LedgerTable",
    "LedgerKey",
    "TokenKey",
    "PolicyApplication",
    "PolicyEnvironment",
    "PolicyProfile",
    "PullRole",
    "PushRole",
    "PullThroughRole",
    "VendFunction",
    "VendFunctionRole",
)
"""Resources whose names others have written down, or which hold what must not be lost."""


@dataclass
class Upgrade:
    """What was seen at the previous release, at this one, and back at the previous one.

    Attributes:
        stack: Running.
        old_token: Vended before the upgrade, good for minutes.
        answers: Stage → what a vend was answered.
        resources: Stage → logical id → physical id.
        outputs: Stage → outputs of the stack.
        records: Stage → keys of all that the ledger held.
        pulled: Stages at which the old token still pulled.
    """

    stack: Stack
    old_token: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: dict[str, dict[str, str]] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    records: dict[str, dict[tuple[str, str], Any]] = field(default_factory=dict)
    pulled: list[str] = field(default_factory=list)

    def look(self, stage: str) -> None:
        """Vend, try the old token, and note what is there."""
        cloudformation = self.stack.client("cloudformation")
        found = cloudformation.describe_stack_resources(StackName=deploy.STACK)["StackResources"]
        self.resources[stage] = {
            one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found
        }
        (described,) = cloudformation.describe_stacks(StackName=deploy.STACK)["Stacks"]
        self.outputs[stage] = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
        self.answers[stage] = self.stack.vend("payments-publisher", pull=["payments/api"])
        if reaches(self.stack, self.old_token or self.answers[stage], "payments/api"):
            self.pulled.append(stage)
        table = self.outputs[stage]["LedgerTableName"]
        pages = self.stack.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        self.records[stage] = {
            (item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]
        }


def reaches(stack: Stack, answer: dict[str, Any], repository: str) -> bool:
    """Say whether a token lets its holder see a repository, in which there may be no image."""
    try:
        stack.with_token(answer).pull(repository, "none")
    except Refused as refusal:
        return refusal.status == 404
    return True


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgrade]:
    if is_shallow():
        pytest.skip("the clone is shallow: git fetch --unshallow --tags brings the release before")
    old = checked_out(previous_release(), tmp_path_factory.mktemp("previous"))
    bundle = bundle_of(old)
    versions = {
        "new": (ROOT / "template.yaml", build("host")),
        "back": (old / "template.yaml", bundle),
    }
    previous: list[Path] = [old / "template.yaml", bundle, old / "local/policy.yaml"]
    options = ("--template", "--bundle", "--policy")
    arguments = [str(part) for pair in zip(options, previous, strict=True) for part in pair]
    with running(*arguments) as stack:
        seen = Upgrade(stack)
        seen.look("old")
        seen.old_token = seen.answers["old"]
        keys = stack.administrator
        signer = Signer(stack.about["url"], keys.access_key, keys.secret_key)
        for stage, (template, code) in versions.items():
            deploy.update(signer, template, code, parameters={}, say=print)
            seen.look(stage)
        yield seen


@pytest.mark.parametrize("stage", ["old", "new", "back"])
def test_a_vend_works_at_every_stage_with_the_policy_that_was_published(
    upgrade: Upgrade, stage: str
) -> None:
    answer = upgrade.answers[stage]
    assert answer["scope"] == {"pull": ["payments/api"]}
    assert answer["policy_revision"] == upgrade.answers["old"]["policy_revision"]
    assert reaches(upgrade.stack, answer, "payments/api")
    assert not reaches(upgrade.stack, answer, "search/indexer")


def test_the_upgrade_takes_place(upgrade: Upgrade) -> None:
    added = upgrade.resources["new"].keys() - upgrade.resources["old"].keys()
    assert "ProberFunction" in added or previous_release().startswith("v")


def test_a_token_goes_on_working_through_the_upgrade_and_the_way_back(upgrade: Upgrade) -> None:
    assert upgrade.pulled == ["old", "new", "back"]


@pytest.mark.parametrize("stage", ["new", "back"])
def test_no_record_is_lost_or_changed(upgrade: Upgrade, stage: str) -> None:
    assert upgrade.records["old"].items() <= upgrade.records[stage].items()
    assert len(upgrade.records[stage]) > len(upgrade.records["old"])


@pytest.mark.parametrize("stage", ["new", "back"])
def test_what_others_have_written_down_keeps_its_name(upgrade: Upgrade, stage: str) -> None:
    names = [(logical, upgrade.resources["old"][logical]) for logical in KEPT]
    assert [(logical, upgrade.resources[stage].get(logical)) for logical in KEPT] == names


def test_every_output_is_still_there(upgrade: Upgrade) -> None:
    old, new = upgrade.outputs["old"], upgrade.outputs["new"]
    assert old.keys() <= new.keys()
    assert new["Endpoint"] == old["Endpoint"]

"""docs/ci.md shows what exists."""

from __future__ import annotations

import re

import yaml

from ecr_vend import __version__
from tests.client.machine import ROOT
from tests.integration.ci.github_runner import definition

PAGE = (ROOT / "docs/ci.md").read_text()


def test_the_example_workflow_gives_the_action_inputs_that_it_has() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    job = yaml.safe_load(text)["jobs"]["image"]
    assert job["permissions"]["id-token"] == "write"
    (ours,) = [step for step in job["steps"] if "ecr-vend/" in step.get("uses", "")]
    assert ours["uses"] == f"ecr-vend/ecr-vend/client/ci/github@v{__version__}"
    declared = definition()["inputs"]
    assert set(ours["with"]) <= set(declared)
    assert {name for name, about in declared.items() if about.get("required")} <= set(ours["with"])
    used = re.findall(r"steps\.ecr\.outputs\.([\w-]+)", text)
    assert set(used) <= set(definition()["outputs"])


def test_every_recipe_is_on_the_page() -> None:
    linked = {path.split("/")[0] for path in re.findall(r"\(\.\./client/ci/([^)]+)\)", PAGE)}
    assert linked == {path.name for path in (ROOT / "client/ci").iterdir()}

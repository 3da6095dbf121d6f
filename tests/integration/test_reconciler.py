"""The reconciler in AWS's own runtime: its calls, its log and its metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.fakes import PASSWORD, POLICY
from tests.integration.fake_aws import FakeAws, fake_aws
from tests.integration.runtime_api import running, runtime_python
from tests.metric_lines import metrics_of
from tests.unit.reconciling.test_shapes import TRAIL
from tools.artefacts.bundle import build

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {
    "RECONCILE_LEDGER_TABLE": "ledger",
    "RECONCILE_API_LOG": "access",
    "RECONCILE_FUNCTION_LOG": "vend",
    "RECONCILE_TRAIL_LOG": "trail",
    "POWERTOOLS_SERVICE_NAME": "ecr-vend",
}


def reconciled(bundle: Path, aws: FakeAws, log: Path) -> tuple[dict[str, Any], list[Any]]:
    """Run the reconciler once and return its answer and the lines of its log."""
    settings = SETTINGS | {"AWS_ENDPOINT_URL": aws.endpoint}
    with running(bundle, "handlers.reconciler.handler", log, settings) as function:
        answer = function.invoke({}, timeout=300)
        lines = [json.loads(line) for line in function.log_lines()]
    assert not answer.failed, answer.payload
    found: dict[str, Any] = answer.payload
    return found, lines


def metrics(lines: list[Any]) -> dict[str, Any]:
    """Return the value of each metric that a log holds, of the stack as a whole."""
    found = {}
    for line in (one for one in lines if "_aws" in one):
        for name, dimensions in metrics_of(line):
            assert dimensions == {("service", "ecr-vend")}
            found[name] = line[name]
    return found


def test_a_run_counts_what_is_new_and_logs_its_kind(tmp_path_factory: Any, tmp_path: Path) -> None:
    runtime_python()
    bundle = build("host", tmp_path_factory.mktemp("bundle") / "host")
    with fake_aws(POLICY, PASSWORD) as aws:
        aws.logs["trail"] = [json.dumps(TRAIL["AssumeRole"])]
        first, lines = reconciled(bundle, aws, tmp_path / "one")
        again, quiet = reconciled(bundle, aws, tmp_path / "two")
        operations = set(aws.operations())
    counted = metrics(lines)
    assert counted["Findings"] == 1
    # It looks at what is 20 minutes old and older.
    assert 1200 <= counted["ReconciledAge"] < 1260
    assert first["new"] == {"borrowed_name": 1}
    assert [line["kind"] for line in lines if line.get("message") == "finding"] == ["borrowed_name"]
    assert again["new"] == {}
    assert metrics(quiet)["Findings"] == 0
    assert operations == {"Query", "FilterLogEvents", "PutItem"}

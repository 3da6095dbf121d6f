"""The reconciler in AWS's own runtime: its calls, its log and its metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.fakes import PASSWORD, POLICY
from tests.integration.fake_aws import FakeAws, fake_aws
from tests.integration.runtime_api import running, runtime_python
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
    "POWERTOOLS_METRICS_NAMESPACE": "ecr-vend",
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


def metrics(lines: list[Any]) -> dict[str, tuple[list[float], dict[str, str]]]:
    """Return each metric that a log holds, with its dimensions, by name and kind."""
    found = {}
    for line in (one for one in lines if "_aws" in one):
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        dimensions = {name: line[name] for name in directive["Dimensions"][0]}
        for metric in directive["Metrics"]:
            name = f"{metric['Name']} {dimensions.get('kind', '')}".strip()
            found[name] = (line[metric["Name"]], dimensions)
    return found


def test_a_run_counts_what_is_new_by_kind_and_in_all(tmp_path_factory: Any, tmp_path: Path) -> None:
    runtime_python()
    bundle = build("host", tmp_path_factory.mktemp("bundle") / "host")
    with fake_aws(POLICY, PASSWORD) as aws:
        aws.logs["trail"] = [json.dumps(TRAIL["AssumeRole"])]
        first, lines = reconciled(bundle, aws, tmp_path / "one")
        again, quiet = reconciled(bundle, aws, tmp_path / "two")
        operations = set(aws.operations())
    service = {"service": "ecr-vend"}
    counted = metrics(lines)
    assert counted["Findings"] == ([1.0], service)
    assert counted["Findings unrecorded_call"] == ([1.0], service | {"kind": "unrecorded_call"})
    # It looks at what is 20 minutes old and older.
    ((age,), dimensions) = counted["ReconciledAge"]
    assert dimensions == service
    assert 1200 <= age < 1260
    assert first["new"] == {"unrecorded_call": 1}
    assert [line["kind"] for line in lines if line.get("message") == "finding"] == [
        "unrecorded_call"
    ]
    assert again["new"] == {}
    assert metrics(quiet)["Findings"] == ([0.0], service)
    assert operations == {"Query", "FilterLogEvents", "PutItem"}

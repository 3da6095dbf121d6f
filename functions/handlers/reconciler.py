"""The reconciler: once an hour, what the ledger, the API's log and CloudTrail do not agree on."""

from __future__ import annotations

from handlers import startup  # isort: skip

import os
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import botocore.session
from aws_lambda_powertools import Logger
from botocore.config import Config

from handlers.measures import Measures
from reconciling.reconciler import Reconciler
from reconciling.sources import CloudWatchLogs, LedgerRecords

if TYPE_CHECKING:
    from reconciling.reconciler import Report

logger = Logger()

session: Any = botocore.session.Session()
# Nobody waits for it, and a page of a log that is searched for little can take its time.
patience = Config(
    connect_timeout=2, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4}
)


def client(service: str) -> Any:
    """Return a client of an AWS service."""
    return session.create_client(service, config=patience)


def clock() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


def handler(_: object, context: Any) -> dict[str, Any]:
    """Look at what has settled since the last run, and count what is new."""
    groups = {
        name: os.environ[f"RECONCILE_{name.upper()}_LOG"] for name in ("api", "function", "trail")
    }
    records = LedgerRecords(client("dynamodb"), os.environ["RECONCILE_LEDGER_TABLE"])
    logs = CloudWatchLogs(client("logs"), groups)
    report = Reconciler(records, logs, clock).run(
        lambda: context.get_remaining_time_in_millis() / 1000
    )
    told(report, clock())
    by_kind = Counter(one.kind for one in report.new)
    return {"until": report.until.isoformat(), "new": dict(by_kind)}


def told(report: Report, now: datetime) -> None:
    """Log what is new, and measure how much it is and how far behind the run was."""
    for one in report.new:
        logger.error("finding", kind=one.kind, subject=one.subject, evidence=dict(one.evidence))
    measures = Measures()
    measures.set("Findings", len(report.new))
    measures.set("ReconciledAge", (now - report.until).total_seconds())
    measures.flush()


startup.ready()

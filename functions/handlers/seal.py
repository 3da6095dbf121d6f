"""The sealing function: once an hour, what arrived is named in a signed manifest."""

from __future__ import annotations

from handlers import startup  # isort: skip

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import botocore.session
from aws_lambda_powertools import Logger
from botocore.config import Config

from archiving.bucket import S3Bucket
from archiving.names import FORM
from archiving.sealing import Sealer
from archiving.seals import KmsSigner, SnsWitness
from handlers.measures import Measures

if TYPE_CHECKING:
    from archiving.sealing import Report

MOST_LINES = 100
"""Findings of one hour that have a line each. The others are in the manifest, and counted."""

logger = Logger()

session: Any = botocore.session.Session()
# Nobody waits for it; an object may be some ten megabytes.
patience = Config(
    connect_timeout=2, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4}
)


class Untold(Exception):
    """The witnesses were not told. Lambda runs the function again, and then they are."""


def client(service: str) -> Any:
    """Return a client of an AWS service."""
    return session.create_client(service, config=patience)


def clock() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


def handler(_: object, context: Any) -> dict[str, Any]:
    """Seal every hour that is over.

    Raises:
        Untold: All is sealed, and nobody was told.
    """
    sealer = Sealer(
        S3Bucket(client("s3"), os.environ["ARCHIVE_BUCKET"]),
        KmsSigner(client("kms"), os.environ["ARCHIVE_KEY"]),
        SnsWitness(client("sns"), os.environ["ARCHIVE_TOPIC"]),
        clock,
        os.environ["ARCHIVE_LEDGER"],
    )
    report = sealer.run(lambda: context.get_remaining_time_in_millis() / 1000)
    told(report)
    if not report.published:
        raise Untold
    return {"sealed": len(report.sealed), "behind": report.behind}


def told(report: Report) -> None:
    """Log each hour and what was found, and measure how far behind the seals are."""
    for one in report.sealed:
        about = {"hour": f"{one.manifest.hour:{FORM}}", "sha256": one.manifest.sha256}
        logger.info("sealed", extra={**about, "records": one.lines, "batches": one.batches})
        for finding in one.new[:MOST_LINES]:
            logger.error("finding", extra=dict(finding))
    measures = Measures()
    measures.set("SealedHours", len(report.sealed))
    measures.set("SealedRecords", sum(one.lines for one in report.sealed))
    measures.set("ArchiveFindings", sum(len(one.new) for one in report.sealed))
    if report.behind is not None:
        measures.set("SealedAge", report.behind)
    measures.flush()


startup.ready()

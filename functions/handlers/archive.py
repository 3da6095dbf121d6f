"""The archiving function: what the ledger's stream says becomes an object that stays as it is."""

from __future__ import annotations

from handlers import startup  # isort: skip

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from aws_lambda_powertools import Logger
from botocore.config import Config

from archiving.batch import batch_of, streamed
from archiving.bucket import Lock, S3Bucket
from handlers.measures import Measures

if TYPE_CHECKING:
    from archiving.batch import Batch

MOST_LINES = 100
"""Findings of one call that have a line each. The others are in the batch, and counted."""

logger = Logger()

session: Any = botocore.session.Session()
# The stream waits, for a day.
patience = Config(
    connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4}
)


def clock() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


@cache
def archive() -> S3Bucket:
    """Return the archive's bucket, where batches are locked for their own time."""
    return S3Bucket(
        session.create_client("s3", config=patience),
        os.environ["ARCHIVE_BUCKET"],
        Lock(os.environ["ARCHIVE_MODE"], int(os.environ["ARCHIVE_BATCH_DAYS"]), clock),
    )


def handler(event: dict[str, Any], _: object) -> dict[str, str]:
    """Write what came. An error leaves it in the stream, and it comes again."""
    batch = batch_of([streamed(record) for record in event["Records"]], clock())
    archive().put(batch.key, batch.body)
    told(batch)
    return {"key": batch.key}


def told(batch: Batch) -> None:
    """Log what is wrong, and measure how much came and how much of it is wrong."""
    for one in batch.findings[:MOST_LINES]:
        logger.error("finding", extra=dict(one))
    measures = Measures()
    measures.set("ArchivedRecords", batch.records)
    measures.set("ArchiveFindings", len(batch.findings))
    measures.flush()


startup.ready()

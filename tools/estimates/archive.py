"""What the archive costs: with the vends, each month that it is kept, and each month anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Part = tuple[str, str, float]
"""What it is for, the price's name, and how many of its unit."""

HOURS = 730
"""Of a month."""

GB = 1_000_000_000
ARCHIVING, SEALING = 512, 1024
"""Memory of the two functions in MB, as in the template: a test holds it."""


def with_vends(taken: Mapping[str, float], records: float) -> Iterator[Part]:
    """Yield what grows with the records that are archived."""
    seconds = records * taken["archive_record_seconds"]
    yield "The archive's functions", "lambda_gb_second", seconds * (ARCHIVING + SEALING) / 1024


def kept(taken: Mapping[str, float], size: float) -> Iterator[Part]:
    """Yield what keeping it costs each month, of records with `size` bytes."""
    yield "The archive", "s3_stored", size * taken["archive_ratio"] / GB


def standing(taken: Mapping[str, float]) -> Iterator[Part]:
    """Yield what it costs each month, however little is vended."""
    batches = HOURS * taken["batches_per_hour"]
    # For each hour: the objects, manifest and signature, and the lists of versions. What was sealed
    # in the day before is read again with its signatures, which are verified.
    yield "The archive's writes and lists", "s3_write", batches + HOURS * (5 + 36)
    yield "The archive's reads", "s3_read", batches + HOURS * 2 * 24
    yield "Its manifests, signed and verified", "kms_asymmetric", HOURS * (1 + 24)
    yield "Its witnesses, told", "sns_publish", HOURS
    yield "Its functions' requests", "lambda_request", batches + HOURS
    yield "Its sealing", "lambda_gb_second", HOURS * taken["seal_seconds"] * SEALING / 1024

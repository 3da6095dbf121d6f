"""How fast `ecr-vend audit verify` reads a real hour of the archive, and what memory it takes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from archiving.sealing import Sealer
from auditing.table import plain
from tests.archived import RsaSigner, public_pem
from tests.bench.year import START, Year
from tests.fake_archive import LEDGER, FakeBucket, FakeWitness, put_batch, stream_record
from tools.environments import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

RATES = (1, 4)
# Not the child's rusage: Linux counts there what the parent held when it started the child.
PROGRAM = """
import os, pathlib, sys
from ecr_vend.command_line import run
from ecr_vend.console import Console
code = run(sys.argv[1:], Console(sys.stdin, sys.stdout, sys.stderr, os.environ))
sys.stderr.write(pathlib.Path("/proc/self/status").read_text())
sys.exit(code)
"""
BATCH = 100
"""Records that the archiving function is given at once, in this measurement."""


@dataclass(frozen=True, slots=True)
class Hour:
    """A verified hour.

    Attributes:
        rate: Vends a second in it.
        records: Items of the ledger, with the pointers.
        size: Bytes of the copy.
        seconds: The command's, its start included.
        memory: Its most, bytes.
    """

    rate: int
    records: int
    size: int
    seconds: float
    memory: int


def hour_of(rate: int, folder: Path) -> Hour:
    """Record an hour's vends, seal them and verify the copy."""
    year, bucket = Year(rate), FakeBucket()
    items = [
        plain({"M": one}) for number in range(3600 * rate) for one in year.records(number).values()
    ]
    for start in range(0, len(items), BATCH):
        part = items[start : start + BATCH]
        arrived = START + timedelta(hours=start / len(items))
        put_batch(
            bucket, arrived, [stream_record(one, start + at) for at, one in enumerate(part, 1000)]
        )
    now = START + timedelta(hours=1, minutes=10)
    Sealer(bucket, RsaSigner(), FakeWitness(), lambda: now, LEDGER).run(lambda: 1e9)
    copy = folder / f"copy-{rate}"
    for name, versions in bucket.held.items():
        file, body = copy / name, versions[0][1]
        if body is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
    key = folder / "key.pem"
    key.write_bytes(public_pem())
    seconds, memory = min(verified(copy, key) for _ in range(3))
    size = sum(file.stat().st_size for file in copy.rglob("*") if file.is_file())
    return Hour(rate, len(items), size, seconds, memory)


def verified(copy: Path, key: Path) -> tuple[float, int]:
    """Return the seconds that the command took, its start included, and its most memory, bytes."""
    arguments = ["audit", "verify", "--archive", str(copy), "--key", str(key)]
    began = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "client/src")},
        check=False,
    )
    seconds = time.perf_counter() - began
    if run.returncode:
        raise ValueError(f"the hour does not verify: {run.stdout}{run.stderr}")
    return seconds, int(re.findall(r"VmHWM:\s+(\d+) kB", run.stderr)[0]) * 1024


def lines(folder: Path) -> Iterator[str]:
    """Yield what was measured, and what it comes to for a day."""
    small, large = (hour_of(rate, folder) for rate in RATES)
    for one in (small, large):
        yield (
            f"verify of an hour at {one.rate} vends/s: {one.records:,} records, "
            f"{one.size / 1e6:.1f} MB, {one.seconds:.1f} s, {one.memory / 1e6:.0f} MB of memory"
        )
    more = large.records - small.records
    each = (large.seconds - small.seconds) / more
    held = (large.memory - small.memory) / more
    per_vend = large.records / (3600 * large.rate)
    yield f"that is {1 / each:,.0f} records a second, and {held:,.0f} bytes for each of an hour"
    for rate in (1, 10, 100):
        records = 3600 * rate * per_vend
        memory = max(small.memory, small.memory + (records - small.records) * held)
        yield (
            f"extrapolated, a day at {rate} vends/s: {24 * records:,.0f} records, "
            f"{24 * records * each / 60:,.1f} min, {memory / 1e9:,.2f} GB of memory at most, "
            f"{24 * records * large.size / large.records / 1e9:,.2f} GB to copy"
        )

"""`make archive-bench`: how long archiving and sealing one busy hour take, and how much they hold.

The bucket is in memory and is counted apart; the records are made up, in the shapes of the ledger.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from archiving.batch import batch_of, streamed
from archiving.names import HOUR, start_of_hour
from archiving.sealing import Sealer
from tests.fake_archive import LEDGER, FakeBucket, FakeSigner, FakeWitness, stream_record
from vending.vend_ids import new_vend_id

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 10_000
"""Records of one call, as in the template."""

ARN = "arn:aws:sts::111122223333:assumed-role/payments-ci/run-1"
CALLER = "aws:111122223333:AROA3XFRBF535EXAMPLE1"


def records(hour: datetime, vends: int) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Yield the four records of each vend of an hour, and when it was asked for."""
    for number in range(vends):
        at = hour + number * HOUR / vends
        vend_id = new_vend_id(at)
        common = {"vend_id": vend_id, "attempt": vend_id[2:18], "schema": 1, "service_version": "1"}
        intent = {
            "caller": {"arn": ARN, "session": vend_id, "principal_id": CALLER[17:]},
            "caller_key": CALLER,
            "session_policy": json.dumps({"Statement": [{"Sid": vend_id * 8}] * 3}),
            "user_agent": "ecr-vend/1.0.0 botocore/1.43.106 python/3.13",
            "policy_revision": "9" * 64,
        }
        for pk, sk, more in (
            (f"vend#{vend_id}", "1#intent", intent),
            (f"repository#payments/api#{hour:%Y-%m}", vend_id, {"caller": CALLER}),
            (f"grant#payments-ci#{hour:%Y-%m}", vend_id, {"caller": CALLER}),
            (f"vend#{vend_id}", "2#outcome", {"outcome": "issued", "token_mac": vend_id * 2}),
        ):
            yield at, {"pk": pk, "sk": sk, **common, **more}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="make archive-bench", description=__doc__)
    parser.add_argument("--vends", type=int, default=36_000, help="of the hour; 36,000 are 10/s")
    vends = parser.parse_args().vends
    hour = start_of_hour(datetime.now(UTC)) - HOUR
    bucket, held, count, seconds = FakeBucket(), [], 0, 0.0
    for at, record in records(hour, vends):
        count += 1
        held.append(stream_record(record, count))
        if len(held) == BATCH or count == 4 * vends:
            began = time.process_time()
            batch = batch_of([streamed(one) for one in held], at)
            seconds += time.process_time() - began
            bucket.put(batch.key, batch.body)
            held = []
    archived = sum(len(body or b"") for [(_, body)] in bucket.held.values())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    now = hour + HOUR + timedelta(minutes=10)
    Sealer(bucket, FakeSigner(), FakeWitness(), lambda: now, LEDGER).run(lambda: 1e9)
    sealing = time.process_time() - began
    objects = bucket.manifest(hour)["objects"]
    sealed = sum(one["bytes"] for one in objects)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{vends:,} vends of an hour, {count:,} records, {count // BATCH + 1} batches")
    print(f"archiving: {seconds:.0f} s of one processor, {seconds / count * 1e6:.0f} µs a record")
    print(f"sealing:   {sealing:.0f} s of one processor, {sealing / count * 1e6:.0f} µs a record")
    print(f"held at most: {after / 1024:.0f} MB, of which {archived / 1e6:.0f} MB are the bucket")
    print(f"more than while archiving: {(after - before) / 1024:.0f} MB")
    print(f"sealed: {sealed / 1e6:.1f} MB in {len(objects)} objects")


if __name__ == "__main__":
    main()

"""Every hour is sealed once, in order, whatever is lost, repeated, late or tampered with."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiving.names import HOUR, digest_of
from archiving.sealing import ENOUGH, Occupied, Report, Sealer
from tests.fake_archive import (
    KEY,
    LEDGER,
    Crash,
    FakeBucket,
    FakeSigner,
    FakeWitness,
    put_batch,
    stream_record,
)
from vending.vend_ids import written

H20 = datetime(2026, 11, 23, 20, tzinfo=UTC)
H21 = H20 + HOUR


def vend(at: datetime, number: int = 0, **more: Any) -> dict[str, Any]:
    """Return an intent."""
    vend_id = written(at, number)
    return {"pk": f"vend#{vend_id}", "sk": "1#intent", "vend_id": vend_id, **more}


@dataclass
class World:
    """An archive and a sealer.

    Attributes:
        now: The time.
    """

    now: datetime = H21 + timedelta(minutes=10)
    bucket: FakeBucket = field(default_factory=FakeBucket)
    signer: FakeSigner = field(default_factory=FakeSigner)
    witness: FakeWitness = field(default_factory=FakeWitness)
    full: int = 10_000
    _sequence: Any = field(default_factory=lambda: count(1000))

    def arrive(self, at: datetime, *records: dict[str, Any], event: str = "INSERT") -> str:
        """Let the archiving function be called."""
        streamed = [stream_record(one, next(self._sequence), event=event) for one in records]
        return put_batch(self.bucket, at, streamed)

    def seal(self, left: float = math.inf) -> Report:
        """Run the sealer."""
        sealer = Sealer(
            self.bucket,
            self.signer,
            self.witness,
            lambda: self.now,
            LEDGER,
            run_size=200,
            full=self.full,
        )
        return sealer.run(lambda: left)


@pytest.fixture
def world() -> World:
    return World()


def hours_of(report: Report) -> list[int]:
    return [one.manifest.hour.hour for one in report.sealed]


def test_an_hour_becomes_sorted_records_and_a_signed_manifest_that_names_them(world: World) -> None:
    first, second = vend(H20 + timedelta(minutes=1)), vend(H20 + timedelta(minutes=2))
    served = {"pk": "policy-served#2026-11", "sk": "2026-11-23T20#1"}
    batches = [world.arrive(H20 + timedelta(minutes=3), second, served, first)]
    report = world.seal()
    manifest = world.bucket.manifest(H20)
    (named,) = manifest["objects"]
    body = world.bucket.read(named["key"], named["version_id"])
    lines = [json.loads(line) for line in gzip.decompress(body).splitlines()]
    assert lines == [served, first, second]
    assert named == {
        "kind": "records",
        "key": f"records/2026/11/23/20/000-{digest_of(body)[:16]}.jsonl.gz",
        "version_id": named["version_id"],
        "sha256": digest_of(body),
        "bytes": len(body),
        "lines": 3,
        "hours": ["2026-11-23T20", "2026-11-23T20"],
        "first": ["", served["pk"], served["sk"]],
        "last": [second["vend_id"], second["pk"], "1#intent"],
    }
    (batch,) = manifest["batches"]
    assert batch["key"] == batches[0]
    assert batch["sha256"] == digest_of(world.bucket.read(batch["key"], batch["version_id"]))
    assert manifest | {"objects": [], "batches": []} == {
        "schema": 1,
        "ledger": LEDGER,
        "hour": "2026-11-23T20",
        "sealed_at": "2026-11-23T21:10:00.000Z",
        "previous": None,
        "objects": [],
        "batches": [],
        "findings": [],
        "findings_total": 0,
        "key_id": KEY,
    }
    stored = world.bucket.held["manifests/2026/11/23/20.json"][0][1] or b""
    signature = world.bucket.held[f"manifests/2026/11/23/20.{digest_of(stored)}.sig"][0][1]
    assert signature == world.signer.sign(digest_of(stored))
    assert world.witness.told == [("2026-11-23T20", digest_of(stored))]
    assert report.behind == 600
    assert report.published


def test_manifests_are_chained_and_an_empty_hour_has_one(world: World) -> None:
    world.arrive(H20, vend(H20))
    world.now = H20 + timedelta(hours=4, minutes=6)
    assert hours_of(world.seal()) == [20, 21, 22, 23]
    for hour in (H21, H21 + HOUR, H21 + 2 * HOUR):
        before = world.bucket.held[f"manifests/2026/11/23/{hour - HOUR:%H}.json"][0]
        manifest = world.bucket.manifest(hour)
        assert manifest["objects"] == manifest["batches"] == []
        assert manifest["previous"] == {
            "key": f"manifests/2026/11/23/{hour - HOUR:%H}.json",
            "version_id": before[0],
            "sha256": digest_of(before[1] or b""),
        }


def test_an_archive_begins_with_its_oldest_batch_or_the_last_hour(world: World) -> None:
    world.now = H20 + timedelta(hours=30, minutes=10)
    assert hours_of(world.seal()) == [1]
    other = World(now=H20 + timedelta(hours=30, minutes=10))
    other.arrive(H20, vend(H20))
    assert len(other.seal().sealed) == 30


def test_an_hour_is_left_alone_until_it_has_settled(world: World) -> None:
    world.arrive(H20, vend(H20))
    world.now = H21 + timedelta(minutes=4, seconds=59)
    assert hours_of(world.seal()) == [19]
    world.now = H21 + timedelta(minutes=5)
    assert hours_of(world.seal()) == [20]


def test_a_run_that_is_short_of_time_leaves_the_rest_to_the_next(world: World) -> None:
    world.arrive(H20, vend(H20))
    assert hours_of(world.seal(left=ENOUGH - 1)) == []
    assert world.bucket.puts == [next(iter(world.bucket.held))]
    assert hours_of(world.seal()) == [20]


def test_months_and_years_are_caught_up_over(world: World) -> None:
    world.now = datetime(2026, 12, 31, 22, 10, tzinfo=UTC)
    world.seal()
    world.now = datetime(2027, 1, 1, 2, 10, tzinfo=UTC)
    assert hours_of(world.seal()) == [22, 23, 0, 1]
    world.now = datetime(2027, 1, 3, 2, 10, tzinfo=UTC)
    assert len(world.seal().sealed) == 2 * 24


def test_what_is_late_is_sealed_in_the_next_hour_and_says_so(world: World) -> None:
    early, own = vend(H20 - timedelta(hours=3)), vend(H20)
    late = vend(H20 - timedelta(milliseconds=1))
    world.arrive(H20, late, own, early)
    assert world.seal().sealed[-1].lines == 3
    records, lates = world.bucket.manifest(H20)["objects"]
    assert (records["kind"], records["lines"]) == ("records", 1)
    assert (lates["kind"], lates["lines"]) == ("late", 2)
    assert lates["hours"] == ["2026-11-23T17", "2026-11-23T19"]
    assert [json.loads(line) for line in world.bucket.lines("late/2026/11/23/20/")] == [early, late]


def test_a_batch_that_came_after_its_seal_is_sealed_in_the_next_hour(world: World) -> None:
    world.arrive(H20, vend(H20))
    world.seal()
    straggler = world.arrive(H20 + timedelta(minutes=59), vend(H20, 1))
    world.now += HOUR
    world.seal()
    manifest = world.bucket.manifest(H21)
    assert [one["key"] for one in manifest["batches"]] == [straggler]
    assert [one["kind"] for one in manifest["objects"]] == ["late"]
    world.now += HOUR
    world.seal()
    assert world.bucket.manifest(H21 + HOUR)["batches"] == []


def test_copies_of_a_record_are_one_line_whatever_the_batches(world: World) -> None:
    one, two, three = (stream_record(vend(H20, number), number) for number in (1, 2, 3))
    for batch in ([one, two], [one], [two, three], [one, two, three]):
        put_batch(world.bucket, H20, batch)
    world.seal()
    assert len(world.bucket.lines("records/")) == 3
    assert len(world.bucket.manifest(H20)["batches"]) == 4
    assert world.bucket.manifest(H20)["findings"] == []


def test_a_second_run_seals_nothing_and_writes_nothing(world: World) -> None:
    world.arrive(H20, vend(H20))
    world.seal()
    puts = len(world.bucket.puts)
    assert hours_of(world.seal()) == []
    assert len(world.bucket.puts) == puts
    # It cannot know whether the witnesses heard, so that it tells them again.
    assert len(world.witness.told) == 2


def busy(full: int = 300) -> World:
    """Return a world with two hours of records of every kind, in several objects each."""
    world = World(now=H20 + timedelta(hours=2, minutes=10), full=full)
    for hour in (H20, H21):
        world.arrive(hour, *(vend(hour, number) for number in range(5)), vend(hour - HOUR, 9))
        world.arrive(hour, vend(hour, 1, altered=True), event="MODIFY")
    return world


def test_a_seal_that_is_ended_after_any_of_its_writes_is_finished_by_the_next() -> None:
    whole = busy()
    whole.seal()
    batches = 4
    writes = len(whole.bucket.puts) - batches
    assert writes > 10
    for ended in range(1, writes):
        world = busy()
        world.bucket.crash_after = batches + ended - 1
        with pytest.raises(Crash):
            world.seal()
        world.bucket.crash_after = None
        world.now += timedelta(minutes=1)
        world.seal()
        assert world.bucket.sealed() == whole.bucket.sealed()
        assert [len(versions) for versions in world.bucket.held.values()] == [1] * len(
            world.bucket.held
        )
        for hour in (H20, H21):
            assert (
                world.bucket.manifest(hour)["findings"] == whole.bucket.manifest(hour)["findings"]
            )


@pytest.mark.parametrize("over", [1, 2])
def test_of_two_sealers_at_once_one_seals_the_hour_and_both_go_on(over: int) -> None:
    whole = busy()
    whole.seal()
    puts = len(whole.bucket.puts)
    for moment in range(4, puts):
        world = busy()
        quicker = World(H20 + timedelta(hours=over, minutes=11), world.bucket, full=world.full)
        calls = count(4)

        def overtaken(key: str, *, it: World = world, other: World = quicker) -> None:
            if next(calls) == moment:  # noqa: B023 - called within this turn
                it.bucket.before_put = None
                # A batch more than the slower one has read.
                it.arrive(H21 - timedelta(seconds=1), vend(H20, 77))
                other.seal()

        world.bucket.before_put = overtaken
        world.seal()
        world.now += HOUR
        world.seal()
        hours = (H20, H21, H21 + HOUR)
        named = [one["key"] for hour in hours for one in world.bucket.manifest(hour)["batches"]]
        assert len(named) == len(set(named)) == 5
        assert all(len(versions) == 1 for versions in world.bucket.held.values())
        before = world.bucket.manifest(H21)["previous"]["sha256"]
        assert before == digest_of(world.bucket.held["manifests/2026/11/23/20.json"][0][1] or b"")


def test_a_large_hour_is_several_objects_in_one_order() -> None:
    world = busy(full=200)
    world.seal()
    records = [one for one in world.bucket.manifest(H20)["objects"] if one["kind"] == "records"]
    assert [one["key"][22:25] for one in records] == ["000", "001", "002"]
    ids = [json.loads(line)["vend_id"] for line in world.bucket.lines("records/2026/11/23/20/")]
    assert ids == sorted(ids)
    assert all(one["last"] < other["first"] for one, other in pairwise(records))


@given(st.data())
def test_however_records_come_in_batches_the_objects_are_the_same(data: st.DataObject) -> None:
    records = [
        stream_record(vend(H20 - timedelta(minutes=number % 3), number), number)
        for number in range(12)
    ] + [stream_record(vend(H20, 3, altered=True), 99, event="MODIFY")]
    whole = World(full=500)
    put_batch(whole.bucket, H20, records)
    whole.seal()
    mixed = World(full=500)
    order = data.draw(st.permutations(records))
    while order:
        length = data.draw(st.integers(1, len(order)))
        minutes = data.draw(st.integers(0, 59))
        put_batch(mixed.bucket, H20 + timedelta(minutes=minutes), order[:length])
        # What is repeated overlaps with what comes next.
        order = order[max(1, length - data.draw(st.integers(0, 2))) :]
    mixed.seal()
    assert mixed.bucket.sealed() == whole.bucket.sealed()


def test_a_change_and_a_removal_are_in_the_manifest_and_in_objects_of_their_own(
    world: World,
) -> None:
    record = vend(H20)
    world.arrive(H20, record)
    world.arrive(H20, {**record, "scope": "more"}, event="MODIFY")
    world.arrive(H20, record, event="REMOVE")
    report = world.seal()
    manifest = world.bucket.manifest(H20)
    assert [(one["kind"], one["sequence"]) for one in manifest["findings"]] == [
        ("modify", "1001"),
        ("remove", "1002"),
    ]
    assert manifest["findings_total"] == 2
    assert [json.loads(line) for line in world.bucket.lines("records/")] == [record]
    # Of a removal the stream tells the key alone, so that it is sorted as what is of no vend.
    removed, changed = (json.loads(line) for line in world.bucket.lines("changes/"))
    assert changed["record"]["scope"] == "more"
    assert removed["record"] == {"pk": record["pk"], "sk": record["sk"]}
    # The archiving function told of them when they came.
    assert report.sealed[-1].new == ()


def test_two_records_under_one_key_are_both_kept_and_a_finding(world: World) -> None:
    record = vend(H20)
    world.arrive(H20, record)
    world.arrive(H20, record, event="REMOVE")
    world.arrive(H20, {**record, "reason": "another"})
    report = world.seal()
    assert len(world.bucket.lines("records/")) == 2
    differs = {"kind": "differs", "pk": record["pk"], "sk": record["sk"]}
    assert report.sealed[-1].new == (differs,)
    assert differs in world.bucket.manifest(H20)["findings"]


@pytest.mark.parametrize("beginning", ["manifests/", "records/", "late/", "changes/", "batches/"])
def test_what_is_written_over_is_a_finding_once_and_the_first_version_counts(
    beginning: str,
) -> None:
    world = busy()
    world.now = H21 + timedelta(minutes=10)
    world.seal()
    key = next(key for key in world.bucket.held if key.startswith(beginning))
    forged = world.bucket.overwrite(key, b"{}")
    sealed = dict(world.bucket.sealed())
    world.now += HOUR
    finding = {"kind": "version", "key": key, "version_id": forged}
    assert finding in world.seal().sealed[-1].new
    assert finding in world.bucket.manifest(H21)["findings"]
    assert sealed.items() <= world.bucket.sealed().items()
    world.now += 26 * HOUR
    assert [one.new for one in world.seal().sealed] == [()] * 26


def test_a_delete_marker_is_a_finding_once_and_hides_nothing(world: World) -> None:
    world.arrive(H20, vend(H20))
    world.seal()
    keys = [key for key in world.bucket.held if not key.startswith("batches/")]
    assert len(keys) == 3
    markers = {key: world.bucket.overwrite(key, None) for key in keys}
    world.now += HOUR
    report = world.seal()
    assert hours_of(report) == [21]
    assert sorted(report.sealed[0].new, key=lambda one: one["key"]) == [
        {"kind": "delete-marker", "key": key, "version_id": markers[key]} for key in sorted(keys)
    ]
    assert world.bucket.manifest(H21)["previous"]["version_id"].endswith(".json@0")
    world.now += 26 * HOUR
    assert [one.new for one in world.seal().sealed] == [()] * 26


def test_batches_that_the_lifecycle_removed_are_none(world: World) -> None:
    key = world.arrive(H20, vend(H20))
    world.bucket.overwrite(key, None)
    assert world.seal().sealed[-1].new == ()
    assert len(world.bucket.lines("records/")) == 1


def test_a_damaged_batch_is_a_finding_and_what_can_be_read_of_it_is_sealed(world: World) -> None:
    key = world.arrive(H20, vend(H20))
    version, body = world.bucket.held[key][0]
    world.bucket.held[key] = [(version, gzip.compress(gzip.decompress(body or b"") + b"?\n"))]
    report = world.seal()
    assert report.sealed[-1].new == ({"kind": "batch", "key": key, "version_id": version},)
    assert len(world.bucket.lines("records/")) == 1


@pytest.mark.parametrize("forged", [b"{}", b"\xff", b'{"schema":1}'])
def test_a_manifest_without_a_signature_seals_nothing(world: World, forged: bytes) -> None:
    world.now = H20 + timedelta(minutes=10)
    world.seal()
    world.bucket.overwrite("manifests/2026/11/23/20.json", forged)
    batch = world.arrive(H20, vend(H20))
    world.now = H21 + timedelta(minutes=10)
    report = world.seal()
    assert hours_of(report) == []
    assert report.behind == 3600 + 600  # so the alarm rings in time
    world.now += HOUR
    report = world.seal()
    finding = {
        "kind": "manifest",
        "key": "manifests/2026/11/23/20.json",
        "version_id": "manifests/2026/11/23/20.json@0",
    }
    assert report.sealed[0].new == (finding,)
    manifest = world.bucket.manifest(H21)
    assert [one["key"] for one in manifest["batches"]] == [batch]
    assert manifest["previous"]["key"] == "manifests/2026/11/23/19.json"


@pytest.mark.parametrize(
    "change", [{"ledger": "another"}, {"hour": "2026-11-23T18"}, {"schema": 2}]
)
def test_a_signed_manifest_of_something_else_seals_nothing(
    world: World, change: dict[str, Any]
) -> None:
    world.now = H20 + timedelta(minutes=10)
    world.seal()
    said = world.bucket.manifest(H20 - HOUR) | {"hour": "2026-11-23T20"} | change
    body = json.dumps(said).encode()
    world.bucket.overwrite("manifests/2026/11/23/20.json", body)
    signature = world.signer.sign(digest_of(body))
    world.bucket.overwrite(f"manifests/2026/11/23/20.{digest_of(body)}.sig", signature)
    world.now = H21 + HOUR + timedelta(minutes=10)
    assert [one["kind"] for one in world.seal().sealed[0].new] == ["manifest"]


def test_another_key_begins_another_chain(world: World) -> None:
    world.seal()
    world.signer.key_id = "another"
    world.now += HOUR
    world.seal()
    assert world.bucket.manifest(H21)["previous"] is None
    assert [one["kind"] for one in world.bucket.manifest(H21)["findings"]] == ["manifest"]


def test_what_stands_where_an_object_belongs_ends_the_run(world: World) -> None:
    world.arrive(H20, vend(H20))
    other = World()
    other.arrive(H20, vend(H20))
    other.seal()
    key = other.bucket.manifest(H20)["objects"][0]["key"]
    world.bucket.overwrite(key, b"forged")
    with pytest.raises(Occupied):
        world.seal()
    assert "manifests/2026/11/23/20.json" not in world.bucket.held


def test_a_message_that_was_lost_is_sent_by_the_next_run(world: World) -> None:
    world.witness.deaf = 1
    assert not world.seal().published
    assert world.seal().published
    assert [hour for hour, _ in world.witness.told] == ["2026-11-23T20"]

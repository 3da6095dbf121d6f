"""`ecr-vend audit export`, and what it copied held against the ledger: all through the service."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from archiving.names import HOUR, manifest_key
from tests.archived import H20, Archived, public_pem, vend
from tests.client.fake_service import VEND

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

SPAN = ("--from", "2026-11-23T20", "--to", "2026-11-23T22")


class Served:
    """An archive and its ledger, as the service shows them.

    Attributes:
        ledger: Each record by its key, as a line.
        most: Bytes of an object in one answer.
        asked: Keys of objects that were asked for, in order.
    """

    def __init__(self) -> None:
        self.world = Archived()
        self.ledger = {
            (record["pk"], record["sk"]): line
            for kind in ("records/", "late/")
            for line in self.world.bucket.lines(kind)
            for record in [json.loads(line)]
        }
        self.most = 1000
        self.asked: list[str] = []

    def __call__(self, path: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        bucket = self.world.bucket
        if path == "/v1/records":
            keys = [(one["pk"], one["sk"]) for one in asked["keys"]][:3]
            found = [self.ledger[key] for key in keys if key in self.ledger]
            return 200, {"records": found, "asked": len(keys)}
        if path == "/v1/archive/object":
            body = bucket.read(asked["key"], asked["version_id"])
            part = body[int(asked["offset"]) :][: self.most]
            self.asked.append(asked["key"])
            return 200, {"content": base64.b64encode(part).decode()}
        beginning = f"{asked['kind']}/{asked['day'].replace('-', '/')}/"
        versions = [
            {
                "key": one.key,
                "version_id": one.version_id,
                "size": len(dict(bucket.held[one.key])[one.version_id] or b""),
                "marker": one.marker,
            }
            for one in bucket.versions(beginning)
        ]
        half = len(versions) // 2
        if asked.get("after"):
            return 200, {"objects": versions[half:], "next": None}
        return 200, {"objects": versions[:half], "next": "half" if half else None}


@pytest.fixture
def served(service: FakeService) -> Served:
    found = Served()
    service.archive = found
    service.pages = [([], None)]
    return found


@pytest.fixture
def key(tmp_path: Path) -> str:
    (tmp_path / "key.pem").write_bytes(public_pem())
    return str(tmp_path / "key.pem")


def test_what_is_exported_is_whole_and_verifies_offline(
    machine: Machine, served: Served, tmp_path: Path, key: str
) -> None:
    copy = tmp_path / "copy"
    out, err, code = machine.run("audit", "export", "--out", str(copy), *SPAN)
    assert (err, code) == ("", 0)
    assert "objects copied of 3 hours" in out
    out, _, code = machine.run("audit", "verify", "--archive", str(copy), "--key", key, "--json")
    told = json.loads(out)
    assert (code, told["records"], told["hours"], told["problems"]) == (0, 10, 3, [])
    assert {one.partition("/")[0] for one in served.asked} == {"manifests", "records", "late"}


def test_an_export_goes_on_where_it_was_and_takes_batches_where_they_are_wanted(
    machine: Machine, served: Served, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    machine.run("audit", "export", "--out", str(copy), *SPAN)
    served.asked.clear()
    code = machine.run("audit", "export", "--out", str(copy), *SPAN, "--batches")[2]
    assert (code, {one.partition("/")[0] for one in served.asked}) == (0, {"batches"})
    (one,) = (copy / "records/2026/11/23/20").iterdir()
    one.write_bytes(b"cut off")
    served.asked.clear()
    machine.run("audit", "export", "--out", str(copy), *SPAN)
    assert set(served.asked) == {one.relative_to(copy).as_posix()}


@pytest.mark.parametrize(("body", "said"), [(b"{}", "wrote over it"), (None, "hid it")])
def test_an_object_that_was_written_over_or_hidden_is_told_and_its_first_version_kept(
    machine: Machine, served: Served, tmp_path: Path, key: str, *, body: bytes | None, said: str
) -> None:
    served.world.bucket.overwrite(manifest_key(H20), body)
    copy = tmp_path / "copy"
    _, err, code = machine.run("audit", "export", "--out", str(copy), *SPAN)
    assert (code, said in err, manifest_key(H20) in err) == (1, True, True)
    assert machine.run("audit", "verify", "--archive", str(copy), "--key", key)[2] == 0


def test_an_hour_without_a_manifest_is_named(
    machine: Machine, served: Served, tmp_path: Path
) -> None:
    span = ("--from", "2026-11-23T22", "--to", "2026-11-23T23")
    _, err, code = machine.run("audit", "export", "--out", str(tmp_path / "copy"), *span)
    assert (code, err) == (0, "No manifest, not sealed yet or gone: 2026-11-23T23\n")


def test_a_key_that_leads_out_of_the_copy_is_not_followed(
    machine: Machine, served: Served, tmp_path: Path
) -> None:
    bucket = served.world.bucket
    bucket.held["manifests/2026/11/23/20.json/../../../../../../../outside"] = [("v", b"x")]
    machine.run("audit", "export", "--out", str(tmp_path / "in/copy"), *SPAN)
    assert not list(tmp_path.rglob("outside"))


def compare(machine: Machine, copy: Path, key: str) -> tuple[int, dict[str, Any]]:
    words = ("--archive", str(copy), "--key", key, "--ledger", "--json")
    out, _, code = machine.run("audit", "verify", *words)
    return code, json.loads(out)


@pytest.fixture
def copy(served: Served, tmp_path: Path) -> Path:
    return served.world.copy(tmp_path / "copy")


def test_a_ledger_that_is_as_it_was_archived_is_whole(
    machine: Machine, served: Served, service: FakeService, copy: Path, key: str
) -> None:
    code, told = compare(machine, copy, key)
    assert (code, told["problems"], told["compared"]) == (0, [], 10)
    asked = [one for one in service.auditing if one[1] == "/v1/vends"]
    assert [(query["from"], query["to"]) for _, _, query in asked] == [
        ("2026-11-23T20:00:00Z", "2026-11-23T21:00:00Z"),
        ("2026-11-23T21:00:00Z", "2026-11-23T22:00:00Z"),
    ]


def test_a_record_that_the_ledger_has_otherwise_or_not_is_named(
    machine: Machine, served: Served, copy: Path, key: str
) -> None:
    (altered, removed, *_) = sorted(served.ledger)
    served.ledger[altered] = served.ledger[altered].replace('"pk"', '"new":1,"pk"')
    del served.ledger[removed]
    code, told = compare(machine, copy, key)
    assert code == 1
    assert {(one["kind"], one["where"]) for one in told["problems"]} == {
        ("altered", " ".join(altered)),
        ("missing", " ".join(removed)),
    }


def test_a_vend_that_only_the_ledger_has_is_named_and_a_late_one_is_none(
    machine: Machine, served: Served, service: FakeService, copy: Path, key: str
) -> None:
    late = [json.loads(line)["vend_id"] for line in served.world.bucket.lines("late/")]
    service.pages = [([VEND | {"vend_id": late[0]}, VEND], None), ([], None)]
    code, told = compare(machine, copy, key)
    assert (code, [one["where"] for one in told["problems"]]) == (
        1,
        [f"vend#{VEND['vend_id']} 1#intent"],
    )


def test_what_comes_hours_late_is_late_and_not_missing(
    machine: Machine, served: Served, service: FakeService, tmp_path: Path, key: str
) -> None:
    world = served.world
    records = vend(H20 + HOUR / 2, 77)
    at = H20 + 3 * HOUR
    world.arrive(at, *records)
    world.seal(at + HOUR + HOUR / 6)
    for record, line in zip(records, [*world.bucket.lines("late/2026/11/23/23")], strict=True):
        served.ledger[record["pk"], record["sk"]] = line
    service.pages = [([VEND | {"vend_id": records[0]["vend_id"]}], None), ([], None)]
    code, told = compare(machine, world.copy(tmp_path / "later"), key)
    assert (code, told["problems"], told["late"]) == (0, [], 4)


def test_a_service_without_an_archive_is_told_in_a_line(
    machine: Machine, service: FakeService, tmp_path: Path
) -> None:
    service.refuse = (404, {"code": "no_archive", "detail": "This service has no archive."})
    out, err, code = machine.run("audit", "export", "--out", str(tmp_path / "c"), *SPAN)
    assert (out, code, len(err.splitlines())) == ("", 1, 1)
    assert "no_archive" in err


def test_what_is_no_answer_of_the_service_is_said(
    machine: Machine, service: FakeService, tmp_path: Path
) -> None:
    service.archive = lambda _path, _asked: (200, {"objects": [1], "next": None})
    _, err, code = machine.run("audit", "export", "--out", str(tmp_path / "c"), *SPAN)
    assert (code, "no list of the archive" in err) == (1, True)

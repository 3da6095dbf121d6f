"""`ecr-vend audit verify` on archives that the real code sealed, and that were tampered with."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiving.names import HOUR, manifest_key
from tests.archived import H20, OWN, Archived, objects, public_pem, resign, rewrite, vend

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.machine import Machine

MANIFEST = manifest_key(H20)
H21, H22 = H20 + HOUR, H20 + 2 * HOUR


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Archived().copy(tmp_path_factory.mktemp("archive"))


@pytest.fixture
def copy(sealed: Path, tmp_path: Path) -> Path:
    (tmp_path / "key.pem").write_bytes(public_pem())
    shutil.copytree(sealed, tmp_path / "copy")
    return tmp_path / "copy"


def verify(machine: Machine, copy: Path, *words: str) -> tuple[int, dict[str, Any]]:
    given = ("--archive", str(copy), "--key", str(copy.parent / "key.pem"), "--json")
    out, err, code = machine.run("audit", "verify", *given, *words)
    assert err == ""
    return code, json.loads(out)


def problems(machine: Machine, copy: Path, *words: str) -> list[tuple[str, str]]:
    code, told = verify(machine, copy, *words)
    found = [(one["kind"], one["where"]) for one in told["problems"]]
    assert (code, told["verified"]) == ((1, False) if found else (0, True))
    return found


def key_of(copy: Path, file: Path) -> str:
    return file.relative_to(copy).as_posix()


def records_of(number: int) -> tuple[str, str]:
    """Return the keys of the records of the first hour's nth vend."""
    at = H20 + timedelta(minutes=(1, 5, 30)[number])
    intent, outcome = vend(at, number)
    return f"{intent['pk']} {intent['sk']}", f"{outcome['pk']} {outcome['sk']}"


def test_an_archive_that_nobody_touched_is_whole(machine: Machine, copy: Path) -> None:
    code, told = verify(machine, copy)
    assert (code, told["problems"], told["notes"]) == (0, [], [])
    assert (told["hours"], told["records"], told["late"]) == (3, 10, 2)
    assert (told["first"]["hour"], told["last"]["hour"]) == ("2026-11-23T20", "2026-11-23T22")


def test_a_person_reads_that_it_is_whole_and_what_to_compare(machine: Machine, copy: Path) -> None:
    words = ("--archive", str(copy), "--key", str(copy.parent / "key.pem"))
    out, err, code = machine.run("audit", "verify", *words)
    assert (err, code) == ("", 0)
    assert "3 hours with 10 records, 2 of them late" in out
    assert "nothing is missing, altered or added" in out
    _, told = verify(machine, copy)
    assert told["last"]["sha256"] in out


def test_a_missing_manifest_is_named(machine: Machine, copy: Path) -> None:
    (copy / manifest_key(H21)).unlink()
    assert problems(machine, copy) == [("missing", manifest_key(H21))]


def test_a_missing_end_is_found_by_a_witness_and_by_asking_for_it(
    machine: Machine, copy: Path
) -> None:
    _, told = verify(machine, copy)
    last = told["last"]["sha256"]
    (copy / manifest_key(H22)).unlink()
    assert problems(machine, copy) == []
    assert problems(machine, copy, "--witness", last) == [("unwitnessed", last)]
    assert problems(machine, copy, "--to", "2026-11-23T22") == [("missing", manifest_key(H22))]


def test_a_missing_beginning_is_told_and_found_by_asking_for_it(
    machine: Machine, copy: Path
) -> None:
    (copy / MANIFEST).unlink()
    code, told = verify(machine, copy)
    assert (code, "names one before it" in told["notes"][0]) == (0, True)
    assert problems(machine, copy, "--from", "2026-11-23T20") == [("missing", MANIFEST)]


def test_a_missing_object_is_named_and_its_records_by_the_batches(
    machine: Machine, copy: Path
) -> None:
    (one,) = objects(copy)
    one.unlink()
    found = problems(machine, copy)
    assert found[0] == ("missing", key_of(copy, one))
    assert found[1:] == sorted(("missing", where) for n in range(3) for where in records_of(n))


def test_a_record_that_was_altered_is_named(machine: Machine, copy: Path) -> None:
    (one,) = objects(copy)
    rewrite(one, ("reason 1", "reason 9"))
    assert problems(machine, copy) == [
        ("altered", key_of(copy, one)),
        ("altered", records_of(1)[0]),
    ]


def test_a_record_that_was_removed_is_named(machine: Machine, copy: Path) -> None:
    (one,) = objects(copy)
    lines = gzip.decompress(one.read_bytes()).decode().splitlines(keepends=True)
    one.write_bytes(gzip.compress("".join(lines[:2] + lines[3:]).encode()))
    assert problems(machine, copy) == [
        ("altered", key_of(copy, one)),
        ("missing", records_of(1)[0]),
    ]


def test_a_record_that_was_added_is_named(machine: Machine, copy: Path) -> None:
    (one,) = objects(copy)
    (added,) = [
        line
        for line in gzip.decompress(one.read_bytes()).decode().splitlines()
        if "reason 0" in line
    ]
    forged = added.replace("1#intent", "1#intent-forged")
    text = gzip.decompress(one.read_bytes()).decode() + forged + "\n"
    one.write_bytes(gzip.compress(text.encode()))
    (altered, (kind, where)) = problems(machine, copy)
    assert altered == ("altered", key_of(copy, one))
    assert (kind, where) == ("added", f"{records_of(0)[0]}-forged")


def test_without_the_batches_it_is_said_that_records_cannot_be_named(
    machine: Machine, copy: Path
) -> None:
    (one,) = objects(copy)
    rewrite(one, ("reason 1", "reason 9"))
    shutil.rmtree(copy / "batches")
    _, told = verify(machine, copy)
    assert [found["kind"] for found in told["problems"]] == ["altered"]
    assert "cannot be told" in told["notes"][0]


def test_an_object_that_was_added_counts_for_nothing_and_is_told(
    machine: Machine, copy: Path
) -> None:
    (one,) = objects(copy)
    shutil.copy(one, one.with_name("001-0123456789abcdef.jsonl.gz"))
    code, told = verify(machine, copy)
    assert (code, told["records"]) == (0, 10)
    assert "001-0123456789abcdef.jsonl.gz is named by no manifest" in told["notes"][0]


def test_late_records_say_so_and_are_counted(machine: Machine, copy: Path) -> None:
    (one,) = objects(copy, "late", H21)
    one.unlink()
    found = problems(machine, copy)
    assert [kind for kind, _ in found] == ["missing"] * 3
    assert all("vend#v-" in where for _, where in found[1:])


@pytest.mark.parametrize("name", ["other", OWN])
def test_a_manifest_that_somebody_else_signed_or_that_was_made_anew_is_found(
    machine: Machine, copy: Path, name: str
) -> None:
    said = json.loads((copy / MANIFEST).read_text())
    said["objects"] = []
    body = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    resign(copy, H20, body, name)
    found = problems(machine, copy)
    if name == "other":
        assert found == [("unsigned", MANIFEST)]
    else:
        # Whoever has the key can make a manifest, and then must make all that come after it.
        assert found == [("unchained", manifest_key(H21))]


def test_a_manifest_that_was_altered_has_no_signature(machine: Machine, copy: Path) -> None:
    body = (copy / MANIFEST).read_bytes()
    (copy / MANIFEST).write_bytes(body.replace(b'"lines":6', b'"lines":5'))
    assert problems(machine, copy) == [("unsigned", MANIFEST)]


def test_a_manifest_of_another_hour_or_ledger_is_found(machine: Machine, copy: Path) -> None:
    resign(copy, H21, (copy / MANIFEST).read_bytes(), OWN)
    kinds = {kind for kind, where in problems(machine, copy) if where == manifest_key(H21)}
    assert kinds == {"altered", "unchained"}


def test_what_the_service_itself_found_is_a_problem(machine: Machine, tmp_path: Path) -> None:
    world = Archived()
    changed = vend(H22, 9)[0]
    world.arrive(H22 + HOUR, changed, event="MODIFY")
    world.seal(H22 + 2 * HOUR + HOUR / 6)
    copy = world.copy(tmp_path / "copy")
    (tmp_path / "key.pem").write_bytes(public_pem())
    assert problems(machine, copy) == [("found", f"{changed['pk']} {changed['sk']}")]


def test_two_records_of_one_key_are_a_problem_even_when_the_service_signed_both(
    machine: Machine, tmp_path: Path
) -> None:
    world = Archived()
    at = H20 + 3 * HOUR
    one = vend(at, 9)[0]
    world.arrive(at, one)
    world.arrive(at + HOUR, one | {"reason": "another"})
    world.seal(at + 2 * HOUR + HOUR / 6)
    copy = world.copy(tmp_path / "copy")
    (tmp_path / "key.pem").write_bytes(public_pem())
    assert ("altered", f"{one['pk']} {one['sk']}") in problems(machine, copy)


def test_a_run_goes_on_where_the_one_before_ended_and_holds_it_to_the_chain(
    machine: Machine, copy: Path
) -> None:
    state = str(copy.parent / "state.json")
    (copy / manifest_key(H22)).rename(copy / "kept")
    assert verify(machine, copy, "--remember", state)[1]["hours"] == 2
    (copy / "kept").rename(copy / manifest_key(H22))
    _, told = verify(machine, copy, "--remember", state)
    assert (told["hours"], told["first"]["hour"]) == (1, "2026-11-23T22")
    out, err, code = machine.run(
        "audit", "verify", "--archive", str(copy), "--key", str(copy.parent / "key.pem"),
        "--remember", state,
    )  # fmt: skip
    assert (out, code, "nothing to verify" in err) == ("", 0, True)


def test_a_history_that_was_written_anew_does_not_go_on_from_the_remembered_one(
    machine: Machine, copy: Path, tmp_path: Path
) -> None:
    state = str(tmp_path / "state.json")
    (copy / manifest_key(H22)).unlink()
    verify(machine, copy, "--remember", state)
    anew = Archived()
    anew.bucket.held.clear()
    anew.arrive(H20, *vend(H20, 99))
    anew.seal(H20 + 3 * HOUR + HOUR / 6)
    again = anew.copy(tmp_path / "again")
    (tmp_path / "key.pem").write_bytes(public_pem())
    assert problems(machine, again, "--remember", state) == [("unchained", manifest_key(H22))]


@pytest.mark.parametrize(
    "named",
    ["../../../etc/passwd", "records/../../../etc/passwd", "records/2026/11/23/20/..%2f.jsonl.gz"],
)
def test_a_manifest_leads_to_no_file_outside_the_archive(
    machine: Machine, copy: Path, named: str
) -> None:
    said = json.loads((copy / MANIFEST).read_text())
    said["objects"][0]["key"] = named
    body = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    resign(copy, H20, body, OWN)
    assert ("altered", MANIFEST) in problems(machine, copy)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--archive", "nowhere"), "there is no manifest of an hour under nowhere"),
        (("--key", "nowhere.pem"), "nowhere.pem cannot be read: No such file"),
        (("--key", "config"), "config cannot be read"),
        (("--remember", "config"), "config cannot be read: it is no file that --remember"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(
    machine: Machine, copy: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str], said: str
) -> None:
    monkeypatch.chdir(copy.parent)
    (copy.parent / "config").write_text("{}")
    given = {"--archive": str(copy), "--key": str(copy.parent / "key.pem")} | {words[0]: words[1]}
    out, err, code = machine.run(
        "audit", "verify", *(word for pair in given.items() for word in pair)
    )
    assert (out, code, len(err.splitlines())) == ("", 1, 1)
    assert said in err


def test_a_result_is_told_even_where_it_cannot_be_remembered_and_nothing_is_left_behind(
    machine: Machine, copy: Path
) -> None:
    given = ("--archive", str(copy), "--key", str(copy.parent / "key.pem"))
    before = sorted(copy.parent.iterdir())
    out, err, code = machine.run("audit", "verify", *given, "--remember", str(copy))
    assert (code, "cannot be read: Is a directory" in err) == (1, True)
    nowhere = str(copy.parent / "no/such/state.json")
    out, err, code = machine.run("audit", "verify", *given, "--remember", nowhere)
    assert (code, "nothing is missing" in out, "cannot be written" in err) == (1, True, True)
    assert sorted(copy.parent.iterdir()) == before


@pytest.mark.parametrize("words", [("--from", "yesterday"), ("--witness", "abc")])
def test_a_wrong_word_is_a_wrong_command_line(
    machine: Machine, copy: Path, words: tuple[str, str]
) -> None:
    given = ("--archive", str(copy), "--key", str(copy.parent / "key.pem"))
    assert machine.run("audit", "verify", *given, *words)[2] == 2


def test_problems_are_a_table_for_spreadsheets_without_formulas(
    machine: Machine, copy: Path
) -> None:
    (one,) = objects(copy)
    rewrite(one, ("reason 1", "reason 9"))
    words = ("--archive", str(copy), "--key", str(copy.parent / "key.pem"), "--csv")
    out, err, code = machine.run("audit", "verify", *words)
    assert (code, out.splitlines()[0]) == (1, "kind,where,what")
    assert len(out.splitlines()) == 3
    assert "2 problems" in err

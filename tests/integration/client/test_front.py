"""The sh front prints an entry only where it is whole, of this user, and in its time."""

from __future__ import annotations

import operator
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client.fake_service import HOST
from tests.client.mutations import damaged

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.machine import Machine

PYTHON = "PYTHON\n"
WHILE_AGO = 1_700_000_000


@pytest.fixture
def entry(machine: Machine) -> Path:
    """Return an entry that the front prints."""
    machine.settle()
    first = machine.python()
    (found,) = machine.home.rglob("*~*")
    for marker in found.parent.glob("*.0"):
        os.utime(marker, (WHILE_AGO, WHILE_AGO))
    assert machine.front() == first
    return found


def rewrite(entry: Path, content: bytes) -> None:
    """Change an entry's bytes and keep its time."""
    at = entry.stat().st_mtime
    entry.write_bytes(content)
    os.utime(entry, (at, at))


# Not 0: file systems stamp by a clock that lags behind by a tick.
@pytest.mark.parametrize("late", [0.1, 1, 3600])
def test_an_entry_whose_time_is_over_is_not_printed(
    machine: Machine, entry: Path, late: float
) -> None:
    os.utime(entry, (time.time() - late,) * 2)
    assert machine.front() == PYTHON


def test_an_entry_is_over_when_its_token_should_be_renewed(entry: Path) -> None:
    # A quarter of an hour, less a third.
    assert 480 < entry.stat().st_mtime - time.time() <= 600


def test_a_clock_that_went_back_is_no_reason_to_print(machine: Machine, entry: Path) -> None:
    for marker in entry.parent.glob("*.0"):
        os.utime(marker, (time.time() + 100,) * 2)
    assert machine.front() == PYTHON


def test_an_entry_without_its_markers_is_not_printed(machine: Machine, entry: Path) -> None:
    for marker in entry.parent.glob("*.0"):
        marker.unlink()
    assert machine.front() == PYTHON


def test_an_entry_behind_a_link_is_not_printed(machine: Machine, entry: Path) -> None:
    real = entry.rename(entry.with_name("elsewhere"))
    entry.symlink_to(real)
    assert machine.front() == PYTHON


def test_a_folder_behind_a_link_is_not_read(machine: Machine, entry: Path) -> None:
    real = entry.parent.rename(entry.parent.with_name("elsewhere"))
    entry.parent.symlink_to(real)
    assert machine.front() == PYTHON


@pytest.mark.parametrize("what", ["entry", "folder"])
def test_what_another_user_owns_is_not_printed(machine: Machine, entry: Path, what: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(entry if what == "entry" else entry.parent, 12345, 12345)
    assert machine.front() == PYTHON


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes_in_an_entry_are_left_to_python(
    machine: Machine, entry: Path, content: bytes
) -> None:
    rewrite(entry, content)
    assert machine.front() == PYTHON


@pytest.fixture
def two(machine: Machine, entry: Path) -> tuple[bytes, bytes]:
    """Return the bytes of the entry, and of one that differs from it in its token alone."""
    first = entry.read_bytes()
    machine.front()  # from now on its Python says PYTHON alone
    for path in machine.home.rglob("*.token"):
        path.unlink()
    machine.python()
    return first, entry.read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.data())
def test_a_damaged_entry_is_never_printed_in_part_nor_with_a_part_of_another(
    machine: Machine, entry: Path, two: tuple[bytes, bytes], content: st.DataObject
) -> None:
    first, second = two
    damage = content.draw(damaged(first, second) | damaged(second, first))
    rewrite(entry, damage)
    printed = subprocess.run(
        [*machine.command(front=True), "get"],
        env=machine.environ,
        input=HOST.encode(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    if printed == PYTHON.encode():
        return
    damage = damage.replace(b"\0", b"")  # which shells drop, so that one put in is none
    assert damage.split(b"\n")[2] == printed.rstrip(b"\n").partition(b",")[2]
    # A letter in the place of another cannot be told here: the registry refuses the token.
    changed = [sum(map(operator.ne, damage, whole)) for whole in two]
    lengths = [[*map(len, text.split(b"\n"))] for text in (damage, first)]
    assert lengths[0][:4] == lengths[1][:4]
    assert min(changed) <= 20


@pytest.mark.parametrize("end", [-1, -2, -3, -100, -2000, 300, 100, 1, 0])
def test_an_entry_cut_short_is_printed_whole_or_not_at_all(
    machine: Machine, entry: Path, end: int
) -> None:
    whole = machine.front()
    rewrite(entry, entry.read_bytes()[:end])
    assert machine.front() in {PYTHON, whole}
    assert end == -1 or machine.front() == PYTHON


def test_a_files_line_without_a_word_is_left_to_python(machine: Machine, entry: Path) -> None:
    line, _, body = entry.read_bytes().split(b"\n", 2)
    rewrite(entry, b"\n".join([line, b"", body]))
    assert machine.front() == PYTHON


@pytest.mark.parametrize(
    "given_", [f"{HOST}\nsecond line", HOST.upper(), f"{HOST}\r\n", f"x@{HOST}"]
)
def test_what_is_unusual_is_left_to_python(machine: Machine, entry: Path, given_: str) -> None:
    assert machine.front(given_) == PYTHON


@pytest.mark.parametrize(
    "changes",
    [
        {"HOME": None},
        {"XDG_CACHE_HOME": "relative"},
        {"XDG_CONFIG_HOME": "relative"},
        {"ECR_VEND_CACHE_DIR": "relative"},
        {"AWS_PROFILE": "a/../b"},
        {"AWS_ROLE_ARN": "é"},
        {"MESSAGE": "a word of AWS_PROFILE"},
    ],
)
def test_an_environment_that_is_unusual_is_left_to_python(
    machine: Machine, entry: Path, changes: dict[str, str | None]
) -> None:
    assert machine.front(**changes) == PYTHON


CONFIGS = {"user's": ".config/ecr-vend/config.toml", "system's": "etc/config.toml"}


@pytest.mark.parametrize("file", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("kind", ["file", "link"])
def test_another_registry_is_unknown_at_once_unless_a_configuration_may_name_it(
    machine: Machine, file: str, kind: str
) -> None:
    asked = "images.example.com"
    assert machine.front(asked) == "credentials not found in native keychain\n"
    config = machine.home / file
    config.parent.mkdir(parents=True, exist_ok=True)
    if kind == "file":
        config.touch()
    else:
        # To where nothing is now, and may be when Python looks.
        config.symlink_to("not-there")
    assert machine.front(asked) == PYTHON


def test_the_rest_of_the_environment_is_of_no_account(machine: Machine, entry: Path) -> None:
    assert machine.front(CI="true", LANG="de_DE.UTF-8", LC_ALL="C") != PYTHON


def test_entries_and_markers_that_are_over_are_swept_away(machine: Machine, entry: Path) -> None:
    os.utime(entry, (WHILE_AGO, WHILE_AGO))
    machine.python(AWS_ACCESS_KEY_ID="AKIAJOBTWO")
    assert not entry.exists()
    (other,) = machine.home.rglob("*~*")
    assert "AKIAJOBTWO" in other.name


@pytest.mark.parametrize("lies_there", ["a folder", "a link to nothing", "open to others", "bytes"])
def test_what_is_no_entry_keeps_nothing_from_being_swept_away(
    machine: Machine, entry: Path, lies_there: str
) -> None:
    other = entry.with_name(f"{HOST}~OTHER~~~~")
    match lies_there:
        case "a folder":
            other.mkdir()
        case "a link to nothing":
            other.symlink_to("nothing")
        case _:
            other.write_bytes(b"x")
            other.chmod(0o600 if lies_there == "bytes" else 0o644)
    if not other.is_symlink():
        os.utime(other, (time.time() + 1000,) * 2)
    os.utime(entry, (WHILE_AGO, WHILE_AGO))
    machine.python(AWS_ACCESS_KEY_ID="AKIAJOBTWO")
    assert not entry.exists()
    # A folder is none of ours to remove, and is in nobody's way.
    assert sorted(path.name.split("~")[1] for path in entry.parent.glob("*~*")) == (
        ["AKIAJOBTWO", "OTHER"] if lies_there == "a folder" else ["AKIAJOBTWO"]
    )


def test_a_call_that_finds_its_entry_in_place_writes_no_other(
    machine: Machine, entry: Path
) -> None:
    for marker in entry.parent.glob("*.0"):
        marker.unlink()
    machine.python()
    before = sorted(path.name for path in entry.parent.iterdir())
    machine.python()
    assert sorted(path.name for path in entry.parent.iterdir()) == before


def test_no_python_anywhere_is_said_on_stdout(machine: Machine) -> None:
    (machine.home / "bin" / "python3").unlink()
    text, code = machine.call("version", front=True, PATH=str(machine.home / "bin"))
    assert code != 0
    assert "no Python was found" in text


def test_what_is_unpacked_is_run_by_a_python_that_is_new_enough(
    machine: Machine, tmp_path: Path
) -> None:
    main = machine.home / "lib/ecr-vend/__main__.py"
    main.parent.mkdir(parents=True)
    main.write_text("import sys\nprint('UNPACKED', *sys.argv[1:])\n")
    ours = machine.home / "bin/python3"
    newer = tmp_path / "python3.14"
    ours.rename(newer)
    old = "import sys; sys.version_info = (3, 10); "
    ours.write_text(f'#!/bin/sh\n[ "$2" = -c ] && exec "{sys.executable}" -c "{old}$3"\nexit 9\n')
    ours.chmod(0o755)
    alone = {"PATH": str(machine.home / "bin")}
    said, code = machine.call("list", front=True, **alone)
    assert code == 1
    assert said == "ecr-vend: no Python 3.11 or newer was found: install one\n"
    alone["PATH"] += f":{tmp_path}"
    assert machine.call("list", front=True, **alone)[0].startswith("UNPACKED ")

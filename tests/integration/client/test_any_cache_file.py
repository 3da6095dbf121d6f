"""Whatever lies in the cache folder: the token that was kept, or one that is asked for anew."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecr_vend.cache import Cache
from ecr_vend.kept_token import LONGEST_LIFE, token_from
from tests.client.fake_service import HOST
from tests.client.mutations import damaged, places

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

OTHER = "444455556666.dkr.ecr.eu-west-1.amazonaws.com"
FIRST = "token-1-of-AKIAJOBONE-"


@pytest.fixture
def folder(machine: Machine) -> Path:
    """Return a cache folder with one file of each kind, and those of others beside them."""
    machine.settle()
    machine.python()
    machine.python(AWS_ACCESS_KEY_ID="AKIAJOBTWO")
    machine.python("get", OTHER)
    kept = machine.home / ".cache/ecr-vend"
    cache = Cache(kept, {})
    for path in kept.glob("*.token"):
        key = str(cache.document(path)["key"])
        cache.write(cache.path(path.name.partition("-" + key[:32])[0], key, "failure"), {"at": 0.0})
        cache.write(cache.path(path.name.partition("-" + key[:32])[0], key, "renewal"), {"at": 0.0})
    shutil.copytree(kept, machine.home / "as-it-was")
    return kept


def restored(machine: Machine, folder: Path) -> list[Path]:
    """Return the files of the cache, put back as they were."""
    shutil.rmtree(folder)
    shutil.copytree(machine.home / "as-it-was", folder)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def check(machine: Machine, service: FakeService, *, heals: bool = True) -> None:
    """See that the next calls are answered with the right token, and that the commands end."""
    before = len(service.asked)
    first = json.loads(machine.python())["Secret"]
    new = f"token-{before + 1}-of-AKIAJOBONE-"
    assert first.startswith((FIRST, new))
    assert service.asked[before:] == ([{"registry": HOST}] if first.startswith(new) else [])
    if heals:
        assert json.loads(machine.python())["Secret"] == first
    assert machine.python("list").startswith("{")
    assert machine.run("cache", "list", "--json")[1:] == ("", 0)
    assert machine.python("erase") == ""


def test_what_is_whole_is_served(machine: Machine, service: FakeService, folder: Path) -> None:
    check(machine, service)
    assert len(service.asked) == 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.data())
def test_whatever_became_of_a_file_the_token_is_right(
    machine: Machine, service: FakeService, folder: Path, content: st.DataObject
) -> None:
    files = restored(machine, folder)
    path, other = (content.draw(st.sampled_from(files)) for _ in range(2))
    was = path.read_bytes()
    at = path.stat()
    path.write_bytes(content.draw(damaged(was, other.read_bytes()) | st.binary(max_size=100)))
    os.utime(path, ns=(at.st_atime_ns, at.st_mtime_ns))
    check(machine, service)


def missing(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


def a_link_to_another(path: Path) -> None:
    others = [one for one in path.parent.glob(f"*{path.suffix}") if one != path]
    path.unlink()
    path.symlink_to(others[0] if others else "/etc/passwd")


def a_link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("nothing")


def a_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def a_socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path may not be long
        try:
            made.bind("s")
        finally:
            os.chdir(here)
    path.with_name("s").rename(path)


def huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(1 << 40)


def anothers(path: Path) -> None:
    """Put a file in the place of ours that is whole, and another identity's or registry's."""
    others = [one for one in path.parent.glob(f"*{path.suffix}") if one != path]
    if others:
        path.write_bytes(others[0].read_bytes())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize(
    "spoil",
    [
        missing,
        a_folder,
        a_link_to_another,
        a_link_to_nothing,
        a_link_to_itself,
        a_pipe,
        a_socket,
        huge,
        anothers,
    ],
)
def test_whatever_lies_in_a_files_place_the_token_is_right(
    machine: Machine, service: FakeService, folder: Path, spoil: Callable[[Path], None]
) -> None:
    for path in restored(machine, folder):
        restored(machine, folder)
        spoil(path)
        # No folder is removed, and where writes and erasures cannot be kept apart nothing is
        # written: the service is asked each time.
        check(machine, service, heals=spoil is not a_folder and path.name != "writing.lock")


STRANGE = [
    "null", "true", "-1", "0", "0.0", "1e999", "-Infinity", "NaN", '""', '"x"', '"\\ud800"', "[]",
    '["x"]', "{}", '{"\\u0000": null}', '{"/": null, "\\ud800": 1}', "[" * 5000 + "]" * 5000,
]  # fmt: skip


def whole(content: bytes) -> bytes:
    """Return a file's bytes with the digest of what was written so."""
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


@pytest.mark.parametrize("suffix", [".token", ".failure", ".renewal"])
def test_whatever_a_whole_file_says_no_token_that_is_over_is_served(
    machine: Machine, service: FakeService, folder: Path, suffix: str
) -> None:
    (path,) = (
        path
        for path in folder.glob(f"{HOST}-*{suffix}")
        if FIRST in json.dumps(Cache(folder, {}).document(path.with_suffix(".token")))
    )
    was = Cache(folder, {}).document(path)
    key = str(Cache(folder, {}).document(path.with_suffix(".token"))["key"])
    for place in [*places(was), ("schema",), ("at",), ("code",), ("text",)]:
        for value in STRANGE:
            restored(machine, folder)
            path.write_bytes(whole(spelled(was, place, value).encode()))
            before = len(service.asked)
            secret = json.loads(machine.python())["Secret"]
            if len(service.asked) == before:
                kept = token_from(Cache(folder, {}).document(path.with_suffix(".token")), key)
                assert kept
                assert kept.alive(time.time())
                assert not kept.alive(kept.fetched + LONGEST_LIFE)
                assert kept.password.reveal() == secret
            assert machine.run("cache", "list", "--json")[1:] == ("", 0)


def spelled(document: dict[str, object], place: tuple[str | int, ...], value: str) -> str:
    """Return a document as text with a value in a place, spelled as it is."""
    changed: Any = json.loads(json.dumps(document))
    *above, key = place
    inside = changed
    for step in above:
        inside = inside[step]
    inside[key] = "<here>"
    return json.dumps(changed).replace('"<here>"', value)

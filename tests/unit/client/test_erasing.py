"""What was erased, cleared or wiped stays so, whatever was on its way; and what a cache tells."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from ecr_vend import ready
from ecr_vend.cache import Cache, Token
from ecr_vend.errors import Problem
from ecr_vend.identity import Dependencies
from ecr_vend.secret import Secret
from ecr_vend.tokens import Asking, Wanted
from tests.client.fake_service import HOST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecr_vend.deadline import Deadline
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

KEY = "k" * 64
OTHER = "444455556666.dkr.ecr.eu-west-1.amazonaws.com"
NOW = 1_800_000_000.0
REFUSED = Problem("refused", code="not_granted", detail="no", advice="", vend="")


def token(*, life: float = 900.0, password: str = "the-password") -> Token:  # noqa: S107 of no one
    return Token(Secret(password), NOW, NOW + life, Dependencies({}, None))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", {})


def erase(cache: Cache) -> None:
    cache.erase(HOST)


def clear(cache: Cache) -> None:
    cache.clear()


def wipe(cache: Cache) -> None:
    shutil.rmtree(cache.folder)


def erase_and_fetch_again(cache: Cache) -> None:
    cache.erase(HOST)
    cache.store(HOST, KEY, token(password="the-next"), since=cache.generation(HOST))


@pytest.mark.parametrize("forget", [erase, clear, wipe])
def test_a_token_that_was_on_its_way_is_not_kept(
    cache: Cache, forget: Callable[[Cache], None]
) -> None:
    def fetch(_: Deadline) -> tuple[Secret, float, float]:
        forget(cache)
        return Secret("the-password"), NOW, NOW + 900

    given = Asking(Wanted(HOST, KEY), cache, fetch, {}, clock=lambda: NOW).token()
    assert given.password == Secret("the-password")
    assert cache.load(HOST, KEY) is None
    assert cache.folder.exists() == (forget is not wipe)
    assert not list(cache.folder.glob("*.token"))


@pytest.mark.parametrize("forget", [erase, clear, wipe])
def test_a_failure_that_was_on_its_way_is_not_kept(
    cache: Cache, forget: Callable[[Cache], None]
) -> None:
    def fetch(_: Deadline) -> tuple[Secret, float, float]:
        forget(cache)
        raise REFUSED

    with pytest.raises(Problem):
        Asking(Wanted(HOST, KEY), cache, fetch, {}, clock=lambda: NOW).token()
    assert cache.failure(HOST, KEY, since=0) is None


def test_what_was_fetched_after_an_erasure_is_kept(cache: Cache) -> None:
    def fetch(_: Deadline) -> tuple[Secret, float, float]:
        erase_and_fetch_again(cache)
        return Secret("the-password"), NOW, NOW + 900

    Asking(Wanted(HOST, KEY), cache, fetch, {}, clock=lambda: NOW).token()
    assert cache.load(HOST, KEY) == token(password="the-next")


def test_another_registrys_erasure_changes_nothing(cache: Cache) -> None:
    since = cache.generation(HOST)
    cache.erase(OTHER)
    assert cache.store(HOST, KEY, token(), since=since)
    assert cache.load(HOST, KEY) == token()


def test_a_renewal_replaces_the_very_token_it_renews_and_no_other(cache: Cache) -> None:
    since = cache.generation(HOST)
    cache.store(HOST, KEY, token())
    new = token(password="renewed")
    other = token(password="someone-elses")
    assert not cache.store(HOST, KEY, new, since=since, instead_of=other)
    assert cache.load(HOST, KEY) == token()
    assert cache.store(HOST, KEY, new, since=since, instead_of=token())
    assert cache.load(HOST, KEY) == new


def test_no_renewal_is_begun_of_a_token_that_is_gone(cache: Cache) -> None:
    cache.store(HOST, KEY, token())
    assert cache.record_renewal(HOST, KEY, token(), NOW)
    assert cache.renewal(HOST, KEY) == NOW
    cache.erase(HOST)
    assert cache.renewal(HOST, KEY) is None
    assert not cache.record_renewal(HOST, KEY, token(), NOW)
    assert cache.renewal(HOST, KEY) is None


def test_nothing_is_kept_where_the_generation_cannot_be(cache: Cache) -> None:
    cache.folder.chmod(0o755)
    assert Cache(cache.folder, {}).generation(HOST) == b""
    cache.folder.chmod(0o700)
    assert not cache.store(HOST, KEY, token(), since=b"")


@pytest.mark.parametrize("content", [b"", b"\xff\x00 any bytes"])
def test_a_damaged_generation_keeps_no_one_from_storing(cache: Cache, content: bytes) -> None:
    cache.generation(HOST)
    cache.generation_path(HOST).write_bytes(content)
    assert cache.store(HOST, KEY, token(), since=cache.generation(HOST))


def test_clearing_leaves_nothing_but_locks_and_says_how_many_tokens(machine: Machine) -> None:
    machine.settle()
    machine.python()
    machine.python("get", OTHER)
    folder = machine.home / ".cache/ecr-vend"
    cache = Cache(folder, machine.environ)
    cache.record_failure(HOST, KEY, REFUSED, NOW)
    cache.store(HOST, KEY, token())
    assert cache.record_renewal(HOST, KEY, token(), NOW)
    assert cache.clear() == 3
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {".lock"}
    assert cache.clear() == 0


def test_clearing_what_is_not_there_makes_nothing(tmp_path: Path) -> None:
    assert Cache(tmp_path / "cache", {}, make=False).clear() == 0
    assert Cache(tmp_path / "cache", {}, make=False).entries() == ([], 0)
    assert not (tmp_path / "cache").exists()


def test_entries_tell_everything_but_the_token(cache: Cache) -> None:
    cache.store(OTHER, KEY, token(life=100))
    cache.store(HOST, KEY, token())
    cache.store(HOST, "2" * 64, token(life=300))
    cache.path(HOST, "3" * 64, "token").write_text("damaged")
    found, damaged = cache.entries()
    assert [(entry.host, entry.fetched, entry.refresh, entry.expires) for entry in found] == [
        (HOST, NOW, NOW + 200, NOW + 300),
        (HOST, NOW, NOW + 600, NOW + 900),
        (OTHER, NOW, NOW + 50, NOW + 100),
    ]
    assert found[1].size == cache.path(HOST, KEY, "token").stat().st_size
    assert damaged == 1
    assert "the-password" not in repr(found)


def test_a_token_of_a_newer_version_is_neither_served_nor_replaced(cache: Cache) -> None:
    cache.store(HOST, KEY, token())
    path = cache.path(HOST, KEY, "token")
    newer = cache.document(path) | {"schema": 2, "more": "than this version knows"}
    cache.write(path, newer)
    written = path.read_bytes()
    assert cache.load(HOST, KEY) is None
    assert not cache.store(HOST, KEY, token(password="mine"), since=cache.generation(HOST))
    cache.sweep(NOW + 10_000)
    assert path.read_bytes() == written
    assert cache.entries() == ([], 1)
    assert json.loads(written.partition(b"\n")[2])["schema"] == 2


@pytest.mark.parametrize("forget", [erase, clear, wipe])
def test_an_entry_for_the_front_is_not_written_once_its_token_is_gone(
    machine: Machine, service: FakeService, monkeypatch: pytest.MonkeyPatch, forget: object
) -> None:
    machine.settle()
    publish = ready.publish

    def late(*given: object, **named: object) -> None:
        assert callable(forget)
        forget(Cache(machine.home / ".cache/ecr-vend", machine.environ))
        publish(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ready, "publish", late)
    assert "token-1-of" in machine.python()
    assert not list(machine.home.rglob("*~*"))
    assert (machine.home / ".cache/ecr-vend").exists() == (forget is not wipe)
    monkeypatch.undo()


def test_logging_out_where_there_is_no_cache_makes_none(machine: Machine) -> None:
    assert machine.python("erase", HOST, HOME=str(machine.home)) == ""
    assert machine.python("list") == "{}\n"
    assert not (machine.home / ".cache").exists()

"""The cache serves what was written, and nothing at all where anything is odd."""

from __future__ import annotations

import errno
import os
import pickle
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecr_vend import cache_files, deadline, private_files
from ecr_vend.cache import Cache, Token, token_from
from ecr_vend.deadline import Deadline, bounded
from ecr_vend.errors import Problem
from ecr_vend.identity import Dependencies
from ecr_vend.private_files import Lock
from ecr_vend.secret import Secret
from ecr_vend.tokens import Asking, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
KEY = "k" * 64
NOW = 1_800_000_000.0
WANT = Wanted(HOST, KEY)


def token(*, life: float = 900.0, fetched: float = NOW) -> Token:
    return Token(Secret("the-password"), fetched, fetched + life, Dependencies({}, None))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", {})


@pytest.mark.parametrize(
    ("life", "margin"),
    [(3600, 1200), (900, 300), (300, 100), (150, 60), (120, 60), (100, 50), (10, 5), (2, 1)],
)
def test_a_token_is_renewed_a_third_of_its_life_before_its_end(life: float, margin: float) -> None:
    # At least a minute, never more than half the life.
    assert token(life=life).refresh == NOW + life - margin


@given(st.floats(1, 43200), st.floats(-10, 43300))
def test_an_expired_token_is_never_alive_nor_fresh(life: float, after: float) -> None:
    kept = token(life=life)
    assert not (kept.fresh(NOW + after) and not kept.alive(NOW + after))
    if after >= life or after < -1:
        assert not kept.alive(NOW + after)


def test_what_is_stored_is_loaded(cache: Cache) -> None:
    cache.store(HOST, KEY, token())
    assert cache.load(HOST, KEY) == token()
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in cache.folder.iterdir()} == {0o600}


def test_another_key_finds_nothing_even_in_its_own_file(cache: Cache) -> None:
    cache.store(HOST, KEY, token())
    other = "o" * 64
    cache.path(HOST, KEY, "token").rename(cache.path(HOST, other, "token"))
    assert cache.load(HOST, other) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400))
def test_any_bytes_in_a_cache_file_are_no_token_and_no_crash(cache: Cache, content: bytes) -> None:
    path = cache.path(HOST, KEY, "token")
    path.write_bytes(content)
    path.chmod(0o600)
    assert cache.load(HOST, KEY) is None
    cache.path(HOST, KEY, "failure").write_bytes(content)
    assert cache.failure(HOST, KEY, since=0.0) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_byte_that_changed_is_a_miss(cache: Cache, place: int, byte: int) -> None:
    cache.store(HOST, KEY, token())
    path = cache.path(HOST, KEY, "token")
    content = bytearray(path.read_bytes())
    place %= len(content)
    changed = content[place] != byte
    content[place] = byte
    path.write_bytes(content)
    assert cache.load(HOST, KEY) == (None if changed else token())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 400), gone=st.integers(0, 400), new=st.binary(max_size=40))
def test_a_part_that_changed_is_a_miss(cache: Cache, at: int, gone: int, new: bytes) -> None:
    cache.store(HOST, KEY, token())
    path = cache.path(HOST, KEY, "token")
    before = path.read_bytes()
    after = before[:at] + new + before[at + gone :]
    path.write_bytes(after)
    assert cache.load(HOST, KEY) == (token() if after == before else None)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_document_is_a_token_of_ours_or_none(value: object) -> None:
    document = {"schema": 1, "key": KEY, "password": value, "fetched": value, "expires": value}
    assert token_from(document, KEY) is None


def symlinked(path: Path) -> None:
    real = path.with_name("elsewhere")
    path.rename(real)
    path.symlink_to(real)


def readable_by_others(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o044)


def of_another_owner(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, 12345)


def hard_linked(path: Path) -> None:
    os.link(path, path.with_name("second-name"))


# A folder cannot be hard linked.
SPOILT_FOLDERS = (symlinked, readable_by_others, of_another_owner)
SPOILT_FILES = (*SPOILT_FOLDERS, hard_linked)


@pytest.mark.parametrize(
    ("what", "spoil"),
    [("folder", spoil) for spoil in SPOILT_FOLDERS] + [("file", spoil) for spoil in SPOILT_FILES],
)
def test_what_another_user_could_have_touched_is_not_used(
    cache: Cache, what: str, spoil: Callable[[Path], None]
) -> None:
    cache.store(HOST, KEY, token())
    spoil(cache.folder if what == "folder" else cache.path(HOST, KEY, "token"))
    spoilt = Cache(cache.folder, {})
    assert spoilt.load(HOST, KEY) is None


@pytest.mark.parametrize("spoil", [symlinked, readable_by_others, of_another_owner])
@pytest.mark.parametrize("lock", ["writing.lock", f"{HOST}-{KEY[:32]}.lock"])
def test_a_lock_that_another_user_could_hold_keeps_no_one_waiting(
    cache: Cache, lock: str, spoil: Callable[[Path], None]
) -> None:
    (cache.folder / lock).touch(0o600)
    spoil(cache.folder / lock)
    fetched = (Secret("p"), NOW, NOW + 900)
    asking = Asking(WANT, cache, lambda _: fetched, {}, clock=lambda: NOW, sleep=never_sleep)
    assert asking.token().password == Secret("p")
    # What keeps writes and erasures apart is not there, so nothing is written.
    assert (cache.load(HOST, KEY) is None) == (lock == "writing.lock")


def test_a_cache_whose_parent_is_a_link_is_this_users_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    cache = Cache(tmp_path / "link/cache", {})
    cache.store(HOST, KEY, token())
    assert cache.load(HOST, KEY) == token()


def test_writing_ends_while_another_process_holds_the_lock_for_ever(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_files, "WRITING", 0.01)
    cache.store(HOST, KEY, token())
    with Lock.wait(cache.folder / "writing.lock", 1.0):
        assert not cache.store(HOST, KEY, token(life=100))
        assert cache.generation(HOST) == b""
        cache.record_failure(HOST, KEY, REFUSED, NOW)
        assert cache.entries()[0][0].expires == NOW + 900
        cache.erase(HOST)
        assert cache.load(HOST, KEY) is None
        assert cache.failure(HOST, KEY, since=0.0) is None


def test_a_disk_that_fills_up_leaves_the_token_that_is_there(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.store(HOST, KEY, token())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(private_files.os, "utime", full)  # type: ignore[attr-defined]
    assert not cache.store(HOST, KEY, token(life=100))
    monkeypatch.undo()
    assert cache.load(HOST, KEY) == token()
    assert not list(cache.folder.glob(".*.new"))


@pytest.mark.parametrize("jump", [-(10.0**6), -3600.0, -2.0, 900.0, 3600.0, 10.0**9])
def test_a_clock_that_jumps_costs_a_request(cache: Cache, jump: float) -> None:
    cache.store(HOST, KEY, token())
    cache.record_failure(HOST, KEY, REFUSED, NOW)
    fetched = (Secret("p"), NOW + jump, NOW + jump + 900)
    for _ in range(2):
        asking = Asking(WANT, cache, lambda _: fetched, {}, clock=lambda: NOW + jump)
        assert asking.token().password == Secret("p")


def test_a_failure_of_a_time_to_come_is_not_told(cache: Cache) -> None:
    # Written down before the clock was set back.
    cache.record_failure(HOST, KEY, REFUSED, NOW + 3600)
    fetched = (Secret("p"), NOW, NOW + 900)
    asking = Asking(WANT, cache, lambda _: fetched, {}, clock=lambda: NOW)
    assert asking.token().password == Secret("p")


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "cache", {})
    fetched = (Secret("p"), NOW, NOW + 900)
    asking = Asking(WANT, cache, lambda _: fetched, {}, clock=lambda: NOW)
    assert asking.token().password == Secret("p")


def failing(problem: Problem) -> Callable[[Deadline], tuple[Secret, float, float]]:
    def fetch(_: Deadline) -> tuple[Secret, float, float]:
        raise problem

    return fetch


def never(_: object) -> tuple[Secret, float, float]:
    """Fail the test that asks, or that sleeps."""
    raise AssertionError("this call has nothing to ask or wait for")


def never_sleep(_: float) -> None:
    """Fail the test that waits."""
    raise AssertionError("this call has nothing to wait for")


DOWN = Problem("service_down", endpoint="https://x", detail="HTTP 503")
REFUSED = Problem("refused", code="not_granted", detail="no", advice="", vend="")


def test_a_token_that_still_works_is_used_while_the_service_is_down(cache: Cache) -> None:
    cache.store(HOST, KEY, token())
    late = Asking(WANT, cache, failing(DOWN), {}, clock=lambda: NOW + 899)
    assert late.token() == token()


def test_a_token_that_still_works_is_not_used_once_the_service_says_no(cache: Cache) -> None:
    cache.store(HOST, KEY, token())
    with pytest.raises(Problem, match="refused by policy"):
        Asking(WANT, cache, failing(REFUSED), {}, clock=lambda: NOW + 899).token()


def test_an_expired_token_is_not_used_however_the_service_fares(cache: Cache) -> None:
    cache.store(HOST, KEY, token())
    with pytest.raises(Problem, match="does not serve"):
        Asking(WANT, cache, failing(DOWN), {}, clock=lambda: NOW + 900).token()


def test_a_failed_renewal_is_not_tried_again_at_once(cache: Cache) -> None:
    cache.store(HOST, KEY, token())
    asked = []

    def fetch(_: Deadline) -> tuple[Secret, float, float]:
        asked.append(1)
        raise DOWN

    for after in (800, 801, 805, 820):
        Asking(WANT, cache, fetch, {}, clock=lambda now=NOW + after: now).token()  # type: ignore[misc]
    assert len(asked) == 2


def test_a_working_token_is_used_at_once_while_another_call_renews_it(cache: Cache) -> None:
    cache.store(HOST, KEY, token())
    with cache.try_lock(HOST, KEY) or pytest.fail("the lock is free"):
        late = Asking(
            WANT,
            cache,
            failing(DOWN),
            {},
            clock=lambda: NOW + 850,
            sleep=lambda _: pytest.fail("it waits"),
        )
        assert late.token() == token()


def test_those_who_wait_hear_why_the_one_who_asked_got_nothing(cache: Cache) -> None:
    held = cache.try_lock(HOST, KEY)
    assert held

    def sleep(_: float) -> None:
        cache.record_failure(HOST, KEY, REFUSED, NOW)

    with held, pytest.raises(Problem) as caught:
        Asking(WANT, cache, never, {}, clock=lambda: NOW, sleep=sleep).token()
    assert caught.value.text == REFUSED.text


def test_an_earlier_failure_is_not_held_against_a_new_call(cache: Cache) -> None:
    cache.record_failure(HOST, KEY, REFUSED, NOW - 1)
    fetched = (Secret("p"), NOW, NOW + 900)
    asking = Asking(WANT, cache, lambda _: fetched, {}, clock=lambda: NOW)
    assert asking.token().password == Secret("p")


def test_waiting_for_another_call_ends(cache: Cache) -> None:
    with cache.try_lock(HOST, KEY) or pytest.fail("the lock is free"):
        waiting = Asking(WANT, cache, never, {}, sleep=lambda _: None, deadline=Deadline(0))
        with pytest.raises(Problem, match="another call is asking"):
            waiting.token()


def test_whatever_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "GRACE", 0.01)
    released = threading.Event()

    def fetch(_: Deadline) -> tuple[Secret, float, float]:
        released.wait(20)
        return Secret("p"), NOW, NOW

    with pytest.raises(Problem, match="no answer within"):
        bounded(fetch, Deadline(-0.4))
    released.set()


def test_a_token_whose_credentials_changed_while_it_was_fetched_is_not_kept(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    def fetch(_: Deadline) -> tuple[Secret, float, float]:
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "credentials").write_text("[default]")
        return Secret("p"), NOW, NOW + 900

    Asking(WANT, cache, fetch, {}, clock=lambda: NOW).token()
    assert cache.load(HOST, KEY) is None


def test_the_folder_does_not_grow(cache: Cache) -> None:
    for number in range(20):
        key = f"{number:064}"
        with cache.try_lock(HOST, key) or pytest.fail("the lock is free"):
            cache.store(HOST, key, token())
            cache.record_failure(HOST, key, REFUSED, NOW)
    (cache.folder / ".1.2.new").write_text("half a tok")
    cache.sweep(max(NOW + 901, time.time()) + 4000)
    assert list(cache.folder.iterdir()) == []


def test_a_lock_in_use_is_not_swept_away(cache: Cache) -> None:
    with cache.try_lock(HOST, KEY) or pytest.fail("the lock is free"):
        cache.sweep(time.time() + 10_000)
        assert cache.path(HOST, KEY, "lock").exists()
        assert cache.try_lock(HOST, KEY) is None


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("the-password")
    shown = f"{secret} {secret!r} {[secret]} {token()!r} %s" % secret
    assert "the-password" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)

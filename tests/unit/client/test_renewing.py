"""Who renews a token that still works, when, and what comes of it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from ecr_vend import renewal
from ecr_vend.cache import Cache, Token
from ecr_vend.errors import Problem
from ecr_vend.identity import Dependencies
from ecr_vend.secret import Secret
from ecr_vend.tokens import AT_IT, QUIET, Asking, Wanted, nearly_over
from tests.client.fake_service import HOST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecr_vend.deadline import Deadline
    from tests.client.machine import Machine

KEY = "k" * 64
NOW = 1_800_000_000.0
DOWN = Problem("service_down", endpoint="https://x", detail="HTTP 503")
REFUSED = Problem("refused", code="not_granted", detail="no", advice="", vend="")


def token(*, life: float = 900.0, password: str = "old") -> Token:  # noqa: S107 of no one
    return Token(Secret(password), NOW, NOW + life, Dependencies({}, None))


class Scene:
    """A cache with a token, a clock, and a record of who was asked."""

    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder, {})
        self.cache.store(HOST, KEY, token())
        self.now = NOW + 800
        self.started = 0
        self.asked = 0
        self.starts = True
        self.fails: Problem | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def start(self) -> bool:
        self.started += 1
        return self.starts

    def fetch(self, _: Deadline) -> tuple[Secret, float, float]:
        self.asked += 1
        self.meanwhile()
        if self.fails:
            raise self.fails
        return Secret("new"), self.now, self.now + 900

    def asking(self) -> Asking:
        return Asking(
            Wanted(HOST, KEY),
            self.cache,
            self.fetch,
            {},
            clock=lambda: self.now,
            sleep=lambda _: pytest.fail("it waits"),
            start=self.start,
        )

    def password(self) -> str:
        return self.asking().token().password.reveal()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "cache")


def test_a_token_past_its_refresh_point_is_answered_at_once_and_renewed_apart(
    scene: Scene,
) -> None:
    assert [scene.password() for _ in range(5)] == ["old"] * 5
    assert (scene.started, scene.asked) == (1, 0)


def test_a_renewal_that_was_killed_is_begun_again(scene: Scene) -> None:
    scene.password()
    scene.now += AT_IT
    scene.password()
    assert (scene.started, scene.asked) == (2, 0)


def test_a_renewal_that_will_have_begun_is_none(scene: Scene) -> None:
    scene.password()
    scene.now -= 10  # the clock was set back
    scene.password()
    assert scene.started == 2


@pytest.mark.parametrize(
    ("life", "left", "over"),
    [(900, 10, False), (900, 9.9, True), (50, 5, False), (50, 4.9, True), (3600, 11, False)],
)
def test_a_token_is_nearly_over_with_a_tenth_of_its_life_left_or_ten_seconds(
    life: float, left: float, over: bool
) -> None:
    assert nearly_over(token(life=life), NOW + life - left) == over


def test_a_token_that_is_nearly_over_is_renewed_before_it_is_used(scene: Scene) -> None:
    scene.password()
    scene.now = NOW + 895
    assert scene.password() == "new"
    assert (scene.started, scene.asked) == (1, 1)


def test_a_token_that_is_nearly_over_does_not_wait_for_a_process_that_may_have_died(
    scene: Scene,
) -> None:
    scene.now = NOW + 885
    scene.password()
    scene.now = NOW + 895
    assert scene.password() == "new"
    assert (scene.started, scene.asked) == (1, 1)


def test_a_token_that_is_nearly_over_is_used_when_the_service_is_down(scene: Scene) -> None:
    scene.now = NOW + 895
    scene.fails = DOWN
    assert [scene.password() for _ in range(3)] == ["old"] * 3
    assert scene.asked == 1


def test_nobody_is_started_while_another_renews(scene: Scene) -> None:
    with scene.cache.try_lock(HOST, KEY) or pytest.fail("the lock is free"):
        assert scene.password() == "old"
    assert (scene.started, scene.asked) == (0, 0)


def test_nobody_is_started_for_a_while_after_a_renewal_failed(scene: Scene) -> None:
    scene.password()
    scene.fails = DOWN
    scene.asking().renewed()
    scene.now += QUIET - 1
    assert scene.password() == "old"
    assert scene.started == 1
    scene.now += 2
    assert scene.password() == "old"
    assert scene.started == 2


def test_a_refusal_of_a_renewal_is_heard_by_the_next_call(scene: Scene) -> None:
    scene.password()
    scene.fails = REFUSED
    with pytest.raises(Problem):
        scene.asking().renewed()
    for _ in range(2):
        with pytest.raises(Problem, match="refused by policy"):
            scene.password()
    scene.fails = None
    assert scene.password() == "new"
    assert scene.started == 1


def test_where_no_process_can_be_started_the_call_renews(scene: Scene) -> None:
    scene.starts = False
    assert scene.password() == "new"
    assert scene.cache.renewal(HOST, KEY) is None


def test_a_renewal_replaces_the_token(scene: Scene) -> None:
    renewed = scene.asking().renewed()
    assert renewed
    assert renewed.password == Secret("new")
    assert scene.password() == "new"
    assert scene.asked == 1


@pytest.mark.parametrize("at", [NOW + 10, NOW + 900, NOW - 100], ids=["fresh", "over", "ahead"])
def test_a_renewal_asks_for_nothing_that_needs_none(scene: Scene, at: float) -> None:
    scene.now = at
    assert scene.asking().renewed() is None
    assert scene.asked == 0


def test_a_renewal_does_not_begin_after_an_erasure(scene: Scene) -> None:
    scene.cache.erase(HOST)
    assert scene.asking().renewed() is None
    assert scene.asked == 0
    assert [path.name for path in scene.cache.folder.iterdir()] == ["writing.lock"]


def test_a_renewal_that_an_erasure_overtakes_writes_nothing(scene: Scene) -> None:
    scene.meanwhile = lambda: scene.cache.erase(HOST)
    scene.asking().renewed()
    assert scene.asked == 1
    assert {path.suffix for path in scene.cache.folder.iterdir()} == {".lock"}


def test_a_renewal_leaves_the_token_that_came_in_the_meantime(scene: Scene) -> None:
    other = token(password="other")
    scene.meanwhile = lambda: scene.cache.store(HOST, KEY, other)
    scene.asking().renewed()
    assert scene.cache.load(HOST, KEY) == other


def test_two_renewals_make_one_request(scene: Scene) -> None:
    scene.meanwhile = lambda: scene.asking().cache.try_lock(HOST, KEY) and pytest.fail("two ask")
    scene.asking().renewed()
    assert scene.asking().renewed() is None
    assert scene.asked == 1


def test_a_renewal_that_another_call_has_just_made_is_not_made_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = scene.cache.try_lock

    def late(host: str, key: str) -> object:
        scene.cache.store(HOST, KEY, token(password="other"))
        return take(host, key)

    monkeypatch.setattr(scene.cache, "try_lock", late)
    assert scene.asking().renewed() is None
    assert scene.asked == 0


def test_a_renewal_makes_no_cache_where_there_is_none(machine: Machine) -> None:
    renewal.renew(HOST, {}, machine.environ)
    renewal.renew("docker.io", {}, machine.environ)
    assert not (machine.home / ".cache").exists()


def test_a_process_that_cannot_be_started_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", os.devnull)
    assert not renewal.start(HOST, {}, {})
    assert not renewal.start(HOST, {"reason": "x" * renewal.LONGEST_REQUEST}, {})
    assert not renewal.start("a\0b", {}, {})

"""A release that the tests signed, and the command that users verify one with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.release import fake_programs
from tests.release.small_release import SIGSTORE, Release
from tests.release.verification import Verifier
from tests.release.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def verify() -> Iterator[Verifier]:
    made = Verifier()
    yield made
    with made.process as process:
        process.kill()


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path / "release", SIGSTORE)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    fake_programs.install(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("FAKE_PROGRAMS", str(tmp_path / "state"))
    for name in ("GITHUB_ACTIONS", "GH_TOKEN", "FAKE_GH_WITHOUT_DIGESTS"):
        monkeypatch.delenv(name, raising=False)
    return World(tmp_path / "state", tmp_path)

"""One embedded stack for the whole test session."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.running import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.running import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The one stack that the tests share."""
    with running() as shared:
        yield shared


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    """A home for one test's helper."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    yield home
    # Images bring folders that not even their owner may write to.
    for folder, _, _ in os.walk(home):
        Path(folder).chmod(0o700)
    shutil.rmtree(home)

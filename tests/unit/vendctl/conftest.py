"""What the tests of publishing share: an AppConfig in memory, and a policy in a checkout."""

from __future__ import annotations

import io
import subprocess
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.fake_appconfig import FakeAppConfig
from tests.fakes import POLICY
from vendctl.publishing import waiting

if TYPE_CHECKING:
    from pathlib import Path


class Terminal(io.StringIO):
    """A stream that a person sits at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def appconfig(monkeypatch: pytest.MonkeyPatch) -> FakeAppConfig:
    """The AppConfig of the stack ecr-vend, which the command finds; nobody waits for it."""
    fake = FakeAppConfig()
    session = fake.session()
    monkeypatch.setattr(boto3, "Session", lambda **_: session)
    monkeypatch.setattr(waiting, "PAUSE", 0)
    return fake


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """A policy in a file, in no checkout."""
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    return str(file)


def git(file: str, *words: str, author: str = "ana@example.com") -> str:
    """Run git in the folder of a file, as somebody."""
    who = ("-c", "user.name=Ana", "-c", f"user.email={author}", "-c", "commit.gpgSign=false")
    done = subprocess.run(
        ["git", "-C", file.rpartition("/")[0], *who, *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def committed(file: str, *, author: str = "ana@example.com") -> str:
    """Put the folder of a file under git, commit it, and return the commit."""
    git(file, "init", "--quiet")
    git(file, "add", ".")
    git(file, "commit", "--quiet", "-m", "policy", author=author)
    return git(file, "rev-parse", "--short", "HEAD")

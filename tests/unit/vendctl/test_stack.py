"""How vendctl reaches AWS: which region it asks, and what it says where it cannot."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

import pytest

from vendctl.__main__ import main
from vendctl.console import Console
from vendctl.stack import with_aws

if TYPE_CHECKING:
    from pathlib import Path

    import boto3


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away whatever this machine knows of AWS."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def region_of(**environ: str) -> str | None:
    seen: list[str | None] = []

    def run(_: Namespace, __: Console, session: boto3.Session) -> int:
        seen.append(session.region_name)
        return 0

    assert with_aws(run)(Namespace(), Console(environ)) == 0
    return seen[0]


def test_the_region_of_the_environment_is_asked_as_the_aws_command_line_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert region_of() == "eu-central-1"
    assert region_of(AWS_REGION="eu-west-1") == "eu-west-1"


def test_no_region_and_no_credentials_are_said_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "status"]) == 2
    assert "set AWS_REGION" in capsys.readouterr().err
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert main(["policy", "status"]) == 2
    assert "no AWS credentials were found: sign in" in capsys.readouterr().err

"""Which version comes after which, what the changelog says of one, and whether proof was found."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tools.environments import Missing
from tools.release import channels, versions
from tools.release.commands import Commands
from tools.release.identity import Signer, version_of

if TYPE_CHECKING:
    from pathlib import Path


def test_versions_are_ordered_by_number_and_candidates_come_before_theirs() -> None:
    ordered = ["0.9.0", "1.0.0a1", "1.0.0b2", "1.0.0rc1", "1.0.0rc10", "1.0.0", "1.0.1", "1.10.0"]
    tags = [f"v{version}" for version in reversed(ordered)]
    assert versions.known([*tags, "nightly", "v1.0", "v1.0.0-x"]) == ordered


@pytest.mark.parametrize(
    ("version", "stable", "moved"),
    [
        ("1.2.0", [], ["latest", "1", "1.2"]),
        ("1.2.0", ["1.1.9", "0.9.0"], ["latest", "1", "1.2"]),
        ("1.2.0", ["1.3.0"], ["1.2"]),
        ("1.2.0", ["2.0.0"], ["1", "1.2"]),
        ("1.2.0", ["1.2.1", "2.0.0"], []),
        ("1.2.0", ["1.20.0"], ["1.2"]),
        ("1.2.0", ["1.2.0"], ["latest", "1", "1.2"]),
    ],
)
def test_a_tag_moves_to_the_newest_of_its_series_only(
    version: str, stable: list[str], moved: list[str]
) -> None:
    assert versions.moving(version, stable) == moved


def test_only_a_version_with_nothing_behind_it_can_be_stable() -> None:
    assert versions.is_final("1.2.0")
    assert not versions.is_final("1.2.0rc1")
    assert not versions.is_final("1.2")


def test_a_release_has_the_one_version_that_its_files_are_named_after() -> None:
    wheel, source = "ecr_vend-{}-py3-none-any.whl", "ecr_vend-{}.tar.gz"
    assert version_of(["ecr-vend.pyz", wheel.format("1.2.0"), source.format("1.2.0")]) == "1.2.0"
    assert version_of([wheel.format("1.2.0"), source.format("1.1.0")]) is None
    assert version_of(["ecr-vend.pyz", f"{wheel.format('1.2.0')}.cdx.json"]) is None


def test_a_signer_is_one_workflow_at_one_tag() -> None:
    assert Signer("1.2.0").subject == (
        "https://github.com/ecr-vend/ecr-vend/.github/workflows/release.yml@refs/tags/v1.2.0"
    )


def test_a_command_hears_nothing_of_the_make_that_it_runs_under(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAKEFLAGS", " -- ARGS=--dry-run")
    ask = "import os; print(os.environ.get('MAKEFLAGS'), end='')"
    assert Commands().ask(sys.executable, "-c", ask) == b"None"


@dataclass(frozen=True, slots=True)
class Answers(Commands):
    """Answers every command with one result."""

    code: int = 0
    out: bytes = b""
    error: bytes = b""

    def tried(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(words, self.code, self.out, self.error)


def answer(code: int, **document: object) -> Answers:
    return Answers(code=code, out=json.dumps({"checks": []} | document).encode())


def test_only_what_is_verified_in_full_is_taken_for_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "make", lambda _: tmp_path)
    (tmp_path / "SHA256SUMS").touch()

    def found(commands: Commands) -> dict[str, object]:
        return channels.verified(commands, "ecr-vend/ecr-vend", tmp_path, "1.2.0", None)

    good = answer(0, verified=True, verdict="verified", images={"x": "y"})
    assert found(good)["images"] == {"x": "y"}
    checks = [
        {"name": "contents", "passed": True, "said": "9 files"},
        {"name": "provenance", "passed": None, "said": "not attested"},
    ]
    for code, verified in ((1, True), (0, False), (1, False)):
        refused = answer(code, verified=verified, verdict="NOT VERIFIED", checks=checks)
        with pytest.raises(Missing, match=r"NOT VERIFIED\n  provenance: not attested$"):
            found(refused)
    with pytest.raises(Missing, match="was not verified: no network"):
        found(Answers(code=1, error=b"no network"))
    (tmp_path / "SHA256SUMS").unlink()
    with pytest.raises(Missing, match="build and sign it first"):
        found(good)

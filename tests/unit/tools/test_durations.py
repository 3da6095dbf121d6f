"""A build's durations and sizes beside those before it: what is told, and what is left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tools.environments import ROOT, Missing
from tools.release import durations

if TYPE_CHECKING:
    from pathlib import Path

HERE = "Linux x86_64, 2 cores"


def build(seconds: float = 2.0, size: int = 1000, *, machine: str = HERE) -> dict[str, Any]:
    """Return a build of one step."""
    return {
        "at": "2026-11-27T05:00:00+00:00",
        "version": "1.2.0",
        "commit": "0123456789abcdef",
        "machine": machine,
        "steps": [{"step": "wheels", "seconds": seconds, "bytes": {"vend-1.2.0.whl": size}}],
    }


def marked(now: dict[str, Any], kept: list[dict[str, Any]]) -> list[str]:
    slow, large = durations.compare(now, kept)
    return [row.name for row in (*slow, *large) if row.marked]


def test_a_slow_step_and_a_larger_artefact_stand_out() -> None:
    kept = [build(), build(2.2), build(1.8)]
    assert marked(build(), kept) == []
    assert marked(build(3.1), kept) == ["wheels", "all"]
    assert marked(build(size=1101), kept) == ["vend-VERSION.whl"]
    assert "wheels (1.55), all (1.55)." in durations.report(build(3.1), kept)


def test_one_slow_build_among_those_before_hides_nothing() -> None:
    kept = [build(), build(90), build()]
    assert marked(build(3.1), kept) == ["wheels", "all"]


def test_durations_of_another_kind_of_machine_do_not_count_and_sizes_do() -> None:
    kept = [build(machine="Darwin arm64, 8 cores")] * 3
    slow, large = durations.compare(build(9, 2000), kept)
    assert [row.ratio for row in slow] == [None, None]
    assert [row.ratio for row in large] == [2.0]


def test_too_few_builds_are_no_median() -> None:
    assert "fewer than 3 builds" in durations.report(build(9), [build(), build()])


def test_another_version_is_the_same_artefact() -> None:
    renamed = json.loads(json.dumps(build(size=2000)).replace("1.2.0", "1.3.0"))
    assert marked(renamed, [build()] * 3) == ["vend-VERSION.whl"]


def test_a_line_that_is_no_build_is_named(tmp_path: Path) -> None:
    kept = tmp_path / "builds.jsonl"
    kept.write_text(json.dumps(build()) + '\n{"at": 1}\n')
    with pytest.raises(Missing, match=r"builds\.jsonl, line 2: .*remove the line"):
        durations.read(kept)
    assert durations.read(tmp_path / "none") == []


def test_without_a_build_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="run `make dist` first"):
        durations.last(tmp_path / "dist.json")


def test_the_page_of_the_documentation_is_that_of_the_kept_builds() -> None:
    kept = durations.read(durations.KEPT)
    assert kept
    assert durations.PAGE.read_text("utf-8") == durations.page(kept)


def test_help_says_where_builds_are_kept() -> None:
    program = ROOT / "tools/release/durations.py"
    done = subprocess.run(
        [sys.executable, program, "--help"], capture_output=True, text=True, check=True
    )
    assert "builds.jsonl" in done.stdout

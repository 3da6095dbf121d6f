"""`vendctl policy check` and `test`: what they print and how they end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import POLICY
from vendctl.__main__ import main

TEST = (
    "tests: [{caller: 'arn:aws:sts::111122223333:assumed-role/payments-ci/x', "
    "repository: payments/api, access: push, expect: %s}]\n"
)
EXAMPLE = Path(__file__).parents[3] / "policy/policy.yaml"


def written(folder: Path, text: str) -> str:
    file = folder / "policy.yaml"
    file.write_text(text)
    return str(file)


def test_a_good_policy_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", written(tmp_path, POLICY)]) == 0
    assert "1 grants, 0 denies, 0 tests" in capsys.readouterr().out


def test_a_bad_policy_ends_with_one_and_every_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = POLICY.replace("access: push", "access: write").replace("30m", "30")
    assert main(["policy", "check", written(tmp_path, text)]) == 1
    assert capsys.readouterr().out.count(" error[") == 2


def test_a_failing_test_ends_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", written(tmp_path, POLICY + TEST % "deny")]) == 1
    assert "expected deny, got allow" in capsys.readouterr().out
    assert main(["policy", "test", written(tmp_path, POLICY + TEST % "allow")]) == 0


def test_a_missing_file_is_said_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", "/nonexistent/policy.yaml"]) == 2
    assert "No such file" in capsys.readouterr().err


def test_the_example_in_the_repository_passes_its_own_tests() -> None:
    assert main(["policy", "test", str(EXAMPLE)]) == 0


def test_what_works_on_files_loads_nothing_of_aws(tmp_path: Path) -> None:
    file = written(tmp_path, POLICY)
    code = (
        "import sys; from vendctl.__main__ import main; main(['policy', 'test', sys.argv[1]]); "
        "sys.exit(sorted({'boto3', 'botocore'} & set(sys.modules)) or 0)"
    )
    places = {"PYTHONPATH": f"{EXAMPLE.parents[1] / 'functions'}:{EXAMPLE.parents[1]}"}
    done = subprocess.run(
        [sys.executable, "-c", code, file], env=places, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        0,
        f"{file}: there are no tests: add some under `tests:`\n",
    )

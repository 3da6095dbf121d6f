"""`vendctl policy test`: tests inside the policy and beside it, and what none of them exercises."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.policies import ALLOWED, CI, GOOD, deny, grant, policy
from vendctl.__main__ import main

DENIED = f'{{caller: "{CI}", repository: payments/ledger, access: push, expect: deny}}'
WRONG = f'{{caller: "{CI}", repository: payments/ledger, access: push, expect: allow}}'


def written(folder: Path, text: str, name: str = "policy.yaml") -> str:
    file = folder / name
    file.write_text(text)
    return str(file)


def test_a_test_that_fails_is_shown_at_its_line_with_what_came_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, policy(tail=deny(), tests=f"  - {ALLOWED}\n  - {WRONG}\n"))
    assert main(["policy", "test", file]) == 1
    out = capsys.readouterr().out
    assert f"{file}:8:5: error[test-fails]: tests[1]: {CI} asks to push payments/ledger" in out
    assert "expected allow, got deny (deny embargo)" in out
    assert f" 8 |   - {WRONG}"[:60] in out
    assert "1 of 2 tests pass" in out


def test_tests_in_other_files_count_as_those_inside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, GOOD)
    good = written(tmp_path, f"tests:\n  - {DENIED}\n", "good.yaml")
    bad = written(tmp_path, f"tests:\n  - {WRONG}\n", "bad.yaml")
    assert main(["policy", "test", file, good, "--strict"]) == 0
    assert "2 of 2 tests pass; they exercise 1 of 1 grants and 1 of 1 denies" in (
        capsys.readouterr().out
    )
    assert main(["policy", "test", file, good, bad]) == 1
    assert f"{bad}:2:5: error[test-fails]: tests[0]" in capsys.readouterr().out


def test_what_no_test_exercises_is_named_and_fails_where_it_is_asked_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = grant("search", repositories="[search/*]")
    file = written(tmp_path, policy(grant(), other, tail=deny()))
    assert main(["policy", "test", file]) == 0
    out = capsys.readouterr().out
    assert f"{file}:4:12: no test exercises the grant 'search'" in out
    assert f"{file}:6:12: no test exercises the deny 'embargo'" in out
    assert main(["policy", "test", file, "--strict"]) == 1


def test_only_a_test_that_passes_exercises_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, policy(tests=f"  - {ALLOWED.replace('allow}', 'deny}')}\n"))
    assert main(["policy", "test", file]) == 1
    assert "no test exercises the grant 'payments-ci'" in capsys.readouterr().out


def test_a_grant_in_monitor_mode_is_exercised_where_it_would_have_given_something(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = f'  - {{caller: "{CI}", repository: search/api, access: push, expect: deny}}\n'
    watched = grant("search", repositories="[search/*]", mode="monitor")
    file = written(tmp_path, policy(grant(), watched, tests=f"  - {ALLOWED}\n{test}"))
    assert main(["policy", "test", file, "--strict"]) == 0, capsys.readouterr().out


def test_a_script_reads_each_outcome(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["policy", "test", written(tmp_path, GOOD), "--json"])
    told = json.loads(capsys.readouterr().out)
    (test,) = told["tests"]
    assert (test["passed"], test["got"], test["why"]) == (True, "allow", "payments-ci")
    assert told["unexercised"] == {"grants": [], "denies": ["embargo"]}


def test_ci_systems_are_given_junits_xml(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, policy(tail=deny(), tests=f"  - {ALLOWED}\n  - {WRONG}\n"))
    assert main(["policy", "test", file, "--junit"]) == 1
    suite = ET.fromstring(capsys.readouterr().out)[0]  # noqa: S314  our own
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = suite[1].find("failure")
    assert failure is not None
    assert "got deny (deny embargo)" in str(failure.get("message"))


@pytest.mark.parametrize("text", ["tests: [{}]\n", "test: []\n", "- 1\n", ""])
def test_a_file_that_holds_no_tests_is_refused_in_words(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, text, "tests.yaml")
    assert main(["policy", "test", written(tmp_path, GOOD), file]) == 1
    assert f"{file}:" in capsys.readouterr().err

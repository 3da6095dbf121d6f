"""`vendctl policy check`: how a problem is shown, to a person, a script and code scanning."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from checking.checks import checked
from tests.fakes import POLICY
from tests.policies import DOCUMENTS, grant, policy
from tools.environments import ROOT
from vendctl.__main__ import main
from vendctl.checking.excerpt import WIDEST, lines_of, shown
from vendctl.checking.sarif import sarif
from vendctl.console import Console
from vending.policy_problems import RULES

TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1}},
}
PLACE = {"type": "integer", "minimum": 1}
SARIF = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "minItems": 1,
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "items": {
                                            "required": [
                                                "id",
                                                "shortDescription",
                                                "fullDescription",
                                                "help",
                                                "helpUri",
                                                "defaultConfiguration",
                                            ],
                                            "properties": {
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "help": TEXT,
                                            },
                                        }
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "items": {
                            "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
                            "properties": {
                                "level": {"enum": ["error", "warning", "note"]},
                                "message": TEXT,
                                "locations": {
                                    "minItems": 1,
                                    "items": {
                                        "properties": {
                                            "physicalLocation": {
                                                "required": ["artifactLocation", "region"],
                                                "properties": {
                                                    "region": {
                                                        "required": ["startLine", "startColumn"],
                                                        "properties": {
                                                            "startLine": PLACE,
                                                            "startColumn": PLACE,
                                                            "endLine": PLACE,
                                                            "endColumn": PLACE,
                                                        },
                                                    }
                                                },
                                            }
                                        }
                                    },
                                },
                            },
                        }
                    },
                },
            },
        },
    },
}
"""What SARIF 2.1.0 requires, and what GitHub's code scanning reads besides. The logs of all of
`tests.policies` were valid against the whole of the OASIS schema when this was written."""


class Terminal(io.StringIO):
    """A stream that a person reads."""

    def isatty(self) -> bool:
        return True


def written(folder: Path, text: str) -> str:
    file = folder / "policy.yaml"
    file.write_text(text)
    return str(file)


def said(folder: Path, text: str, capsys: pytest.CaptureFixture[str], *more: str) -> Any:
    main(["policy", "check", written(folder, text), *more])
    return json.loads(capsys.readouterr().out)


def test_a_problem_is_shown_with_its_line_the_offending_text_and_the_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = POLICY.replace("access: push", "access: write")
    assert main(["policy", "check", written(tmp_path, text)]) == 1
    head, line, marks, cure, *_ = capsys.readouterr().out.splitlines()
    assert "policy.yaml:6:13:" in head
    assert head.endswith(
        "error[wrong-access]: grants[0].access: 'write' is none of pull, push, pull-through"
    )
    assert line == " 6 |     access: write"
    assert marks == "   |             ^^^^^"
    assert cure == "   = cure: write pull, push or pull-through"


def test_warnings_fail_only_where_they_are_asked_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, DOCUMENTS["no-owner"])
    assert main(["policy", "check", file]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("1 tests; 1 warning")
    assert main(["policy", "check", file, "--strict"]) == 1
    assert main(["policy", "check", written(tmp_path, DOCUMENTS["any-character"]), "--strict"]) == 0


def test_a_script_reads_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(tmp_path, DOCUMENTS["unknown-key"], capsys, "--json")
    assert (told["errors"], told["well_formed"], told["grants"]) == (1, False, None)
    (problem,) = told["problems"]
    assert problem["code"] == "unknown-key"
    assert problem["cure"] == "did you mean `max_ttl`?"
    line = DOCUMENTS["unknown-key"].splitlines()[problem["line"] - 1]
    assert line[problem["column"] - 1 : problem["end_column"] - 1] == "max_tll"


@pytest.mark.parametrize("code", RULES)
def test_code_scanning_is_given_a_valid_log_of_every_problem(code: str) -> None:
    text = DOCUMENTS[code].encode()
    report = checked(text, name="policy/my policy.yaml", now=datetime.now(UTC))
    log = sarif(report)
    Draft202012Validator(SARIF).validate(log)
    (run,) = log["runs"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == code
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "policy/my%20policy.yaml"
    assert place["region"]["startLine"] == report.problems[0].line


def test_a_file_of_the_checkout_is_named_from_its_root(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (run,) = said(tmp_path, DOCUMENTS["no-owner"], capsys, "--sarif")["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "policy.yaml"


def test_only_a_terminal_is_given_colours() -> None:
    text = DOCUMENTS["wrong-access"].encode()
    (problem,) = checked(text, name="p", now=datetime.now(UTC)).problems
    coloured = shown(problem, "p", lines_of(text), Console({}, stdout=Terminal()))
    plain = shown(problem, "p", lines_of(text), Console({}, stdout=io.StringIO()))
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_what_a_document_says_never_drives_the_terminal() -> None:
    text = policy(grant(), grant('"\x1b[2J\u202egnp"')).replace("\x1b", "\\e").encode()
    report = checked(text, name="policy\x1b[2J.yaml", now=datetime.now(UTC))
    told = "".join(
        shown(one, report.name, lines_of(text), Console({}, stdout=io.StringIO()))
        for one in report.problems
    )
    assert report.problems
    assert "\x1b" not in told
    assert "\u202e" not in told


def test_of_a_long_line_the_part_in_question_is_shown() -> None:
    text = policy(grant(repositories=f"[{'a' * 200}, {'b' * 100}*]")).encode()
    (problem,) = [
        one
        for one in checked(text, name="p", now=datetime.now(UTC)).problems
        if one.code == "wide-pattern"
    ]
    _, line, marks, _ = shown(problem, "p", lines_of(text), Console({})).splitlines()
    assert len(line) <= WIDEST + 10
    part = line[marks.index("^") : marks.rindex("^") + 1]
    assert part.rstrip("…")
    assert set(part) <= {"b", "*", "…"}


def test_no_help_is_without_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("check", "test"):
        with pytest.raises(SystemExit):
            main(["policy", action, "--help"])
        assert f"vendctl policy {action} policy/policy.yaml" in capsys.readouterr().out


def documented() -> dict[str, tuple[str, str]]:
    """Return the severity and the cure of each code in the table of the documentation."""
    page = (ROOT / "docs/policy.md").read_text()
    rows = re.findall(
        r'^\| <a id="([\w-]+)"></a>`\1` \| (\w+) \| .+ \| ([^|]+) \|$', page, re.MULTILINE
    )
    return {code: (severity, cure) for code, severity, cure in rows}


def test_every_code_is_documented_with_its_severity_and_cure() -> None:
    assert documented() == {code: (rule.severity, rule.cure) for code, rule in RULES.items()}

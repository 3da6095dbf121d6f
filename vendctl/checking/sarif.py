"""Problems in SARIF 2.1.0, which code scanning shows beside the lines of a pull request.

Source: OASIS "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", and GitHub's
"SARIF support for code scanning".
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from vending.policy_problems import RULES, Severity
from vending.release import VERSION

if TYPE_CHECKING:
    from checking.checks import Report
    from vending.policy_problems import Problem, Rule

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
PROJECT = "https://github.com/ecr-vend/ecr-vend"
HELP = f"{PROJECT}/blob/main/docs/policy.md"


def sarif(report: Report) -> dict[str, Any]:
    """Return a log of one run, with every rule and every problem."""
    codes = list(RULES)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "vendctl policy check",
                        "semanticVersion": VERSION,
                        "informationUri": PROJECT,
                        "rules": [rule_of(code, RULES[code]) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    result_of(problem, uri_of(report.name), codes.index(problem.code))
                    for problem in report.problems
                ],
            }
        ],
    }


def rule_of(code: str, rule: Rule) -> dict[str, Any]:
    """Return what code scanning shows of a rule."""
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in code.split("-")),
        "shortDescription": {"text": rule.about},
        "fullDescription": {"text": rule.about},
        "help": {
            "text": f"{rule.about} {rule.cure}",
            "markdown": f"{rule.about}\n\n**Cure.** {rule.cure}\n\n[More]({HELP}#{code})",
        },
        "helpUri": f"{HELP}#{code}",
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {
            "tags": ["security", "policy"],
            "precision": "very-high" if rule.severity is Severity.ERROR else "high",
        },
    }


def result_of(problem: Problem, uri: str, index: int) -> dict[str, Any]:
    """Return one problem at its place."""
    region = {"startLine": problem.line, "startColumn": problem.column}
    if problem.end > (problem.line, problem.column):
        region |= {"endLine": problem.end[0], "endColumn": problem.end[1]}
    said = f"{problem.key}: {problem.message}" if problem.key else problem.message
    return {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": problem.severity.value,
        "message": {"text": f"{said}. Cure: {problem.remedy}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
                    "region": region,
                }
            }
        ],
    }


def uri_of(name: str) -> str:
    """Return a file's name as code scanning wants it: from the folder of the checkout."""
    path = Path(name)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return quote(str(PurePosixPath(path)))

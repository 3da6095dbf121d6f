"""`vendctl policy check`: every problem in a policy, each with its place and cure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from checking.checks import checked
from vendctl.checking.excerpt import lines_of, shown
from vendctl.checking.sarif import HELP, sarif
from vendctl.command_line import action
from vendctl.policy.document import add_file, text_of
from vending.policy_problems import Severity

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from checking.checks import Report
    from vendctl.console import Console
    from vending.policy_problems import Problem


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    parser = action(
        actions,
        "check",
        run,
        examples=[
            "vendctl policy check policy/policy.yaml",
            "vendctl policy check policy/policy.yaml --strict",
            "vendctl policy check policy/policy.yaml --sarif > policy.sarif",
            "git show HEAD~1:policy/policy.yaml | vendctl policy check -",
        ],
    )
    add_file(parser)
    parser.add_argument("--strict", action="store_true", help="fail on warnings too")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for scripts")
    form.add_argument("--sarif", action="store_true", help="SARIF 2.1.0, for code scanning")


def run(asked: argparse.Namespace, console: Console) -> int:
    """Say every problem in a policy, each with its line, the offending text and the cure.

    What AppConfig's validator checks before a policy is deployed, and nothing else: its errors are
    errors here.
    """
    text = text_of(asked.file)
    report = checked(text, name=asked.file, now=datetime.now(UTC))
    counts = {severity: len(report.of(severity)) for severity in Severity}
    if asked.sarif:
        console.json(sarif(report))
    elif asked.json:
        console.json(document_of(report, counts))
    else:
        lines = lines_of(text)
        for problem in report.problems:
            console.line(shown(problem, report.name, lines, console) + "\n")
        console.line(f"{asked.file}: {summary(report, list(counts.values()))}")
    failed = counts[Severity.ERROR] or (asked.strict and counts[Severity.WARNING])
    return 1 if failed else 0


def summary(report: Report, counts: Sequence[int]) -> str:
    """Return what was looked at and found, in a line."""
    found = ", ".join(
        f"{count} {severity}{'' if count == 1 else 's'}"
        for severity, count in zip(Severity, counts, strict=True)
        if count
    )
    if report.policy is None:
        return found
    policy = report.policy
    return (
        f"{len(policy.grants)} grants, {len(policy.denies)} denies, {len(policy.tests)} tests; "
        + (found or "nothing is wrong")
    )


def document_of(report: Report, counts: dict[Severity, int]) -> dict[str, Any]:
    """Return the report for a script."""
    policy = report.policy
    return {
        "file": report.name,
        "well_formed": policy is not None,
        "grants": len(policy.grants) if policy else None,
        "denies": len(policy.denies) if policy else None,
        "tests": len(policy.tests) if policy else None,
        "errors": counts[Severity.ERROR],
        "warnings": counts[Severity.WARNING],
        "notes": counts[Severity.NOTE],
        "problems": [problem_of(problem) for problem in report.problems],
    }


def problem_of(problem: Problem) -> dict[str, Any]:
    """Return a problem for a script."""
    return {
        "code": problem.code,
        "severity": problem.severity.value,
        "line": problem.line,
        "column": problem.column,
        "end_line": max(problem.end[0], problem.line),
        "end_column": problem.end[1] or problem.column,
        "key": problem.key,
        "message": problem.message,
        "cure": problem.remedy,
        "help": f"{HELP}#{problem.code}",
    }

"""How a report is told: to a person, line by line, and to a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vendctl.doctor.findings import minified
from vending.messages import printable
from vending.policy_problems import Severity

if TYPE_CHECKING:
    from vendctl.console import Console
    from vendctl.doctor.account import Asked
    from vendctl.doctor.findings import Finding, Report

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def tell(report: Report, asked: Asked, console: Console) -> None:
    """Print a report for a person. What came from AWS drives no terminal."""
    for finding in report.findings:
        told(finding, console)
    for gap in report.unread:
        mark = console.coloured("could not look", "red")
        console.line(f"{mark}: {printable(gap.where)}: {gap.call}: {printable(gap.why)}")
    if report.unread:
        console.line()
    looked = ", ".join(f"{count} {what}" for what, count in report.looked_at.items())
    counts = ", ".join(counted(report.count(one), one) for one in Severity)
    place = asked.place
    console.line(f"{place.account}.dkr.ecr.{place.region}: looked at {looked}; found {counts}")
    if report.unread:
        console.line(f"{len(report.unread)} could not be looked at: nothing is known of these")


def counted(number: int, severity: Severity) -> str:
    """Return how many findings of a severity there are, in words."""
    return f"{number} {severity}" if number == 1 else f"{number} {severity}s"


def told(finding: Finding, console: Console) -> None:
    """Print one finding."""
    severity = console.coloured(str(finding.severity), COLOURS[finding.severity], "bold")
    console.line(f"{severity} {finding.code}: {printable(finding.where)}{place_in(finding)}")
    if finding.statement is not None:
        console.line(f"  {printable(minified(dict(finding.statement.body)))}")
    console.line(f"  {printable(finding.why)}")
    console.line(f"  {console.coloured('cure', 'green')}: {printable(finding.cure)}")
    for command in finding.commands:
        console.line(f"    {printable(command.line())}")
    console.line()


def place_in(finding: Finding) -> str:
    """Return which statement is meant, for the end of a line."""
    if finding.statement is None:
        return ""
    sid = f" ({printable(finding.statement.sid)})" if finding.statement.sid else ""
    return f", {printable(finding.policy)}, statement {finding.statement.number}{sid}"


def as_json(report: Report, asked: Asked) -> dict[str, Any]:
    """Return a report for a script."""
    place = asked.place
    return {
        "registry": {"account": place.account, "region": place.region},
        "roles": {str(access): name for access, name in asked.roles.items()},
        "function_role": asked.function_role,
        "looked_at": dict(report.looked_at),
        "findings": [one.as_json() for one in report.findings],
        "could_not_look": [one.as_json() for one in report.unread],
    }

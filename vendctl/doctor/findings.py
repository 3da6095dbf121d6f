"""What the doctor finds: one defect, where it stands, why it matters, and what ends it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vending.policy_problems import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vendctl.doctor.documents import Statement


@dataclass(frozen=True, slots=True)
class Command:
    """One call of AWS that cures.

    Attributes:
        service: As the AWS CLI calls it.
        operation: As the AWS CLI calls it, such as `put-role-policy`.
        parameters: As the API calls them; a document is JSON text.
        region: Where, for services that have regions.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any]
    region: str = ""

    def line(self) -> str:
        """Return it as it is typed into a shell."""
        words = ["aws", self.service, self.operation]
        for name, value in self.parameters.items():
            option = "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")
            words += [f"--{option}"] if value is True else [f"--{option}", str(value)]
        words += ["--region", self.region] if self.region else []
        return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect.

    Attributes:
        code: One of CODES.
        severity: An error defeats the scope; a warning leaves one thing that still holds it.
        where: ARN, or name, of what has it.
        why: Why it defeats the scoping: one sentence.
        cure: What ends it: one sentence.
        commands: The calls that do so, in this order.
        statement: The statement at fault, where it is one.
        policy: Which document that statement stands in.
    """

    code: str
    severity: Severity
    where: str
    why: str
    cure: str
    commands: tuple[Command, ...] = ()
    statement: Statement | None = None
    policy: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it for a script."""
        found: dict[str, Any] = {
            "code": self.code,
            "severity": self.severity,
            "where": self.where,
            "why": self.why,
            "cure": self.cure,
            "commands": [command.line() for command in self.commands],
        }
        if self.statement is not None:
            found |= {
                "policy": self.policy,
                "statement": dict(self.statement.body),
                "statement_number": self.statement.number,
                "statement_id": self.statement.sid,
            }
        return found


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that AWS did not let the doctor read. Nothing is known of it, least of all good.

    Attributes:
        call: The IAM action, such as `ecr:GetRepositoryPolicy`.
        where: What it was asked of.
        why: AWS's code or the kind of failure.
    """

    call: str
    where: str
    why: str

    def as_json(self) -> dict[str, str]:
        """Return it for a script."""
        return {"call": self.call, "where": self.where, "why": self.why}


@dataclass(frozen=True, slots=True)
class Report:
    """What an examination gave.

    Attributes:
        findings: The worst first.
        unread: What could not be looked at.
        looked_at: How many of each kind of thing were read.
    """

    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...] = ()
    looked_at: Mapping[str, int] = field(default_factory=dict)

    def count(self, severity: Severity) -> int:
        """Return how many findings are of a severity."""
        return sum(one.severity is severity for one in self.findings)

    def exit_code(self, *, strict: bool) -> int:
        """Return 0 where nothing is wrong, 1 for findings or gaps, 2 where nothing was read."""
        if self.unread and not any(self.looked_at.values()):
            return 2
        wrong = self.count(Severity.ERROR) + (self.count(Severity.WARNING) if strict else 0)
        return 1 if wrong or self.unread else 0


def minified(document: object) -> str:
    """Return a policy document as it is given to AWS, in letters that drive no terminal."""
    return json.dumps(document, separators=(",", ":"))


EITHER = (Severity.ERROR, Severity.WARNING)

CODES: dict[str, tuple[Severity, ...]] = {
    # Statements of repository policies, of the registry's policy, of creation templates.
    "open-to-everyone": (Severity.ERROR,),
    "everyone-but": (Severity.ERROR,),
    "session-named": EITHER,
    "principal-by-condition": EITHER,
    "role-named": (Severity.ERROR, Severity.NOTE),
    "foreign-account": (Severity.WARNING, Severity.NOTE),
    # The vended roles.
    "deny-of-actions": (Severity.ERROR,),
    "deny-of-registries": (Severity.ERROR,),
    "deny-of-prefixes": (Severity.ERROR,),
    "wider-actions": EITHER,
    "wider-resources": EITHER,
    "boundary-missing": EITHER,
    "boundary-wide": EITHER,
    "long-sessions": (Severity.WARNING,),
    "revocations-detached": (Severity.WARNING,),
    # Who may be them, and whom they may be.
    "trust-others": (Severity.ERROR,),
    "trust-unbound": (Severity.WARNING,),
    "trust-stale": (Severity.WARNING,),
    "onward-trust": EITHER,
    "function-role-trusted": (Severity.ERROR,),
    "function-role-untied": (Severity.WARNING,),
    "function-role-elsewhere": (Severity.NOTE,),
    # The registry beside its policies.
    "pull-through-everywhere": (Severity.WARNING,),
    "replicated-elsewhere": (Severity.NOTE,),
    "mutable-tags": (Severity.NOTE,),
    "quota-below-throttle": (Severity.NOTE,),
    "repositories-ungranted": (Severity.NOTE,),
}
"""Every code, with the severities it comes in. docs/registries.md has the why and the cure."""

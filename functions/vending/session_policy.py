"""Turn a decision into the STS session policy that IAM enforces: pure, minified, sized."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vending.access import Access
from vending.errors import Code, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vending.caller import Origin
    from vending.decision import Decision

LONGEST = 2048
"""Characters that STS takes as a session policy. Source: `Policy` of AssumeRole. What it packs
the policy into has a limit of its own, which only STS can tell."""

MINT = "ecr:GetAuthorizationToken"
READ = ["ecr:BatchCheck*", "ecr:BatchGet*", "ecr:Get*", "ecr:List*"]
"""What remains where only a pull is granted. Whatever else ECR has or will have is denied there."""


def session_policy(decision: Decision, origin: Origin, *, partition: str) -> str:
    """Return the session policy for `decision`, minified JSON.

    It allows all of ECR and then denies, because an allow-list alone is defeated by a repository
    policy that names the session: such a grant is limited by explicit denies only (IAM user guide,
    "Session policies"). The vended role bounds actions and registry, so ARNs here name neither.

    Args:
        decision: One that was not refused.
        origin: Where the request came from, for a decision that binds it.
        partition: Of the registry, such as `aws`.

    Raises:
        Refused: It is longer than STS takes; the sentence says what to ask for instead.
    """
    if decision.expires_at is None:
        raise ValueError("a refused decision has no session policy")

    def arns(repositories: Iterable[str]) -> list[str] | str:
        found = [f"arn:{partition}:ecr:*:*:repository/{name}" for name in repositories]
        return found[0] if len(found) == 1 else found

    granted = [pattern for held in decision.scope.values() for pattern in held]
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"},
        {"Effect": "Deny", "NotAction": MINT, "NotResource": arns(granted)},
    ]
    if decision.access is not Access.PULL and Access.PULL in decision.scope:
        highest = decision.scope[decision.access]
        statements.append({"Effect": "Deny", "NotAction": READ, "NotResource": arns(highest)})
    if decision.excluded:
        statements.append({"Effect": "Deny", "Action": "*", "Resource": arns(decision.excluded)})
    if decision.ceiling is not None:
        outside = arns(decision.ceiling)
        statements.append({"Effect": "Deny", "NotAction": MINT, "NotResource": outside})
    statements.append(
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {
                "DateGreaterThan": {
                    "aws:CurrentTime": decision.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")
                }
            },
        }
    )
    if decision.bind_source_ip:
        statements.append(
            {
                "Effect": "Deny",
                # The function mints from its own address; everything after comes from the caller.
                "NotAction": MINT,
                "Resource": "*",
                "Condition": elsewhere(origin),
            }
        )
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    if len(text) > LONGEST:
        raise Refused(Code.SCOPE_TOO_LARGE, ask_for_less(len(granted), len(text)))
    return text


def elsewhere(origin: Origin) -> dict[str, dict[str, str]]:
    """Return the condition that holds everywhere but where the request came from.

    A negated condition holds when its key is absent, as `aws:SourceIp` is through a VPC endpoint,
    so a private caller is bound to its VPC instead.
    """
    if origin.vpc:
        return {"StringNotEquals": {"aws:SourceVpc": origin.vpc}}
    return {"NotIpAddress": {"aws:SourceIp": origin.source_ip}}


def ask_for_less(patterns: int, characters: int | None = None) -> str:
    """Return the sentence for a scope that fits no session policy."""
    size = f"takes {characters} of the {LONGEST} characters" if characters else "is larger than"
    return (
        f"A token for these {patterns} repositories or patterns {size} that STS allows. Name fewer "
        "repositories in `pull` and `push`, or draw on one grant by its name in `grant`."
    )

"""What was revoked and how it stands, as the service says it, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_vend.errors import Problem, clean

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS = {
    "vend": "the token of {}",
    "caller": "every token of {}",
    "before": "every token issued before {}",
}


@dataclass(frozen=True, slots=True)
class Revocation:
    """One revocation.

    Attributes:
        id: Its name, with which a block is lifted.
        kind: `vend`, `caller` or `before`.
        target: What it is about.
        reason: Why.
        by: Who revoked it.
        at: When.
        blocked: Whether no more tokens are issued for it.
        lifted: Who lifted the block and when, or nothing.
        registries: Host → how it stands there.
    """

    id: str
    kind: str
    target: str
    reason: str
    by: str
    at: str
    blocked: bool
    lifted: str
    registries: Mapping[str, str]

    def lines(self) -> list[str]:
        """Return it as lines for a person; the first says what."""
        what = WORDS.get(self.kind, "{}").format(self.target)
        said = [f"{self.id}: {what}"]
        if self.kind == "caller":
            standing = "it gets no more until this is lifted" if self.blocked else "not blocked"
            said.append(f"lifted by {self.lifted}" if self.lifted else standing)
        said.append(f"by {self.by} at {self.at}: {self.reason}")
        said += [f"{registry}: {state}" for registry, state in self.registries.items()]
        first, *others = map(clean, said)
        return [first, *(f"  {line}" for line in others)]


def read(answer: Mapping[str, Any], endpoint: str) -> Revocation:
    """Return the revocation that the service's answer holds.

    Raises:
        Problem: `unexpected_answer`.
    """
    try:
        lifted = f"{answer['lifted_by']} at {answer['lifted_at']}" if answer["lifted_at"] else ""
        return Revocation(
            id=str(answer["id"]),
            kind=str(answer["kind"]),
            target=str(answer["target"]),
            reason=str(answer["reason"]),
            by=str(answer["revoked_by"]),
            at=str(answer["revoked_at"]),
            blocked=bool(answer["blocked"]),
            lifted=lifted,
            registries={str(host): str(state) for host, state in answer["registries"].items()},
        )
    except (KeyError, TypeError, AttributeError):
        detail = "it is no revocation"
        raise Problem("unexpected_answer", endpoint=endpoint, detail=detail) from None


def listed(answer: Mapping[str, Any], endpoint: str) -> list[str]:
    """Return the lines of all that the service lists.

    Raises:
        Problem: `unexpected_answer`.
    """
    found = answer.get("revocations")
    if not isinstance(found, list):
        detail = "it is no list"
        raise Problem("unexpected_answer", endpoint=endpoint, detail=detail)
    return [line for one in found for line in read(one, endpoint).lines()]

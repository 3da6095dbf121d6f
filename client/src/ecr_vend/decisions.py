"""What the service would decide about a request, its dry run, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ecr_vend.errors import Problem, clean
from ecr_vend.moments import until

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_SESSION_POLICY = 2048
"""Characters that STS takes."""

WORDS = {"pull": "pull", "push": "push and pull", "pull-through": "pull through the cache"}
REASONS = {"not_granted": "no grant of yours allows it"}


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a dry run.

    Attributes:
        registry: The host it is about.
        allowed: Access → repositories, literal or patterns.
        dropped: What was asked for and is not granted, each with why.
        refusal: Why nothing is allowed, or None.
        expires: When a token would end, seconds since the epoch by the service's clock, or None.
        grants: Names of the grants that allow it.
        size: Characters of the session policy.
        revision: The policy's.
        reference: The id under which the service has noted it.
    """

    registry: str
    allowed: Mapping[str, list[str]]
    dropped: tuple[str, ...]
    refusal: str | None
    expires: float | None
    grants: tuple[str, ...]
    size: int
    revision: str
    reference: str

    @property
    def whole(self) -> bool:
        """Return whether all that was asked for is allowed."""
        return not self.refusal and not self.dropped

    def lines(self, now: float) -> list[str]:
        """Return it as lines for a person; the first is the answer."""
        reference = f"policy revision {self.revision}, {self.reference}"
        if self.refusal:
            return indented([f"Refused: {self.refusal}", reference])
        granted = "; ".join(
            f"{WORDS.get(access, access)} {', '.join(names)}"
            for access, names in self.allowed.items()
        )
        end = f", until {until(self.expires, now)}" if self.expires is not None else ""
        told = "Allowed" if self.whole else "Allowed in part"
        said = [f"{told}: {granted} at {self.registry}{end}"]
        said += [f"Not allowed: {what}" for what in self.dropped]
        size = f"session policy {self.size} of {LARGEST_SESSION_POLICY} characters"
        said.append(f"By {', '.join(self.grants)}; {size}; {reference}")
        return indented(said)


def indented(said: list[str]) -> list[str]:
    """Return lines fit for a terminal, all but the first indented."""
    first, *others = map(clean, said)
    return [first, *(f"  {line}" for line in others)]


def read(answer: Mapping[str, Any], endpoint: str) -> Decision:
    """Return the decision that the service's answer holds.

    Raises:
        Problem: `unexpected_answer`.
    """
    try:
        refusal, ends = answer["refusal"], answer["expires_at"]
        return Decision(
            registry=str(answer["registry"]),
            allowed={
                str(access): list(map(str, names)) for access, names in answer["scope"].items()
            },
            dropped=tuple(
                f"{WORDS.get(one['access'], one['access'])} {one['repository']}: "
                f"{REASONS.get(one['reason'], one['reason'])}"
                for one in answer["dropped"]
            ),
            refusal=f"{refusal['detail']} ({refusal['code']})" if refusal else None,
            expires=datetime.fromisoformat(ends).astimezone(UTC).timestamp() if ends else None,
            grants=tuple(map(str, answer["grants"])),
            size=int(answer["session_policy_size"]),
            revision=str(answer["policy_revision"]),
            reference=str(answer["vend_id"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        detail = "it is no decision"
        raise Problem("unexpected_answer", endpoint=endpoint, detail=detail) from None

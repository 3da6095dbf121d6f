"""How long each phase of a vend took, as its record says. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PHASES = ("decide", "count", "intend", "mint")
"""The policy, the blocks and the decision; the budgets; the intent; STS and ECR."""


def lengths(marks: Sequence[float]) -> dict[str, float]:
    """Return how long each phase took, in seconds.

    Recording the outcome cannot be in its own record: the metric `IssueSeconds` has it.

    Args:
        marks: When the first phase began, and when each ended.
    """
    return {
        phase: end - start for phase, start, end in zip(PHASES, marks[:-1], marks[1:], strict=True)
    }

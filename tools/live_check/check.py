"""A check: what is claimed, who relies on it, and what came of trying it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.live_check.world import World


class Verdict(StrEnum):
    """What a check came to."""

    HOLDS = "holds"
    DOES_NOT = "does not hold"
    UNKNOWN = "could not tell"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check saw.

    Attributes:
        verdict: Whether the claim holds.
        did: What was done, in a few words.
        saw: What came of it. Neither holds a token, a key, or the address of a layer.
    """

    verdict: Verdict
    did: str
    saw: str


class CannotTell(Exception):
    """A check cannot be made here, or what it saw means neither yes nor no."""


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about AWS.

    Attributes:
        name: For `--only`.
        claim: What should hold.
        rests: Where the documentation rests on it.
        run: Tries it. It raises CannotTell where that is not possible.
        emulated: Whether the embedded stack's answer means anything.
        minutes: It takes at most, where that is more than one or two.
    """

    name: str
    claim: str
    rests: str
    run: Callable[[World], Seen]
    emulated: bool
    minutes: int


CHECKS: list[Check] = []
"""In the order in which they run."""


def check(
    name: str, claim: str, *, rests: str, emulated: bool = False, minutes: int = 2
) -> Callable[[Callable[[World], Seen]], Callable[[World], Seen]]:
    """Make a function a check."""

    def keep(run: Callable[[World], Seen]) -> Callable[[World], Seen]:
        CHECKS.append(Check(name, claim, rests, run, emulated, minutes))
        return run

    return keep


def seen(holds: bool, did: str, saw: str) -> Seen:  # noqa: FBT001
    """Return what a check that could tell has seen."""
    return Seen(Verdict.HOLDS if holds else Verdict.DOES_NOT, did, saw)

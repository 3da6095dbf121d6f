"""One vend as the report counts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_vend import moments, vends
from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

OUTCOMES = ("issued", "refused", "failed", "unfinished")
"""How a vend may end; `unfinished`: it never did, and no token left."""


@dataclass(frozen=True, slots=True)
class Period:
    """From one moment on, until just before another; both aware, in UTC."""

    start: datetime
    end: datetime

    def before(self) -> Period:
        """Return the period of the same length that ends where this one begins."""
        return Period(self.start - self.length, self.start)

    @property
    def length(self) -> timedelta:
        """Return how long it is."""
        return self.end - self.start


class Repository(NamedTuple):
    """A repository, or a pattern of some, in a registry.

    Attributes:
        registry: The registry's name in the policy.
        name: As it was asked for or granted.
    """

    registry: str
    name: str

    @property
    def label(self) -> str:
        """Return it as a person reads it."""
        return (
            self.name if self.registry == "default" else f"{self.name} (registry {self.registry})"
        )

    @property
    def is_pattern(self) -> bool:
        """Return whether it means more than one."""
        return any(sign in self.name for sign in "*?")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is counted of a vend.

    Attributes:
        vend_id: Names it.
        at: When it was asked for.
        outcome: One of OUTCOMES.
        caller: The caller's key.
        caller_name: Account and name, for a person.
        repositories: What it asked for, got or lost.
        pushed: What its token could push to.
        code: Of its refusal or failure, empty where there is none.
        rules: The policy's rules that took something from it.
        grants: That contributed.
        break_glass: Whether a break-glass grant did.
        probe: Whether the stack's own prober asked.
        reason: The caller's words.
        cells: Of its row in a table; see `vends.row`.
        record: All that the service says of it.
    """

    vend_id: str
    at: datetime
    outcome: str
    caller: str
    caller_name: str
    repositories: tuple[Repository, ...]
    pushed: tuple[Repository, ...]
    code: str
    rules: tuple[str, ...]
    grants: tuple[str, ...]
    break_glass: bool
    probe: bool
    reason: str
    cells: Mapping[str, str]
    record: Mapping[str, Any]

    @property
    def when(self) -> str:
        """Return when it was asked for, in UTC, as a person reads it."""
        return f"{self.at:%Y-%m-%d %H:%M:%S}"


def facts_of(
    vend: Mapping[str, Any],
    endpoint: str,
    *,
    repository: str = "",
    could: Mapping[str, Sequence[str]] | None = None,
) -> Facts:
    """Return what is counted of a vend.

    Args:
        vend: Its record.
        endpoint: The service's URL, for the message.
        repository: The one that the report is about; empty where it is about all.
        could: Of such a report: vend id → what its token could do with that repository.

    Raises:
        Problem: `unexpected_answer`.
    """
    cells = vends.row(vend, endpoint, could)
    try:
        registry = str(vend["registry"]["name"])
        asked, scope = vend["asked"]["repositories"], vend["scope"]
        rules = [(str(one["repository"]), str(one["rule"])) for one in vend["dropped"]]
        outcome = OUTCOMES[OUTCOMES.index(cells["outcome"])]
        issued = outcome == "issued"
        if repository:
            names, pushes = [repository], [repository] if "push" in cells["could"].split() else []
        else:
            lists = [*asked.values(), *scope.values(), [name for name, _ in rules]]
            names, pushes = [name for names in lists for name in names], scope.get("push", [])
        return Facts(
            vend_id=cells["vend_id"],
            at=moments.parsed(cells["asked_at"]),
            outcome=outcome,
            caller=str(vend["caller_key"]),
            caller_name=cells["caller"],
            repositories=tuple(dict.fromkeys(Repository(registry, str(one)) for one in names)),
            pushed=tuple(Repository(registry, str(one)) for one in pushes) if issued else (),
            code=str(vend["code"] or ""),
            rules=tuple(dict.fromkeys(rule for _, rule in rules)),
            grants=tuple(map(str, vend["grants"])),
            break_glass=bool(vend["break_glass"]),
            probe=bool(vend["probe"]),
            reason=str(vend["reason"] or ""),
            cells=cells,
            record=vend,
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        detail = "it is no record of a vend"
        raise Problem("unexpected_answer", endpoint=endpoint, detail=detail) from None

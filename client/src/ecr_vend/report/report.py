"""All that a page is made of."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ecr_vend.moments import iso
from ecr_vend.report.markup import Html, link, told
from ecr_vend.report.tables import number
from ecr_vend.report.tally import Group, Tally, width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_vend.report.anomalies import Anomaly
    from ecr_vend.report.facts import Facts, Repository


@dataclass(frozen=True, slots=True)
class Could:
    """Who could have had access to a repository, as the service decided it.

    Attributes:
        repository: Which.
        push: Cells of those who could push; see `access.rows`.
        pull: Of those who could pull: these and all others.
        notes: What the service says beside it.
        untold: Why it could not be told; empty where it was.
    """

    repository: Repository
    push: Sequence[Mapping[str, str]] = ()
    pull: Sequence[Mapping[str, str]] = ()
    notes: Sequence[str] = ()
    untold: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What is reported.

    Attributes:
        endpoint: URL of the service that was asked.
        only: What the report is about: `caller`, `repository`, `grant` or `outcome`; empty for all.
        now: Of its period.
        before: Of the one before.
        could: Of the repositories that were asked about.
        repositories: How many there are that could have been asked about.
        anomalies: What differs from the period before.
        made_at: When.
        version: Of the client.
    """

    endpoint: str
    only: Mapping[str, str]
    now: Tally
    before: Tally
    could: Sequence[Could]
    repositories: int
    anomalies: Sequence[Anomaly]
    made_at: datetime
    version: str

    def caller(self, key: str) -> str:
        """Return a caller as a person reads it."""
        return self.now.callers.get(key) or self.before.callers.get(key) or key

    def title(self, group: Group) -> str:
        """Return what a group of vends is."""
        match group.kind, group.name:
            case "all", _:
                return "All vends"
            case "outcome", (outcome,):
                return f"Vends that are {outcome}"
            case "time", (start,):
                return f"{self.bar()} {start[:16].replace('T', ' ')} UTC"
            case "caller", (key,):
                return f"Caller {self.caller(key)}"
            case "pair", (key, repository):
                return f"Caller {self.caller(key)} and repository {repository}"
            case "push", (key, repository):
                return f"Push to {repository} by {self.caller(key)}"
            case "refusal", (outcome, code):
                return f"{outcome.capitalize()} with {code}"
            case "rule", (rule,):
                return f"Something taken by the rule {rule}"
            case "break-glass", _:
                return "Vends by break-glass"
            case kind, name:
                return f"{kind.capitalize()} {' '.join(name)}"

    def bar(self) -> str:
        """Return what a bar of the chart over time is."""
        step = width(self.now.period)
        return "Hour" if step.days == 0 else "Day" if step.days == 1 else "Week from"

    def command(self, group: Group) -> tuple[str, bool]:
        """Return the command that lists a group, and whether it lists others with them."""
        asked, exact = self.selector(group)
        start, end = self.now.period.start, self.now.period.end
        if group.kind == "time":
            at = datetime.fromisoformat(group.name[0])
            start, end = max(start, at), min(end, at + width(self.now.period))
        words = ["ecr-vend", "audit", "list", *asked]
        words += ["--from", iso(start.timestamp()), "--to", iso(end.timestamp()), "--limit", "0"]
        return shlex.join(words), not exact

    def selector(self, group: Group) -> tuple[Sequence[str], bool]:
        """Return the options that select a group, and whether they do so exactly."""
        if self.only:  # the service selects by one thing
            ((name, value),) = self.only.items()
            return (f"--{name}", value), group.kind in {"all", "time"}
        match group.kind, group.name:
            case (("caller" | "grant"), (value,)):
                return (f"--{group.kind}", value), True
            case "outcome", (value,) if value != "unfinished":
                return ("--outcome", value), True
            case "repository", (name,) if name.isprintable() and not set(name) & set("*? "):
                return ("--repository", name), True
            case (("pair" | "push"), (key, _)):
                return ("--caller", key), False
            case "refusal", (outcome, _):
                return ("--outcome", outcome), False
            case kind, _:
                return (), kind in {"all", "time"}


@dataclass(slots=True)
class Places:
    """Where in the page the vends of a figure are, and each vend; what is linked gets a place.

    The names of the places are numbers: nothing that a caller wrote is part of one.

    Attributes:
        now: The vends that are counted.
        groups: Group → its place.
        vends: Vend id → the vend and its place.
    """

    now: Tally
    groups: dict[Group, str] = field(default_factory=dict)
    vends: dict[str, tuple[Facts, str]] = field(default_factory=dict)

    def count(self, kind: str, *name: str) -> Html:
        """Return how many vends a group has, as the link to them; zero has none."""
        return self.figure(Group(kind, name), self.now.of(kind, *name).total)

    def figure(self, group: Group, count: int) -> Html:
        """Return a number of vends, some of a group, as the link to it."""
        if not count or group not in self.now.groups:
            return Html(number(count))
        place = self.groups.setdefault(group, f"figure-{len(self.groups) + 1}")
        return link(place, number(count))

    def vend(self, facts: Facts) -> Html:
        """Return a vend's id, as the link to all that is known of it."""
        _, place = self.vends.setdefault(facts.vend_id, (facts, f"vend-{len(self.vends) + 1}"))
        return link(place, told(facts.vend_id))

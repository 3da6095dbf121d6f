"""What AppConfig holds of the policy: its versions, its deployments, and which of them serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

UNDER_WAY = frozenset({"VALIDATING", "DEPLOYING", "BAKING", "ROLLING_BACK"})
UNDONE = frozenset({"ROLLED_BACK", "REVERTED"})
SERVES = "COMPLETE"

UNKNOWN = 0
"""The number of a version that was deployed by its label and deleted since."""

BACK = ("ROLLBACK_STARTED", "ROLLBACK_COMPLETED", "REVERT_COMPLETED")
"""The events of a deployment that was undone, and say why."""


@dataclass(frozen=True, slots=True)
class Version:
    """A text that AppConfig keeps; it never changes.

    Attributes:
        number: Counted by AppConfig.
        label: `author/commit`, or "".
    """

    number: int
    label: str = ""

    def __str__(self) -> str:
        return f"version {self.number}" + (f" ({self.label})" if self.label else "")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a deployment's event log.

    Attributes:
        kind: AppConfig's word, such as `PERCENTAGE_UPDATED`.
        by: Who brought it about: `USER`, `APPCONFIG`, `CLOUDWATCH_ALARM` or `INTERNAL_ERROR`.
        told: AppConfig's sentence.
        at: When.
    """

    kind: str
    by: str
    told: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """How one version was, or is being, brought to the functions.

    Attributes:
        number: Counted by AppConfig.
        version: What it brings.
        state: AppConfig's word, such as `DEPLOYING`.
        percentage: Of the functions' instances that it has reached.
        started: When.
        completed: When it reached all, or None.
        told: What whoever started it said of itself.
        minutes: How long its strategy takes from the first instance to the last.
        events: Its log, oldest first; empty where only a list was asked for.
    """

    number: int
    version: Version
    state: str
    percentage: float = 0.0
    started: datetime | None = None
    completed: datetime | None = None
    told: str = ""
    minutes: int = 0
    events: tuple[Event, ...] = ()

    def __str__(self) -> str:
        return f"deployment {self.number} of {self.version}"

    @property
    def is_under_way(self) -> bool:
        """Whether AppConfig is still at it, so that it takes no other one."""
        return self.state in UNDER_WAY

    @property
    def progress(self) -> str:
        """How far it is."""
        return f"{self.state}, {self.percentage:g} %"

    @property
    def reason(self) -> str:
        """Why it was undone, out of its log, or ""."""
        told = [f"{one.told} ({one.by})" for one in self.events if one.kind in BACK]
        return "; ".join(told[:1])


def of_answer(answer: Any, versions: Sequence[Version] = ()) -> Deployment:
    """Return a deployment as GetDeployment, StartDeployment or ListDeployments answers it.

    Args:
        answer: AppConfig's.
        versions: What there is: whoever deploys by hand may name a version by its label.
    """
    named = str(answer["ConfigurationVersion"])
    version = next(
        (one for one in versions if named in (str(one.number), one.label)),
        Version(
            int(named) if named.isdecimal() else UNKNOWN, str(answer.get("VersionLabel") or "")
        ),
    )
    events = [
        Event(
            str(one.get("EventType", "")),
            str(one.get("TriggeredBy", "")),
            str(one.get("Description", "")),
            one.get("OccurredAt"),
        )
        for one in answer.get("EventLog") or []
    ]
    return Deployment(
        int(answer["DeploymentNumber"]),
        version,
        str(answer["State"]),
        float(answer.get("PercentageComplete") or 0),
        answer.get("StartedAt"),
        answer.get("CompletedAt"),
        str(answer.get("Description") or ""),
        int(answer.get("DeploymentDurationInMinutes") or 0),
        tuple(reversed(events)),
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What one look at AppConfig showed.

    Attributes:
        versions: Newest first.
        deployments: Of the policy, newest first.
        latest_deployment: The newest one's number, whatever it deployed; 0 where there is none.
    """

    versions: tuple[Version, ...]
    deployments: tuple[Deployment, ...]
    latest_deployment: int

    @property
    def latest_version(self) -> int:
        """The number of the newest version; 0 where there is none."""
        return self.versions[0].number if self.versions else 0

    @property
    def serving(self) -> Deployment | None:
        """The deployment whose version every function decides by, once none is under way."""
        return next((one for one in self.deployments if one.state == SERVES), None)

    @property
    def under_way(self) -> Deployment | None:
        """The deployment that AppConfig is still at."""
        return next((one for one in self.deployments if one.is_under_way), None)

    @property
    def never_deployed(self) -> tuple[Version, ...]:
        """Versions that no deployment was begun of: the validator refused them, or nobody tried."""
        deployed = {one.version.number for one in self.deployments}
        return tuple(one for one in self.versions if one.number not in deployed)

    @property
    def before(self) -> int | None:
        """The version that served before the one that serves, or None."""
        return before(
            [one.version.number for one in reversed(self.deployments) if one.state == SERVES]
        )


def before(served: Sequence[int]) -> int | None:
    """Return the version to go back to.

    A version that was gone back from is no candidate: whoever goes back twice wants the one
    before that, and never the bad one again.

    Args:
        served: The versions that served, in order of time.
    """
    standing: list[int] = []
    for version in served:
        if version in standing:
            del standing[standing.index(version) :]
        standing.append(version)
    return standing[-2] if len(standing) > 1 else None

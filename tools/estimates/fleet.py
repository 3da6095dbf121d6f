"""A day of a fleet of CI runners, with the client's cache in front: when vends are asked for.

Machines do not know of one another, so each is followed by itself from job to job and pull to pull.
What the service does under too much load, and that clients then try again, is not simulated.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING, Any

from ecr_vend.identity import Dependencies
from ecr_vend.kept_token import Token
from ecr_vend.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Load:
    """What runners do; fleet.toml says what each figure means."""

    seed: int
    jobs_per_runner: int
    job_seconds: float
    pulls_per_job: int
    ephemeral_share: float
    runners_per_machine: int
    token_seconds: float
    vend_seconds: float
    cron_share: float
    cron_seconds: float
    hours: tuple[float, ...]

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Load:
        """Return what a table says."""
        return cls(**{**table, "hours": tuple(table["hours"])})


@dataclass(frozen=True, slots=True)
class Day:
    """What came of one fleet's day.

    Attributes:
        runners: In the fleet.
        pulls: Moments at which a registry client asked for a password.
        vends: Requests to the service in each second of the day.
    """

    runners: int
    pulls: int
    vends: tuple[int, ...]

    @property
    def most_in_a_second(self) -> int:
        """Return the busiest second's vends."""
        return max(self.vends)

    @property
    def most_in_an_hour(self) -> int:
        """Return the busiest clock hour's vends."""
        return max(sum(self.vends[at : at + 3600]) for at in range(0, DAY, 3600))


def requests_at(pulls: Iterable[float], life: float) -> Iterator[float]:
    """Yield when one machine asks the service: the client's own rule of renewal decides.

    A token that is due is renewed while it is still served, one that is over is asked for anew, and
    calls at the same time make one request: all three ask once, at the pull.

    Args:
        pulls: Seconds, in order.
        life: Of a token, seconds.
    """
    due = Token(Secret("-"), 0.0, float(life), Dependencies({}, None)).refresh
    fetched = float("-inf")
    for pull in pulls:
        if pull - fetched >= due:
            fetched = pull
            yield pull


def day_of(load: Load, runners: int) -> Day:
    """Return the day of a fleet; a larger one holds the machines of a smaller one."""
    vends = [0] * DAY
    pulls = 0
    for machine, own in enumerate(machines(load, runners)):
        random = Random(f"{load.seed}/{machine}")  # noqa: S311  a simulation
        jobs = [job for _ in range(own or 1) for job in jobs_of(load, random)]
        of_jobs = [list(pulls_of(load, random, job)) for job in jobs]
        for of_cache in [[pull for of_job in of_jobs for pull in of_job]] if own else of_jobs:
            pulls += len(of_cache)
            for moment in requests_at(sorted(of_cache), load.token_seconds):
                vends[int(moment) % DAY] += 1
    return Day(runners, pulls, tuple(vends))


def machines(load: Load, runners: int) -> Iterator[int]:
    """Yield each machine's runners; 0 for a runner that gets a fresh machine for each job."""
    ephemeral = placed = 0
    while placed < runners:
        # As many of each kind as their share says, whatever the fleet's size.
        if ephemeral < load.ephemeral_share * (placed + 1):
            ephemeral += 1
            placed += 1
            yield 0
        else:
            own = min(load.runners_per_machine, runners - placed)
            placed += own
            yield own


def jobs_of(load: Load, random: Random) -> list[float]:
    """Return when one runner begins its jobs: it has one at a time, and the others wait."""
    until = list(accumulate(load.hours))
    wanted = []
    for _ in range(load.jobs_per_runner):
        if random.random() < load.cron_share:
            begins = random.randrange(24) * 3600 + random.random() * load.cron_seconds
        else:
            hour = bisect(until, random.random() * until[-1])
            begins = (hour + random.random()) * 3600
        wanted.append(begins)
    begun: list[float] = []
    for begins in sorted(wanted):
        free = begun[-1] + load.job_seconds if begun else begins
        begun.append(max(begins, free))
    return begun


def pulls_of(load: Load, random: Random, job: float) -> Iterator[float]:
    """Yield when one job pulls: as it begins, and later."""
    yield job
    for _ in range(load.pulls_per_job - 1):
        yield job + random.random() * load.job_seconds


def what_the_cache_saves(client: Mapping[str, float]) -> str:
    """Return in a sentence how many of one machine's pulls in eight hours ask for a vend."""
    life, between = client["token_seconds"], client["seconds_between_pulls"]
    pulls = [between * number for number in range(int(8 * 3600 / between))]
    asked = len(list(requests_at(pulls, life)))
    return (
        f"A machine that pulls every {between:g} s with tokens of {life:g} s asks for {asked} vends"
        f" in {len(pulls)} pulls: the client's cache saves {1 - asked / len(pulls):.0%}."
    )

#!/usr/bin/env python3
"""What fleets of runners ask of AWS, and which quota breaks first.

    make scale
    make scale ARGS="--runners 500,20000 --set token_seconds=3600"

The load and the quotas are in fleet.toml; what a vend asks of AWS is recorded from the real
function.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.arguments import between
from tools.estimates.calls import Function, Recorded
from tools.estimates.fleet import Day, Load, day_of
from tools.estimates.tables import PAGE, put_into_page, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

INPUTS = Path(__file__).parent / "fleet.toml"
RUNNERS = (1, 10, 1_000, 100_000)
YARDSTICK = 10_000
"""Runners of the fleet from whose day it is computed at how many a quota breaks."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What AWS, or the stack's own throttle, takes.

    Attributes:
        key: Its name in fleet.toml.
        name: What of.
        rate: Units a second; 0 where only `at_once` counts.
        burst: Units that may come at once.
        at_once: Units that may be there at once; 0 where that does not count.
        an_hour: Units in an hour of the clock; 0 where that does not count.
        each: Units of it that one vend takes.
        confidence: D or U; see fleet.toml.
        do: What to do when it breaks.
    """

    key: str
    name: str
    rate: float
    burst: float
    at_once: float
    an_hour: float
    each: float
    confidence: str
    do: str

    @property
    def limit(self) -> str:
        """Return it as a text."""
        if self.at_once:
            return f"{self.at_once:,g}"
        if self.an_hour:
            return f"{self.an_hour:,g}/h"
        burst = f", {self.burst:,g} at once" if self.burst != self.rate else ""
        return f"{self.rate:,g}/s{burst}"

    def refused(self, vends: Sequence[int], *, by: float = 1.0) -> float:
        """Return how many of a day's vends it refuses, of `by` times as many in each second.

        A bucket of `burst` that `rate` refills, as AWS describes its throttles.
        """
        if self.at_once:
            return sum(max(0.0, count * by - self.at_once / self.each) for count in vends)
        if self.an_hour:
            hours = (sum(vends[at : at + 3600]) for at in range(0, len(vends), 3600))
            return sum(max(0.0, count * by - self.an_hour / self.each) for count in hours)
        level, refused = self.burst, 0.0
        for count in vends:
            wanted = count * by * self.each
            taken = min(level, wanted)
            refused += wanted - taken
            level = min(self.burst, level - taken + self.rate)
        return refused / self.each

    def breaks_at(self, day: Day) -> int:
        """Return at about how many runners it first refuses, from the day of some."""
        low, high = 0.0, 1.0
        while not self.refused(day.vends, by=high):
            low, high = high, high * 2
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (low, middle) if self.refused(day.vends, by=middle) else (middle, high)
        return int(high * day.runners)


def quotas(inputs: Mapping[str, Any], function: Function, recorded: Recorded) -> list[Quota]:
    """Return the quotas, each with what a vend takes of it."""
    warm, load = recorded.warm, inputs["load"]
    written: Counter[str] = Counter()
    for write in warm.writes:
        written[write.place.split("/")[0]] += write.units
    takes = {
        "stage": 1,
        "api": 1,
        "ecr_low": warm.calls["ecr:GetAuthorizationToken"],
        "ecr_high": warm.calls["ecr:GetAuthorizationToken"],
        "sts": warm.calls["sts:AssumeRole"],
        "kms": warm.calls["kms:GenerateMac"],
        "table": max(written.values()),
        "partition": busiest_partition(recorded)[1],
        "concurrency": load["vend_seconds"],
        "caller": 1,
        "account": 1,
    }
    budgets = function.budgets
    found = []
    for key, declared in inputs["quotas"].items():
        rate, burst = declared.get("rate", 0), declared.get("burst")
        if key == "stage":
            rate, burst = function.throttle
        an_hour = budgets.get(key, 0)
        if key in budgets and not an_hour:
            continue
        found.append(
            Quota(
                key,
                declared["name"],
                rate,
                rate if burst is None else burst,
                declared.get("at_once", 0),
                an_hour,
                takes[key],
                declared["confidence"],
                declared["do"],
            )
        )
    return found


def busiest_partition(recorded: Recorded) -> tuple[str, int]:
    """Return where vends of one caller meet in one partition, and each one's units there.

    A caller's vends are all its runners': a fleet that shares a role shares the partition.
    """
    (place, partition), units = max(recorded.shared.items(), key=lambda one: (one[1], one[0]))
    _, _, index = place.partition("/")
    return f"index {index}" if index else f"key {partition}", units


def rows(days: Sequence[Day], load: Load, recorded: Recorded, stage: Quota) -> Iterator[list[str]]:
    """Yield a row for each fleet."""
    for day in days:
        peak = day.most_in_a_second
        asked = sum(day.vends)
        yield [
            f"{day.runners:,}",
            f"{day.pulls:,}",
            f"{asked:,}",
            f"{asked / day.pulls:.0%}",
            f"{day.most_in_an_hour:,}",
            f"{peak:,}",
            f"{peak * load.vend_seconds:,.0f}",
            f"{peak * recorded.warm.units:,}",
            f"{stage.refused(day.vends) / asked:.1%}",
        ]


HEADS = (
    "runners",
    "pulls a day",
    "vends a day",
    "of pulls",
    "most in an hour",
    "in a second",
    "instances then",
    "write units then",
    "refused by the throttle",
)


def broken(found: Sequence[Quota], day: Day) -> list[tuple[int, Quota]]:
    """Return the quotas by the number of runners at which they break."""
    return sorted(((one.breaks_at(day), one) for one in found), key=lambda pair: pair[0])


def quota_rows(order: Sequence[tuple[int, Quota]]) -> Iterator[list[str]]:
    """Yield a row for each quota."""
    for runners, one in order:
        yield [one.name, one.do, one.limit, one.confidence, f"{one.each:g}", rounded(runners)]


def rounded(runners: int) -> str:
    """Return about how many: two figures that count."""
    size = 10 ** max(0, len(str(runners)) - 2)
    return f"{runners // size * size:,}"


def printed(
    days: Sequence[Day], load: Load, recorded: Recorded, order: Sequence[tuple[int, Quota]]
) -> Iterator[str]:
    """Yield the lines of the report, in Markdown."""
    (stage,) = [one for _, one in order if one.key == "stage"]
    yield from table(HEADS, rows(days, load, recorded, stage))
    yield ""
    yield from table(QUOTA_HEADS, quota_rows(order))
    yield ""
    runners, first = order[0]
    where, units = busiest_partition(recorded)
    yield f"{first.name} breaks first, at about {rounded(runners)} runners: {first.do}."
    yield f"A vend writes at most {units} units to one partition that others share: {where}."


QUOTA_HEADS = ("quota", "when it breaks", "limit", "", "each vend", "breaks at runners")


def sizes(text: str) -> list[int]:
    """Return the sizes of fleets, separated by commas."""
    return [between(int, 1, 1_000_000)(one) for one in text.split(",")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="make scale", description=__doc__)
    parser.add_argument("--runners", type=sizes, default=RUNNERS, metavar="N,N")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--page", action="store_true", help=f"write it into {PAGE.name}")
    asked = parser.parse_args(arguments)
    inputs = tomllib.loads(INPUTS.read_text())
    for change in asked.set:
        name, _, value = change.partition("=")
        if name not in inputs["load"]:
            parser.error(f"--set {change}: fleet.toml's [load] knows no {name}")
        try:
            inputs["load"][name] = json.loads(value)
        except json.JSONDecodeError:
            parser.error(f"--set {change}: {value!r} is no number")
    load, function = Load.of(inputs["load"]), Function()
    recorded = function.recorded()
    found = quotas(inputs, function, recorded)
    days = [day_of(load, runners) for runners in asked.runners]
    order = broken(found, day_of(load, YARDSTICK))
    if asked.json:
        (stage,) = [one for one in found if one.key == "stage"]
        fleets = [dict(zip(HEADS, row, strict=True)) for row in rows(days, load, recorded, stage)]
        told = [{**asdict(one), "breaks_at": runners} for runners, one in order]
        print(json.dumps({"fleets": fleets, "quotas": told}, indent=2))
        return 0
    lines = list(printed(days, load, recorded, order))
    if asked.page:
        put_into_page("make scale", lines)
    else:
        print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())

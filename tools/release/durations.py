#!/usr/bin/env python3
"""Compare how long the last build took, and how large it is, with the builds before it.

    python3 tools/release/durations.py                   # a table in Markdown, for a pull request
    python3 tools/release/durations.py --json            # the same for a script
    python3 tools/release/durations.py --build build/image.json    # of `make image`
    python3 tools/release/durations.py --keep            # and put the build with the others
    python3 tools/release/durations.py --page            # write docs/builds.md from what is kept

Only builds of the same kind of machine are compared, as ratios to their median: times drift with
the machine, so nothing fails on them. Builds are kept in a file of JSON documents, one a line.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.environments import ROOT, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LAST = ROOT / "build/dist.json"
KEPT = ROOT / "docs/builds.jsonl"
PAGE = ROOT / "docs/builds.md"

RECENT = 20
"""How many builds the median is of."""

ENOUGH = 3
"""Of how few builds a median says nothing yet."""

SLOWER = 1.5
LARGER = 1.1
"""From which ratio on a row is marked: sizes repeat, times do not."""

Build = dict[str, Any]
"""What `tools/release/build_record.py` writes of one build."""


@dataclass(frozen=True, slots=True)
class Row:
    """One step's duration or one artefact's size, beside those before it.

    Attributes:
        name: Of the step or artefact, without the version.
        now: Seconds or bytes.
        before: The median of the recent builds, None where there are too few.
        most: The ratio from which on it is marked.
    """

    name: str
    now: float
    before: float | None
    most: float

    @property
    def ratio(self) -> float | None:
        """Return how many times the median this is."""
        return self.now / self.before if self.before else None

    @property
    def marked(self) -> bool:
        """Return whether somebody should look."""
        return self.ratio is not None and self.ratio >= self.most


def read(file: Path) -> list[Build]:
    """Return the builds that are kept in a file, oldest first; none where there is no file.

    Raises:
        Missing: A line is no build.
    """
    if not file.exists():
        return []
    builds: list[Build] = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        try:
            builds.append(checked(json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Missing(
                f"{file}, line {number}: this is no build; remove the line (`make dist` writes one)"
            ) from None
    return builds


def checked(build: Build) -> Build:
    """Return a build that has all that is compared.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: It has not.
    """
    for name in ("at", "version", "commit", "machine"):
        if not isinstance(build[name], str):
            raise TypeError(name)
    durations(build)
    sizes(build)
    return build


def last(file: Path = LAST) -> Build:
    """Return the last build.

    Raises:
        Missing: There was none here.
    """
    try:
        return checked(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        target = "make dist" if file.name == LAST.name else "make image"
        raise Missing(f"nothing was built here yet: run `{target}` first") from None


def durations(build: Build) -> dict[str, float]:
    """Return each step's seconds, and those of all."""
    found = {str(step["step"]): float(step["seconds"]) for step in build["steps"]}
    return found | {"all": round(sum(found.values()), 2)}


def sizes(build: Build) -> dict[str, float]:
    """Return each artefact's bytes, bills apart, under a name that is the same in every version."""
    return {
        str(name).replace(build["version"], "VERSION"): float(size)
        for step in build["steps"]
        for name, size in step["bytes"].items()
        if not name.endswith(".cdx.json")
    }


def rows(
    build: Build, kept: Sequence[Build], read_off: Callable[[Build], dict[str, float]], most: float
) -> list[Row]:
    """Return what `read_off` finds in a build beside the median of the recent ones."""
    found = []
    for name, now in read_off(build).items():
        earlier = [seen[name] for seen in map(read_off, kept) if name in seen][-RECENT:]
        found.append(Row(name, now, median(earlier) if len(earlier) >= ENOUGH else None, most))
    return found


def compare(build: Build, kept: Sequence[Build]) -> tuple[list[Row], list[Row]]:
    """Return a build's durations and sizes beside those before it, of the same kind of machine."""
    alike = [earlier for earlier in kept if earlier["machine"] == build["machine"]]
    # Sizes are the same everywhere, so that every build counts.
    return rows(build, alike, durations, SLOWER), rows(build, kept, sizes, LARGER)


def seconds(value: float) -> str:
    """Return seconds for people."""
    return f"{value:.1f} s"


def kilobytes(value: float) -> str:
    """Return bytes for people."""
    return f"{value / 1000:,.0f} kB"


def table(title: str, found: Iterable[Row], unit: Callable[[float], str]) -> str:
    """Return rows as Markdown has them."""
    lines = [f"| {title} | this build | recent median | ratio |", "|---|---:|---:|---:|"]
    for row in found:
        before = "–" if row.before is None else unit(row.before)
        ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
        ratio = f"**{ratio}**" if row.marked else ratio
        lines.append(f"| {row.name} | {unit(row.now)} | {before} | {ratio} |")
    return "\n".join(lines)


def verdict(found: Sequence[Row]) -> str:
    """Return in a sentence what somebody should look at."""
    if all(row.before is None for row in found):
        return f"There are fewer than {ENOUGH} builds to compare with."
    marked = [f"{row.name} ({row.ratio:.2f})" for row in found if row.marked]
    if marked:
        return f"Above the recent median: {', '.join(marked)}."
    return "Nothing stands out against the recent median."


def report(build: Build, kept: Sequence[Build]) -> str:
    """Return the comparison as Markdown."""
    slow, large = compare(build, kept)
    alike = sum(earlier["machine"] == build["machine"] for earlier in kept)
    return (
        f"### Build of {build['version']}\n\n{verdict([*slow, *large])}\n\n"
        f"Durations against {min(alike, RECENT)} builds on {build['machine']}:\n\n"
        f"{table('step', slow, seconds)}\n\n{table('artefact', large, kilobytes)}\n"
    )


def page(kept: Sequence[Build]) -> str:
    """Return the page of the documentation that shows the trend."""
    text = (
        "# Builds\n\n"
        "How long `make dist` takes and how large a release is. Each build writes it to\n"
        "`build/dist.json`; `make durations` compares it with the median of the recent ones on\n"
        "the same kind of machine, and CI says so on each pull request.\n"
        '`make durations ARGS="--keep --page"` adds the last build to `builds.jsonl` and writes\n'
        "this page from it.\n"
    )
    for machine in dict.fromkeys(build["machine"] for build in kept):
        alike = [build for build in kept if build["machine"] == machine][-RECENT:]
        totals = [durations(build)["all"] for build in alike]
        days = ", ".join(f'"{build["at"][:10]} {build["commit"][:7]}"' for build in alike)
        newest = alike[-1]
        text += (
            f"\n## {machine}\n\n"
            "```mermaid\nxychart-beta\n"
            '    title "make dist, all steps together"\n'
            f"    x-axis [{days}]\n"
            f'    y-axis "seconds" 0 --> {max(totals) * 1.1:.0f}\n'
            f"    line [{', '.join(map(str, totals))}]\n```\n\n"
            f"The newest, of {newest['at'][:10]}, beside the median of the {len(alike)} shown:\n\n"
            f"{table('step', rows(newest, alike, durations, SLOWER), seconds)}\n\n"
            f"{table('artefact', rows(newest, alike, sizes, LARGER), kilobytes)}\n"
        )
    return text


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--build", type=Path, default=LAST, metavar="RECORD", help="the last build; %(default)s"
    )
    parser.add_argument(
        "--history", type=Path, default=KEPT, metavar="FILE", help="the builds before; %(default)s"
    )
    parser.add_argument("--keep", action="store_true", help="add the last build to FILE")
    parser.add_argument("--page", action="store_true", help="write docs/builds.md from FILE")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    arguments = parser.parse_args()
    try:
        kept = read(arguments.history)
        build = last(arguments.build)
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    if arguments.json:
        slow, large = compare(build, kept)
        document = {
            what: [
                {"name": row.name, "now": row.now, "median": row.before, "ratio": row.ratio}
                for row in found
            ]
            for what, found in (("seconds", slow), ("bytes", large))
        }
        print(json.dumps(document, indent=2))
    else:
        print(report(build, kept), end="", flush=True)
        slow, large = compare(build, kept)
        # Once more where the table goes into a file.
        print(verdict([*slow, *large]), file=sys.stderr)
    if arguments.keep:
        arguments.history.parent.mkdir(parents=True, exist_ok=True)
        with arguments.history.open("a", encoding="utf-8") as file:
            file.write(json.dumps(build) + "\n")
        kept.append(build)
    if arguments.page:
        PAGE.write_text(page(kept), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Install what a release consists of on each system this machine has, and try it there.

    python -m tools.matrix                        # all that this machine can, in one table
    python -m tools.matrix --cell debian-forky-3.14-amd64
    python -m tools.matrix --list [--json]        # the cells; for a workflow's matrix
    python -m tools.matrix --release DIR          # what was downloaded, not what is built here

The artefacts come from `dist`, built first where it is not there. In each cell the client is
installed as its users do, then by another user, without a home: what consumers of the protocols
rely on, a vend by the embedded stack, 50 calls at once. What this machine lacks for the other
cells is said. The list of systems: tests/installed/systems.toml.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from tools.environments import ROOT, Missing
from tools.matrix import cells, kit, places
from tools.matrix.trials import INSTALL, NO_STACK, Service, tried
from tools.release.version import commit

if TYPE_CHECKING:
    from tools.matrix.cells import Cell
    from tools.matrix.trials import Row

PARTS = {INSTALL: "install", "conformance": "conformance", "vend": "vend", "at once": "at once"}
"""Part of a trial → its column."""

ON_DEMAND = frozenset({"emulated"})
"""The kinds of cells that take minutes, and so run by name alone."""


def parse() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.matrix",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--list", action="store_true", help="print the cells, and try none")
    parser.add_argument(
        "--cell",
        action="append",
        metavar="NAME",
        help="only this, or these: 'debian-*'; repeatable",
    )
    parser.add_argument(
        "--dist", "--release", type=Path, default=ROOT / "dist", help="folder of artefacts; dist"
    )
    parser.add_argument(
        "--image",
        default="",
        help="for --cell of a container: an image of this machine, with Python in it",
    )
    parser.add_argument(
        "--fake", action="store_true", help="a fake service: quicker, and proves less"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for a script")
    return parser.parse_args()


def main() -> int:
    """Run the command line."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a Windows console has neither ✓ nor ✗
        sys.stdout.reconfigure(encoding="utf-8")
    arguments = parse()
    try:
        if arguments.list:
            return listing(machine=arguments.json)
        return run(arguments)
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1


def listing(*, machine: bool) -> int:
    """Print the cells: for a workflow those that it runs, for a person all."""
    if machine:
        print(json.dumps(cells.for_workflows()))
        return 0
    row = "{:<32} {:<10} {:<18} {:<18} {}"
    print(row.format("cell", "kind", "artefacts", "runner", "here"))
    for cell in cells.cells():
        artefacts = ", ".join(cell.artefacts)
        here = places.reason(cell) or ("on demand" if cell.kind in ON_DEMAND else "yes")
        print(row.format(cell.name, cell.kind, artefacts, cell.runner or "–", here))
    return 0


def chosen(names: list[str], image: str) -> tuple[list[Cell], dict[str, list[Cell]]]:
    """Return the cells to run, and those that are left out by why.

    Raises:
        Missing: One that was named is not there, or cannot run here.
    """
    run: list[Cell] = []
    left: dict[str, list[Cell]] = defaultdict(list)
    for pattern in names or ["*"]:
        for cell in cells.matching(pattern):
            reason = places.reason(cell, image)
            if pattern == cell.name and reason:
                raise Missing(f"{cell.name} {reason}")
            if pattern != cell.name and cell.kind in ON_DEMAND:
                reason = reason or "on demand"
            if reason:
                left[reason].append(cell)
            elif cell not in run:
                run.append(cell)
    if not run:
        raise Missing(
            f"nothing to run: {'; '.join(f'{c[0].name} {why}' for why, c in left.items())}"
        )
    return run, left


def run(arguments: argparse.Namespace) -> int:
    """Try the cells, and print the table."""
    if arguments.image and not arguments.cell:
        raise Missing("--image is for one --cell")
    wanted, left = chosen(arguments.cell or [], arguments.image)
    rows: list[Row] = []
    line = "{:<26} {:<9} {:<17} {:<8} {:<12} {:<5} {:<11} {:>7}"
    if not arguments.json:
        print(line.format("cell", "artefact", "user has", *PARTS.values(), "seconds"), flush=True)
    with (
        kit.packed(arguments.dist.absolute()) as packed,
        Service(arguments.fake or NO_STACK) as service,
    ):
        if (built := packed.expected("wheel")["commit"]) != commit():
            print(
                f"{arguments.dist} is of commit {built or 'unknown'}, not of this checkout's "
                f"{commit()}",
                file=sys.stderr,
            )
        for cell in wanted:
            for row in tried(cell, packed, service, arguments.image):
                rows.append(row)
                if arguments.json:
                    continue
                signs = (row.sign(part) for part in PARTS)
                print(line.format(row.cell, row.artefact, row.way, *signs, row.seconds), flush=True)
        kind = str(service.described["kind"])
        lacking = [name for name in kit.ENDINGS if name not in packed.artefacts]
    report(arguments, rows, left, kind, lacking)
    return 1 if any(row.broken for row in rows) else 0


def report(
    arguments: argparse.Namespace,
    rows: list[Row],
    left: dict[str, list[Cell]],
    kind: str,
    lacking: list[str],
) -> None:
    """Print what was broken and what was left out, or all of it for a script."""
    if arguments.json:
        named = {reason: [cell.name for cell in found] for reason, found in left.items()}
        document = {"service": kind, "rows": [row.described() for row in rows], "left": named}
        print(json.dumps(document, indent=2))
        return
    for row in rows:
        for check in row.broken:
            print(f"\n{row.cell}, {row.artefact}, {row.way}\n  {check}")
    print(f"\nservice: {kind}")
    if lacking:
        print(f"not tried, since {arguments.dist} has none: {', '.join(lacking)}")
    for reason, found in left.items():
        print(f"{reason}: {len(found)} cells not run here ({summary(found)})")


def summary(found: list[Cell]) -> str:
    """Return the systems of some cells in a few words."""
    return ", ".join(dict.fromkeys(cell.system for cell in found))


if __name__ == "__main__":
    sys.exit(main())

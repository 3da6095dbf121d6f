#!/usr/bin/env python3
"""Build all that a release consists of into `dist/`, with its checksums.

    python3 tools/release/dist.py          # the same on a laptop, in CI and for a release
    python3 tools/release/dist.py --json   # what was built, for a script

`dist/` is replaced as a whole, once everything is built. How long each step took and how large its
results are stands in `build/dist.json` as well.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.artefacts import bundle, deb, descriptions, packages, pyz
from tools.environments import ROOT, Missing, locked, make, run
from tools.release import sums
from tools.release.build_record import BuildRecord

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTIONS = "ecr-vend-functions.zip"


def functions(folder: Path) -> list[Path]:
    """Build the functions' archive, as Lambda takes it."""
    return [Path(shutil.copy(bundle.pack(bundle.build("lambda")), folder / FUNCTIONS))]


def bills(folder: Path) -> list[Path]:
    """Write a bill of materials beside each artefact."""
    run(make("release") / "bin/python", ROOT / "tools/artefacts/bills.py", folder)
    return sorted(folder.glob("*.cdx.json"))


STEPS: dict[str, Callable[[Path], list[Path]]] = {
    "source distribution": lambda folder: [packages.source_distribution(folder)],
    "wheels": packages.wheels,
    "single file": lambda folder: [pyz.build(folder)],
    "Debian package": lambda folder: [deb.build(folder)],
    "functions": functions,
    "formula and manifest": descriptions.build,
    "bills of materials": bills,
}
"""Step → what builds its artefacts into a folder; the last two are of what the others built."""


def build(folder: Path) -> BuildRecord:
    """Build everything into `folder`, which is replaced; how it went.

    Raises:
        Missing: A step failed; the message says which.
    """
    fresh = folder.with_name(f".{folder.name}.new")
    record = BuildRecord()
    with locked(folder.with_name(f".{folder.name}.lock")):
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for step, build_step in STEPS.items():
            print(f"building: {step}", file=sys.stderr)
            with record.step(step) as sizes:
                sizes |= {path.name: path.stat().st_size for path in build_step(fresh)}
        sums.write(fresh)
        bundle.replace(folder, fresh)
    return record


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print what was built as JSON")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the folder; dist")
    arguments = parser.parse_args()
    try:
        record = build(arguments.out.absolute())
        text = record.write(bundle.BUILD / "dist.json")
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        print(
            f"the release could not be written, and the last one stays: {problem}", file=sys.stderr
        )
        return 1
    if arguments.json:
        print(text, end="")
        return 0
    for step in record.steps:
        for name, size in step["bytes"].items():
            print(f"{size / 1e6:8.2f} MB  {arguments.out.name}/{name}")
        print(f"{step['seconds']:8.2f} s   {step['step']}", file=sys.stderr)
    files = sum(len(step["bytes"]) for step in record.steps)
    seconds = sum(step["seconds"] for step in record.steps)
    print(f"{files} files and their SHA256SUMS, in {seconds:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

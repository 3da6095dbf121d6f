"""`ecr-vend version`: what runs here, for a person and for a report."""

from __future__ import annotations

import platform
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ecr_vend import release
from ecr_vend.command_line import described

if TYPE_CHECKING:
    import argparse

    from ecr_vend.console import Console


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "version",
        "show the version, the commit and the build of this program",
        examples=["ecr-vend version", "ecr-vend version --json"],
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object for a script")
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out."""
    found = asdict(release.current()) | {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}".strip(),
    }
    if arguments.json:
        console.json(found)
        return 0
    console.line(f"ecr-vend {found.pop('version')}")
    for name, value in found.items():
        console.line(f"{name:<8} {value or 'unknown'}")
    return 0

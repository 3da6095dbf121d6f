"""`ecr-vend audit export`: a copy of the archive, through the service, for `audit verify`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_vend.command_line import described
from ecr_vend.commands.audit_arguments import hour
from ecr_vend.errors import Problem, clean

if TYPE_CHECKING:
    import argparse

    from ecr_vend.console import Console
    from ecr_vend.service import Service


def add(actions: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        actions,
        "export",
        "copy the archive of some hours, for `ecr-vend audit verify`",
        examples=[
            "ecr-vend audit export --out copy --from 2026-11-27",
            "ecr-vend audit export --out copy --from 2026-11-27T16 --to 2026-11-27T16 --batches",
        ],
    )
    parser.add_argument(
        "--out", metavar="DIR", required=True, help="where; what is there already is kept"
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="HOUR",
        type=hour,
        required=True,
        help="the first hour, 2026-11-27T16, or a day for its first",
    )
    parser.add_argument(
        "--to", dest="end", metavar="HOUR", type=hour, help="the last hour; else the last one"
    )
    parser.add_argument(
        "--batches", action="store_true", help="copy what the records were sealed from as well"
    )
    return parser


def run(arguments: argparse.Namespace, service: Service, console: Console) -> int:
    """Carry the command out.

    Returns:
        0 where all is copied, 1 where the archive has versions that it should not have.
    """
    from ecr_vend.archive.documents import FORM, HOUR
    from ecr_vend.archive_service import ServiceArchive
    from ecr_vend.exporting import Export

    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    end = min(arguments.end or now - HOUR, now)
    if arguments.start > end:
        raise Problem("no_time", option="--from", text=f"{arguments.start:{FORM}}")
    export = Export(ServiceArchive(service), Path(arguments.out), arguments.batches)
    total = int((end - arguments.start) / HOUR) + 1
    try:
        for number, one in enumerate(export.run(arguments.start, end), 1):
            told = f"{number} of {total} hours, {one:{FORM}}: {export.new} objects"
            console.progress(f"{told}, {export.bytes} bytes")
    except OSError as problem:
        where = str(problem.filename or arguments.out)
        raise Problem("not_written", where=where, detail=str(problem.strerror)) from None
    finally:
        console.arrived()
    for line in export.odd:
        console.note(clean(line, limit=300))
    if export.unsealed:
        console.note(f"No manifest, not sealed yet or gone: {', '.join(export.unsealed)}")
    console.line(f"{export.new} objects copied of {total} hours, {export.bytes} bytes")
    return 1 if export.odd else 0

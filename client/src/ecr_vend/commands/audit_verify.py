"""`ecr-vend audit verify`: whether an archive is whole, without trusting who runs the service."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_vend import private_files, vends
from ecr_vend.command_line import described
from ecr_vend.commands.audit_arguments import hour
from ecr_vend.errors import Problem, clean

if TYPE_CHECKING:
    import argparse

    from ecr_vend.archive.public_key import PublicKey
    from ecr_vend.archive.results import Result
    from ecr_vend.console import Console
    from ecr_vend.service import Service

COLUMNS = ("kind", "where", "what")


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the command's arguments."""
    parser = described(
        actions,
        "verify",
        "check a copy of the archive: signatures, chain, every object and record",
        examples=[
            "ecr-vend audit verify --archive copy --key public-key.pem",
            "ecr-vend audit verify --archive copy --key public-key.pem --from 2026-11-01T00",
            "ecr-vend audit verify --archive copy --key public-key.pem --remember verified.json",
        ],
    )
    parser.add_argument(
        "--archive",
        metavar="DIR",
        required=True,
        help="a copy of the bucket, as `aws s3 sync` makes",
    )
    parser.add_argument(
        "--key",
        metavar="FILE",
        action="append",
        required=True,
        help="the public key, PEM or DER; again for each key that signed in this time",
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="HOUR",
        type=hour,
        help="2026-11-27T16; else the first there is",
    )
    parser.add_argument(
        "--to", dest="end", metavar="HOUR", type=hour, help="the last hour; else the last there is"
    )
    parser.add_argument(
        "--witness",
        metavar="SHA256",
        action="append",
        type=digest,
        default=[],
        help="the digest of a manifest that a witness saw: it must be among those of this time",
    )
    parser.add_argument(
        "--remember",
        metavar="FILE",
        help="begin after the hour that it holds, and keep in it the last one that was whole",
    )
    parser.add_argument(
        "--ledger",
        action="store_true",
        help="ask the service for every record, and for the vends of each hour but the last one: "
        "is the ledger what the archive says",
    )
    parser.add_argument("--registry", metavar="HOST", help="with --ledger: of which service")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the result for a script")
    form.add_argument("--csv", action="store_true", help="print the problems for a spreadsheet")


def digest(text: str) -> str:
    """Return a digest of the command line.

    Raises:
        ValueError: It is none.
    """
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise ValueError
    return text.lower()


def run(arguments: argparse.Namespace, service: Service | None, console: Console) -> int:
    """Carry the command out.

    Args:
        arguments: The command line's.
        service: Whose ledger is held against the archive; None for no one's.
        console: Where to tell.

    Returns:
        0 where all is as it should be, 1 where something is not.
    """
    from ecr_vend.archive.comparing import Comparison
    from ecr_vend.archive.copies import Copy
    from ecr_vend.archive.documents import FORM, HOUR
    from ecr_vend.archive.verifying import Verification
    from ecr_vend.archive_service import ServiceArchive

    keys = [public_key(Path(name)) for name in arguments.key]
    copy = Copy(Path(arguments.archive))
    there = copy.hours()
    remembered = Remembered.read(arguments.remember) if arguments.remember else None
    if not there:
        raise Problem("no_archive", where=arguments.archive)
    start, end = arguments.start or there[0], arguments.end or there[-1]
    after: str | None = None
    if remembered:
        start, after = hour(remembered.hour) + HOUR, remembered.sha256
    if start > end:
        console.note(f"There is nothing to verify: {start:%Y-%m-%dT%H} is after {end:%Y-%m-%dT%H}")
        return 0
    comparison = Comparison(ServiceArchive(service)) if service else None
    verification = Verification(copy, keys, comparison)
    total = int((end - start) / HOUR) + 1
    try:
        for number, one in enumerate(
            verification.run(start, end, after=after, witnesses=arguments.witness), 1
        ):
            result = verification.result
            if not result.problems and result.last:
                remembered = Remembered(*result.last)
            told = f"{number} of {total} hours, {one:{FORM}}: {result.records} records"
            console.progress(f"{told}, {len(result.problems)} problems")
    except OSError as problem:
        keep(remembered, arguments.remember)
        raise Problem(
            "not_read", where=str(problem.filename), detail=str(problem.strerror)
        ) from None
    except (Problem, KeyboardInterrupt):
        keep(remembered, arguments.remember)
        raise
    finally:
        console.arrived()
    compared = comparison.compared if comparison else None
    show(verification.result, compared, arguments, console)
    keep(remembered, arguments.remember)
    return 1 if verification.result.problems else 0


def keep(remembered: Remembered | None, name: str | None) -> None:
    """Keep the last hour that was whole, where that is wished.

    Raises:
        Problem: `not_written`.
    """
    if remembered and name:
        remembered.write(name)


class Remembered:
    """The last hour that was whole, and the digest of its manifest."""

    def __init__(self, hour: str, sha256: str) -> None:
        self.hour = hour
        self.sha256 = sha256

    @classmethod
    def read(cls, name: str) -> Remembered | None:
        """Return what a file holds, None where there is no such file yet.

        Raises:
            Problem: `not_read`.
        """
        try:
            held = json.loads(Path(name).read_text())
            hour(held["hour"])
            return cls(held["hour"], digest(held["sha256"]))
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise Problem("not_read", where=name, detail=str(problem.strerror)) from None
        except (KeyError, TypeError, ValueError):
            detail = "it is no file that --remember has written"
            raise Problem("not_read", where=name, detail=detail) from None

    def write(self, name: str) -> None:
        """Keep it; what was there stays where that fails.

        Raises:
            Problem: `not_written`.
        """
        text = json.dumps({"hour": self.hour, "sha256": self.sha256}) + "\n"
        try:
            private_files.write(Path(name), text.encode())
        except OSError as problem:
            raise Problem("not_written", where=name, detail=str(problem.strerror)) from None


def public_key(file: Path) -> PublicKey:
    """Return the key in a file.

    Raises:
        Problem: `not_read`.
    """
    from ecr_vend.archive.public_key import NoKey, PublicKey

    try:
        return PublicKey.read(file.read_bytes())
    except OSError as problem:
        raise Problem("not_read", where=str(file), detail=str(problem.strerror)) from None
    except NoKey as problem:
        raise Problem("not_read", where=str(file), detail=str(problem)) from None


def show(
    result: Result, compared: int | None, arguments: argparse.Namespace, console: Console
) -> None:
    """Print what a verification came to.

    Args:
        result: That.
        compared: Records that were held against the ledger; None where none were to be.
        arguments: The command line's.
        console: Where.
    """
    rows = [{"kind": one.kind, "where": one.where, "what": one.what} for one in result.problems]
    if arguments.json:
        console.json(
            {
                "verified": not rows,
                "hours": result.hours,
                "records": result.records,
                "late": result.late,
                "compared": compared,
                "first": told(result.first),
                "last": told(result.last),
                "problems": rows,
                "notes": result.notes,
            }
        )
        return
    if arguments.csv:
        console.stdout.write(vends.as_csv(rows, COLUMNS))
    elif rows:
        for line in vends.table(rows, COLUMNS, limit=300):
            console.line(line)
    for note in result.notes:
        console.note(clean(note, limit=500))
    summary = f"{result.hours} hours with {result.records} records, {result.late} of them late"
    if result.first and result.last:
        summary += f", {result.first[0]} to {result.last[0]}"
    if compared is not None:
        summary += f", {compared} of them held against the ledger"
    verdict = f"{len(rows)} problems" if rows else "nothing is missing, altered or added"
    coloured = console.coloured(f"{verdict}", "red" if rows else "green")
    (console.note if arguments.csv else console.line)(f"{summary}: {coloured}")
    if result.last:
        (console.note if arguments.csv else console.line)(
            f"The last manifest is {result.last[1]}: compare it with what the witnesses saw"
        )


def told(end: tuple[str, str] | None) -> dict[str, str] | None:
    """Return an end of the chain as JSON has it."""
    return {"hour": end[0], "sha256": end[1]} if end else None

"""The checksums of a release's files, and whether a folder is as they say."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from tools.environments import Missing
from tools.release.identity import ATTESTATION, SIGNATURE, STATEMENT, SUMS, is_signature

if TYPE_CHECKING:
    from pathlib import Path

LINE = re.compile(r"([0-9a-f]{64}) [ *]([A-Za-z0-9][A-Za-z0-9._+~-]*)")
"""A line of `sha256sum`. No name leads out of the folder or hides in it."""


def write(folder: Path) -> None:
    """Write the sums of all that is in a folder but what comes after them."""
    names = {path.name for path in folder.iterdir()} - {SUMS}
    digests = {name: digest(folder / name) for name in names if not is_signature(name)}
    lines = (f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    (folder / SUMS).write_text("".join(lines))


def read(text: str) -> dict[str, str]:
    """Return the digest of each name.

    Raises:
        Missing: A line is no checksum, or a name is there twice.
    """
    listed: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not (match := LINE.fullmatch(line)):
            raise Missing(f"line {number} of {SUMS} is not a checksum and a name")
        if match[2] in listed:
            raise Missing(f"{SUMS} lists {match[2]} twice")
        if is_signature(match[2]) or match[2] == SUMS:
            raise Missing(f"{SUMS} lists {match[2]}, which no sum covers")
        listed[match[2]] = match[1]
    if not listed:
        raise Missing(f"{SUMS} lists nothing")
    return listed


def listed(folder: Path) -> dict[str, str]:
    """Return the digest of each file that a folder's sums list, by name.

    Raises:
        Missing: There are no sums, or they cannot be read.
    """
    try:
        text = (folder / SUMS).read_bytes().decode("ascii")
    except FileNotFoundError:
        raise Missing(f"there is no {SUMS} in {folder}: `make dist` writes it") from None
    except UnicodeDecodeError:
        raise Missing(f"{SUMS} is not plain text") from None
    return read(text)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def differing(folder: Path, sums: dict[str, str]) -> list[str]:
    """Return the names of files that are there and have another digest."""
    return [
        name
        for name, expected in sums.items()
        if (folder / name).is_file() and digest(folder / name) != expected
    ]


def missing(folder: Path, sums: dict[str, str]) -> list[str]:
    """Return the names that are listed and not there."""
    return [name for name in sums if not (folder / name).is_file()]


def unlisted(folder: Path, sums: dict[str, str]) -> list[str]:
    """Return what is there, not listed, and no signature of what is listed."""
    signatures = {STATEMENT, ATTESTATION} | {f"{name}{SIGNATURE}" for name in (*sums, SUMS)}
    return sorted({path.name for path in folder.iterdir()} - signatures - sums.keys() - {SUMS})


def checked(folder: Path) -> dict[str, str]:
    """Return the sums of a folder that is exactly as they say.

    Raises:
        Missing: It is not; the message names each file.
    """
    sums = listed(folder)
    faults = {
        "missing": missing(folder, sums),
        "altered": differing(folder, sums),
        "not in the sums": unlisted(folder, sums),
    }
    if told := [f"{what}: {', '.join(names)}" for what, names in faults.items() if names]:
        raise Missing(f"{folder} is not as {SUMS} says. {'; '.join(told)}")
    return sums

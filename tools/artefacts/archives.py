"""Archives whose bytes depend on nothing but what is in them."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OLDEST = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip file can hold: that of every file in ours."""

AR = b"!<arch>\n"
AR_HEADER = 60
STORED = 0xFFFF
"""The longest block of deflate that is not compressed."""


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the path inside `folder` and the place of every file, in one order everywhere."""
    found = (path for path in folder.rglob("*") if path.is_file())
    yield from sorted((path.relative_to(folder).as_posix(), path) for path in found)


def write_zip(folder: Path, archive: Path, *, head: bytes = b"", mode: int = 0o644) -> None:
    """Write all files under `folder` with sorted names, one time and one mode.

    Args:
        folder: What is put in.
        archive: The file, replaced as a whole.
        head: What stands before the first file, for instance a `#!` line.
        mode: The file's own mode.
    """
    fresh = archive.with_name(f".{archive.name}.{os.getpid()}")
    with fresh.open("wb") as out:
        out.write(head)
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
            for name, path in files(folder):
                entry = zipfile.ZipInfo(name, OLDEST)
                entry.create_system = 3  # Unix, whose modes these are, wherever it is built
                entry.external_attr = 0o100644 << 16
                zipped.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    fresh.chmod(mode)
    fresh.replace(archive)


def tar(folder: Path, at: int, runs: Callable[[str], bool]) -> bytes:
    """Return all under `folder` as a tar archive of root's, with sorted names and one time.

    Args:
        folder: What is put in, its folders too.
        at: The time, in seconds.
        runs: Whether the file of a name is a program.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as packed:
        for path in (folder, *sorted(folder.rglob("*"), key=lambda path: path.parts)):
            name = path.relative_to(folder).as_posix()
            entry = tarfile.TarInfo("./" if path == folder else f"./{name}")
            entry.mtime = at
            entry.uname = entry.gname = "root"
            entry.mode = 0o755 if path.is_dir() or runs(name) else 0o644
            if path.is_dir():
                entry.type = tarfile.DIRTYPE
                packed.addfile(entry)
            else:
                entry.size = path.stat().st_size
                with path.open("rb") as content:
                    packed.addfile(entry, content)
    return out.getvalue()


def ar(members: dict[str, bytes], at: int) -> bytes:
    """Return an `ar` archive of root's, the members in the order given."""
    parts = [AR]
    for name, content in members.items():
        header = f"{name:<16}{at:<12}{0:<6}{0:<6}{0o100644:<8o}{len(content):<10}`\n"
        parts += [header.encode(), content, b"\n" * (len(content) % 2)]
    return b"".join(parts)


def ar_members(archive: bytes) -> dict[str, bytes]:
    """Return the members of what `ar` made."""
    found, start = {}, len(AR)
    while start < len(archive):
        header = archive[start : start + AR_HEADER].decode()
        start += AR_HEADER
        size = int(header[48:58])
        found[header[:16].rstrip()] = archive[start : start + size]
        start += size + size % 2
    return found


def gzip(content: bytes) -> bytes:
    """Return a gzip file that holds `content` as it is: see RFC 1951, 3.2.4.

    For readers who must have one. Compressed, its bytes would depend on which zlib Python has.
    """
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"  # no time; of no system
    blocks = [content[start : start + STORED] for start in range(0, len(content), STORED)] or [b""]
    stored = [
        bytes([number == len(blocks)])
        + len(block).to_bytes(2, "little")
        + (len(block) ^ STORED).to_bytes(2, "little")
        + block
        for number, block in enumerate(blocks, 1)
    ]
    tail = zlib.crc32(content).to_bytes(4, "little") + len(content).to_bytes(4, "little")
    return b"".join([head, *stored, tail])

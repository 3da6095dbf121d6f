"""Sorting more lines than there is memory for: runs on disk, and a merge of them."""

from __future__ import annotations

import gzip
import heapq
import json
import tempfile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = 48 * 1024 * 1024
"""Characters of the lines that are sorted in memory."""

Place = tuple[int, str, str, str, int]
"""What lines are sorted by: their kind, `vend_id`, `pk`, `sk`, and the sequence of a change."""

Entry = tuple[Place, str]
"""A line of ASCII without its end, and its place."""


class Sorter:
    """Lines, in any order, that are read again in theirs.

    Args:
        run: Characters of lines until a run is written to disk.
    """

    def __init__(self, *, run: int = RUN) -> None:
        self._run = run
        self._held: list[Entry] = []
        self._size = 0
        self._runs: list[IO[bytes]] = []

    def add(self, place: Place, line: str) -> None:
        """Take a line."""
        self._held.append((place, line))
        self._size += len(line)
        if self._size >= self._run:
            self._spill()

    def entries(self) -> Iterator[Entry]:
        """Yield the lines by their place, then by themselves; equal ones once. Only once."""
        self._held.sort()
        last: Entry | None = None
        for entry in heapq.merge(self._held, *map(read, self._runs)):
            if entry != last:
                yield entry
            last = entry

    def _spill(self) -> None:
        self._held.sort()
        # Without a name: the disk is free again when it is closed, also by a function that ends.
        file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1) as packed:
            for place, line in self._held:
                packed.write(f"{json.dumps(place)}\t{line}\n".encode())
        self._runs.append(file)
        self._held, self._size = [], 0


def read(file: IO[bytes]) -> Iterator[Entry]:
    """Yield the lines of a run, and close it."""
    file.seek(0)
    with file, gzip.GzipFile(fileobj=file) as packed:
        for text in packed:
            place, _, line = text.decode().rstrip("\n").partition("\t")
            kind, vend_id, pk, sk, sequence = json.loads(place)
            yield (kind, vend_id, pk, sk, sequence), line

"""Pages of a long read, kept beside what they are read for, so that a broken read goes on.

The file is this user's alone, as the records in it are. Its first line says what was asked, each
other line is a page; a last line that is not whole is read again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from ecr_vend import moments, private_files, vend_pages
from ecr_vend.errors import Problem
from ecr_vend.private_files import Lock
from ecr_vend.vend_pages import Page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from ecr_vend.service import Service

FRESH = timedelta(days=1)
"""After this what was kept is read again: records are added, and nobody asked for so old a page."""


@dataclass(slots=True)
class KeptPages:
    """The pages of one read.

    Attributes:
        path: Of the file, None where nothing is kept.
        until: Until when is read; that of the first try.
        kept: What an earlier try has read, in order.
    """

    path: Path | None
    until: datetime
    kept: list[Page]
    lock: Lock | None = None
    file: BinaryIO | None = None

    @classmethod
    def of(cls, path: Path | None, asked: Mapping[str, Any], until: datetime) -> KeptPages:
        """Return the pages that are kept for `path`, none where something else was asked.

        Args:
            path: What is read for; the pages are beside it. None: nothing is kept.
            asked: What has to be the same.
            until: Until when is read, where nothing is kept.

        Raises:
            Problem: `not_written`: another process reads for the same file, or it is not private.
        """
        if path is None:
            return cls(None, until, [])
        beside = path.with_name(f"{path.name}.part")
        try:
            lock = Lock.take(beside)
            if lock is None:
                detail = "another ecr-vend is reading for it"
                raise Problem("not_written", where=str(beside), detail=detail)
            file = open(lock.fileno(), "r+b", closefd=False)  # noqa: SIM115 a handle, kept open
            begun, pages, end = whole(file, asked)
            if begun is None or until - begun > FRESH:
                begun, pages, end = until, [], 0
            file.seek(end)
            file.truncate()
            made = cls(beside, begun, pages, lock, file)
            if end == 0:
                made._append({"asked": asked, "until": begun.isoformat()})
        except OSError as error:
            detail = error.strerror or str(error)
            raise Problem("not_written", where=str(beside), detail=detail) from None
        return made

    def read(self, service: Service, query: Mapping[str, str]) -> Iterator[Page]:
        """Yield every page, those that are kept first.

        Raises:
            Problem: A page could not be had or not be kept; what was read so far is.
        """
        yield from self.kept
        after = self.kept[-1].after if self.kept else None
        if self.kept and after is None:
            return
        for page in vend_pages.pages(service, query, after=after):
            yield page
            # Not before: a page that cannot be understood is asked for again.
            try:
                self._append(asdict(page))
            except OSError as error:
                detail = error.strerror or str(error)
                raise Problem("not_written", where=str(self.path), detail=detail) from None

    def remove(self) -> None:
        """Drop what is kept: it was all read."""
        if self.path:
            private_files.remove(self.path)
        self.close()

    def close(self) -> None:
        """Let another process go on."""
        if self.file and self.lock:
            self.file.close()
            self.lock.release()
            self.file = None

    def _append(self, document: object) -> None:
        if self.file:
            self.file.write(json.dumps(document).encode() + b"\n")
            self.file.flush()


def whole(file: BinaryIO, asked: Mapping[str, Any]) -> tuple[datetime | None, list[Page], int]:
    """Return until when was read, the pages that are whole, and where they end.

    None and no pages where something else was asked, or the file is something else.
    """
    pages: list[Page] = []
    try:
        first = file.readline()
        head = json.loads(first)
        if head["asked"] != asked:
            return None, [], 0
        until, end = moments.parsed(head["until"]), len(first)
        for line in file:
            if not line.endswith(b"\n"):
                break
            pages.append(Page(**json.loads(line)))
            end += len(line)
    except (KeyError, TypeError, ValueError):
        return None, [], 0
    return until, pages, end

"""A configuration file of the person's, and the text that is to take its place."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_vend import json_edit, toml_edit
from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOM = "\ufeff"
BACKUP = ".ecr-vend-backup"
Member = tuple[str, ...]


@dataclass(slots=True)
class Draft:
    """A file as it was read, and as it is to become.

    Attributes:
        path: Where the person sees it.
        was: What it held, None where there was none.
        text: What it is to hold; None when it is to go.
    """

    path: Path
    was: bytes | None
    text: str | None

    @property
    def content(self) -> bytes | None:
        """Return the bytes it is to hold."""
        return None if self.text is None else self.text.encode()

    @property
    def changed(self) -> bool:
        """Return whether it is to become another."""
        return self.content != self.was

    @property
    def _toml(self) -> bool:
        return self.path.suffix == ".toml"

    def value(self, member: Member) -> object:
        """Return a member's value, None where it is not there."""
        with self._edited():
            if self._toml:
                return toml_edit.get(self._plain(), member)
            spelled = json_edit.get(self._plain() or "{}", member)
            return None if spelled is None else json.loads(spelled)

    def spelling(self, member: Member) -> str | None:
        """Return a member's value as it is written, None where it is not there."""
        with self._edited():
            if self._toml:
                return toml_edit.spelling(self._plain(), member)
            return json_edit.get(self._plain() or "{}", member)

    def put(self, member: Member, value: str) -> None:
        """Set a member to a string."""
        with self._edited():
            if self._toml:
                self._set(toml_edit.put(self._plain(), member, value))
            else:
                text = self._plain() or "{\n}\n"
                self._set(json_edit.put(text, member, json_edit.quoted(value)))

    def put_back(self, member: Member, spelled: str) -> None:
        """Set a member to what `spelling` said."""
        with self._edited():
            if self._toml:
                value = str(toml_edit.loads(f"x = {spelled}")["x"])
                self._set(toml_edit.put(self._plain(), member, value, spelled))
            else:
                self._set(json_edit.put(self._plain(), member, spelled))

    def remove(self, member: Member) -> None:
        """Take a member away."""
        with self._edited():
            syntax = toml_edit if self._toml else json_edit
            self._set(syntax.remove(self._plain(), member))

    def empty(self) -> bool:
        """Return whether nothing is left in it, comments included."""
        return "".join(self._plain().split()) in ({""} if self._toml else {"", "{}"})

    def _plain(self) -> str:
        """Return the text without its mark of byte order, blanks as nothing."""
        text = (self.text or "").removeprefix(BOM)
        return text if text.strip() else ""

    def _set(self, text: str) -> None:
        self.text = BOM * (self.text or "").startswith(BOM) + text

    @contextlib.contextmanager
    def _edited(self) -> Iterator[None]:
        try:
            yield
        except (json_edit.NotEditable, toml_edit.NotEditable) as error:
            raise _bad(self.path, str(error)) from None

    def difference(self) -> str:
        """Return the change as a unified diff, empty where there is none."""
        before = (self.was or b"").decode(errors="replace").splitlines(keepends=True)
        after = (self.text or "").splitlines(keepends=True)
        old = os.devnull if self.was is None else str(self.path)
        new = os.devnull if self.text is None else str(self.path)
        lines = difflib.unified_diff(before, after, old, new)
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in lines
        )

    def write(self) -> Path | None:
        """Put the text in place, whole or not at all; where the old one is kept, if there was one.

        Mode and owner stay, and a link stays a link to the file that is changed.

        Raises:
            Problem: It cannot be written, or is another file than the one that was read.
        """
        real = self.path.resolve()
        try:
            if _content(real) != self.was:
                raise _bad(self.path, "was changed by another program just now: try again")
            backup = _keep(real, self.was) if self.was is not None else None
            content = self.content
            if content is None:
                real.unlink()
            else:
                real.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _replace(real, content)
        except OSError as error:
            raise _bad(self.path, f"cannot be written: {error.strerror}") from None
        return backup


def read(path: Path) -> Draft:
    """Return a file as it is.

    Raises:
        Problem: It cannot be read, or is not text.
    """
    try:
        content = _content(path)
        return Draft(path, content, None if content is None else content.decode())
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _bad(path, f"is not UTF-8 (byte {error.start + 1})") from None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _keep(path: Path, content: bytes) -> Path:
    """Return a copy of the file beside it, made unless there is one already."""
    number = 0
    while True:
        backup = path.with_name(f"{path.name}{BACKUP}{f'-{number}' if number else ''}")
        kept = _content(backup)
        if kept == content:
            return backup
        if kept is None:
            _create(backup, content, like=path)
            return backup
        number += 1


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns():x}.new")
    try:
        _create(draft, content, like=path)
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def _create(path: Path, content: bytes, *, like: Path) -> None:
    """Make a file with the mode and owner of another; private where there is none."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with open(handle, "wb") as file:  # noqa: PTH123 a handle, not a path
        with contextlib.suppress(FileNotFoundError):
            found = like.stat()
            if sys.platform != "win32":
                if (found.st_uid, found.st_gid) != (os.geteuid(), os.fstat(handle).st_gid):
                    os.fchown(handle, found.st_uid, found.st_gid)
                os.fchmod(handle, found.st_mode & 0o7777)
        file.write(content)
        file.flush()
        os.fsync(handle)


def _bad(path: Path, what: str) -> Problem:
    return Problem("bad_config", where=str(path), what=what)

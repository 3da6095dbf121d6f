"""What `configure` has changed, so that it can be undone: a file beside `config.toml`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_vend import private_files
from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from ecr_vend.drafts import Draft, Member

SCHEMA = 1
TABLE = ""
"""The value noted for a member that was made to hold others."""


@dataclass(frozen=True, slots=True)
class Change:
    """One member that was set.

    Attributes:
        file: The file's path.
        member: The member; none for the file itself, where that was made.
        value: What it was set to; TABLE where it was made to hold others.
        before: What it was, as it was written; None where it was not there.
    """

    file: str
    member: Member
    value: str
    before: str | None = None


@dataclass(slots=True)
class Record:
    """All changes that are not undone, in order.

    Attributes:
        path: Where they are written down.
        changes: The changes.
        written: Those that are written down.
    """

    path: Path
    changes: list[Change] = field(default_factory=list)
    written: list[Change] = field(default_factory=list)

    def put(self, draft: Draft, member: Member, value: str) -> None:
        """Set a member in a draft, and note what was there before."""
        was = draft.value(member)
        if was == value:
            return
        file = str(draft.path)
        if draft.was is None or draft.empty():
            self._note(Change(file, (), TABLE, draft.text))
        for depth in range(1, len(member)):
            if draft.value(member[:depth]) is None:
                self._note(Change(file, member[:depth], TABLE, draft.spelling(member[:depth])))
        noted = self._of(file, member)
        # What we set ourselves is not what was there before us.
        before = noted.before if noted and noted.value == was else draft.spelling(member)
        draft.put(member, value)
        if noted:
            self.changes.remove(noted)
        self.changes.append(Change(file, member, value, before))

    def undo(self, draft: Draft, registry: str | None = None) -> list[str]:
        """Undo the changes to a file in its draft.

        Args:
            draft: The file.
            registry: Undo what is about this registry only; everything when None.

        Returns:
            What was left alone, because somebody else has changed it since; a phrase each.
        """
        left = []
        of_file = [one for one in self.changes if one.file == str(draft.path)]
        for one in reversed([one for one in of_file if one.value != TABLE]):
            if registry is not None and registry not in one.member:
                continue
            self.changes.remove(one)
            found = draft.value(one.member)
            if found == one.value:
                _undo(draft, one)
            elif found is not None:
                left.append(f"{'.'.join(one.member)} in {one.file}: it was changed since")
        for one in reversed([one for one in of_file if one.value == TABLE]):
            if not one.member:
                if draft.text is None or draft.empty():
                    draft.text = one.before if draft.was is not None else None
                    self.changes.remove(one)
            elif not draft.value(one.member):
                _undo(draft, one)
                self.changes.remove(one)
        return left

    def files(self) -> list[Path]:
        """Return the files that were changed."""
        return [Path(file) for file in dict.fromkeys(one.file for one in self.changes)]

    def write(self) -> None:
        """Write the record down, or remove it when nothing is left to undo.

        Raises:
            Problem: It cannot be written.
        """
        if self.changes == self.written:
            return
        try:
            if not self.changes:
                self.path.unlink(missing_ok=True)
                return
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            document = {"schema": SCHEMA, "changes": [asdict(one) for one in self.changes]}
            private_files.write(self.path, json.dumps(document, indent=2).encode() + b"\n")
        except OSError as error:
            what = f"cannot be written: {error.strerror or error}"
            raise Problem("bad_config", where=str(self.path), what=what) from None

    def _note(self, change: Change) -> None:
        if not self._of(change.file, change.member):
            self.changes.append(change)

    def _of(self, file: str, member: Member) -> Change | None:
        return next((it for it in self.changes if (it.file, it.member) == (file, member)), None)


def _undo(draft: Draft, one: Change) -> None:
    if one.before is None:
        draft.remove(one.member)
    else:
        draft.put_back(one.member, one.before)


def read(path: Path) -> Record:
    """Return the record of what was configured.

    Raises:
        Problem: It cannot be read.
    """
    try:
        document = json.loads(private_files.read(path))
        changes = [Change(**{**one, "member": tuple(one["member"])}) for one in document["changes"]]
        known = document["schema"] == SCHEMA
    except FileNotFoundError:
        return Record(path)
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise Problem("bad_config", where=str(path), what=what) from None
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        what = "is not what this version writes: undo by hand with the backups, then remove it"
        raise Problem("bad_config", where=str(path), what=what)
    return Record(path, changes, list(changes))

"""A release on GitHub, driven through `gh`: what is there is never replaced by other bytes."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.environments import Missing
from tools.release.sums import digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.release.commands import Commands

WITHDRAWN = "**Withdrawn.**"
"""How the notes of a release begin that nobody should use any more."""


@dataclass(frozen=True, slots=True)
class Published:
    """A release as it stands on GitHub.

    Attributes:
        tag: Its tag.
        draft: Whether nobody sees it yet.
        prerelease: Whether it is in the channel `next`.
        notes: Its text.
        assets: Name → digest, None where GitHub tells none.
        broken: Names of assets whose upload never ended.
    """

    tag: str
    draft: bool
    prerelease: bool
    notes: str
    assets: dict[str, str | None] = field(default_factory=dict)
    broken: tuple[str, ...] = ()


class GitHub:
    """The releases of one repository."""

    def __init__(self, commands: Commands, repository: str) -> None:
        self._commands = commands
        self._of = ("--repo", repository)

    def release(self, tag: str) -> Published | None:
        """Return a release, None where there is none.

        Raises:
            Missing: GitHub was not reached, or says no.
        """
        fields = "assets,body,isDraft,isPrerelease"
        words = ("gh", "release", "view", tag, *self._of, "--json", fields)
        done = self._commands.tried(*words)
        if done.returncode:
            said = done.stderr.decode().strip()
            if "release not found" in said:
                return None
            raise Missing(f"GitHub does not say whether {tag} is released: {said}")
        document: dict[str, Any] = json.loads(done.stdout)
        assets = document["assets"]
        whole = [one for one in assets if one.get("state", "uploaded") == "uploaded"]
        return Published(
            tag,
            document["isDraft"],
            document["isPrerelease"],
            document["body"],
            {one["name"]: hexadecimal(one.get("digest")) for one in whole},
            tuple(one["name"] for one in assets if one not in whole),
        )

    def channels(self) -> tuple[list[str], list[str]]:
        """Return the tags of what is stable, and of all that anybody can see."""
        words = ("gh", "release", "list", *self._of, "--limit", "1000")
        listed = json.loads(self._commands.ask(*words, "--json", "tagName,isDraft,isPrerelease"))
        seen = [one for one in listed if not one["isDraft"]]
        stable = [one["tagName"] for one in seen if not one["isPrerelease"]]
        return stable, [one["tagName"] for one in seen]

    def draft(self, tag: str, notes: str) -> None:
        """Make a release that nobody sees yet, of a tag that is there."""
        flags = ("--draft", "--prerelease", "--verify-tag", "--title", f"ecr-vend {tag}")
        self._with_notes(notes, "create", tag, *flags)

    def complete(self, there: Published, files: Iterable[Path]) -> int:
        """Upload the files that are not there yet; how many.

        Raises:
            Missing: One is there with other bytes, or something else is.
        """
        local = {path.name: path for path in files}
        if foreign := sorted(there.assets.keys() - local.keys()):
            raise Missing(f"{there.tag} on GitHub holds {', '.join(foreign)}, which is not here")
        told = {name: told or self._digest(there.tag, name) for name, told in there.assets.items()}
        if other := [name for name in sorted(told) if told[name] != digest(local[name])]:
            raise Missing(
                f"{there.tag} on GitHub has other bytes for {', '.join(other)}. Nothing is ever"
                " replaced: run the failed jobs again, not all of them, or release a new version"
            )
        for name in there.broken:
            self._do("delete-asset", there.tag, name, "--yes")
        lacking = [path for name, path in sorted(local.items()) if name not in told]
        if lacking:
            self._do("upload", there.tag, *map(str, lacking))
        return len(lacking)

    def show(self, tag: str) -> None:
        """Let everybody see a draft, in the channel `next`."""
        self._do("edit", tag, "--draft=false", "--prerelease", "--latest=false")

    def promote(self, tag: str, *, latest: bool) -> None:
        """Make a pre-release stable, and the latest where it is the newest."""
        self._do("edit", tag, "--prerelease=false", f"--latest={str(latest).lower()}")

    def make_latest(self, tag: str) -> None:
        """Have a stable release be the one that is offered first."""
        self._do("edit", tag, "--latest")

    def withdraw(self, there: Published, reason: str) -> None:
        """Take a release back into the channel `next`, and say why on top of its notes."""
        notes = f"{WITHDRAWN} {reason}\n\n{there.notes}"
        if there.notes.startswith(WITHDRAWN):
            notes = there.notes
        self._with_notes(notes, "edit", there.tag, "--prerelease", "--latest=false")

    def download(self, tag: str, folder: Path) -> None:
        """Fetch all files of a release into a folder that is made for it."""
        self._commands.ask("gh", "release", "download", tag, *self._of, "--dir", str(folder))

    def _digest(self, tag: str, name: str) -> str:
        """Return the digest of a file on GitHub, by fetching it."""
        with tempfile.TemporaryDirectory() as folder:
            fetch = ("gh", "release", "download", tag, *self._of, "--dir", folder)
            self._commands.ask(*fetch, "--pattern", name)
            return digest(Path(folder) / name)

    def _with_notes(self, notes: str, *words: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "notes.md"
            file.write_text(notes)
            self._do(*words, "--notes-file", str(file))

    def _do(self, verb: str, tag: str, *words: str) -> None:
        self._commands.do("gh", "release", verb, tag, *self._of, *words)


def hexadecimal(told: str | None) -> str | None:
    """Return a SHA-256 without its name, None of anything else."""
    return told.removeprefix("sha256:") if told and told.startswith("sha256:") else None

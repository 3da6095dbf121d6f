"""What a checkout must be, before anything that bears its version goes out."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

from tools.environments import ROOT, Missing
from tools.release.version import commit, version


@dataclass(frozen=True, slots=True)
class Checkout:
    """The commit that the tools run from.

    Attributes:
        version: What it says it is.
        commit: Its id, `-dirty` behind it where files differ.
        tags: The tags that lead to it.
        changelog: The text of the changelog in it.
    """

    version: str
    commit: str
    tags: frozenset[str]
    changelog: str

    @property
    def tag(self) -> str:
        """The one tag that releases it."""
        return f"v{self.version}"

    def hold(self) -> None:
        """Let only a clean checkout of the version's own tag pass.

        Raises:
            Missing: It is not; the message says in what.
        """
        if not self.commit or self.commit.endswith("-dirty"):
            raise Missing("files differ from the commit, or there is none: a release is of a tag")
        if self.tag not in self.tags:
            there = ", ".join(sorted(self.tags)) or "none"
            raise Missing(
                f"the version is {self.version}, and no tag {self.tag} leads to {self.commit[:12]}"
                f" (tags: {there}). The tag and __version__ must agree"
            )


def checkout() -> Checkout:
    """Return the checkout that this file is in."""
    words = ["git", "tag", "--points-at", "HEAD"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    tags = set(listed.stdout.split())
    # A workflow's checkout may hold the commit of a tag without the tag itself.
    here = os.environ.get("GITHUB_REF_TYPE") == "tag" and os.environ.get("GITHUB_SHA") == commit()
    if here:
        tags.add(os.environ.get("GITHUB_REF_NAME", ""))
    changelog = (ROOT / "CHANGELOG.md").read_text()
    return Checkout(version(), commit(), frozenset(tags - {""}), changelog)


def asked_for(tag: str | None, here: Checkout) -> str:
    """Return the version that a tag names, that of the checkout where none is given.

    Raises:
        Missing: It is another: a release is handled with its own tools.
    """
    if tag and tag.removeprefix("v") != here.version:
        raise Missing(f"check out {tag} first: this is {here.version}")
    return here.version

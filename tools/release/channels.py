#!/usr/bin/env python3
"""Publish a release to the channel `next`, promote it to stable, or withdraw it.

    make publish                          # dist → a pre-release on GitHub, image tag `next`
    make promote TAG=v1.2.0               # the same bytes → the latest, image tags `latest`, `1`
    make withdraw TAG=v1.2.0 REASON="…"   # back to a pre-release, and the tags to the one before
    make promote ARGS=--dry-run           # show every command that would change something

Each can be run again: what is done is left as it is, and nothing is replaced by other bytes. What
is published is verified first, and what is promoted is downloaded and verified again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.environments import ROOT, Missing, make
from tools.release import versions
from tools.release.checkout import Checkout, asked_for, checkout
from tools.release.commands import Commands
from tools.release.github import WITHDRAWN, GitHub, Published
from tools.release.identity import REPOSITORY, SUMS
from tools.release.images import Images, logged_in
from tools.release.notes import section

ARCHIVE = ROOT / "build/image/ecr-vend-image.tar"
DIGEST = ROOT / "build/image/digest"
PROMOTED = ROOT / "build/promoted"
HANDED_OUT = {
    "python": ("*.whl", "ecr_vend-*.tar.gz"),
    "homebrew": ("*.rb",),
    "scoop": ("ecr-vend.json",),
}
"""Folder under build/promoted → the files that whoever publishes there takes."""

Verify = Callable[[Path, str, "str | None"], dict[str, Any]]
"""Folder, version, commit → what the verification found; Missing where it does not hold."""


@dataclass(frozen=True, slots=True)
class Channels:
    """What a release goes through.

    Attributes:
        here: The checkout of the release.
        commands: What runs other programs.
        github: Where releases are.
        verify: What proves a folder.
    """

    here: Checkout
    commands: Commands
    github: GitHub
    verify: Verify

    def publish(self, folder: Path, archive: Path = ARCHIVE, digest: Path = DIGEST) -> None:
        """Put a signed `dist/` into the channel `next`.

        Raises:
            Missing: Something is not as it must be; nothing was changed, or it goes on from there.
        """
        self.here.hold()
        notes = section(self.here.changelog, self.here.version)
        self.commands.ask("make", "pins-check", "ARGS=--release")
        images = self.verify(folder, self.here.version, self.here.commit)["images"]
        if images and digest.read_text().strip() not in {
            f"sha256:{one}" for one in images.values()
        }:
            raise Missing(f"{archive} is not the image that the provenance is of")
        tag = self.here.tag
        there = self.github.release(tag)
        if there is None:
            self.github.draft(tag, notes)
            there = Published(tag, draft=True, prerelease=True, notes=notes)
        self.github.complete(there, sorted(folder.iterdir()))
        _, seen = self.github.channels()
        is_newest = versions.newest([*seen, tag]) == self.here.version
        for name, expected in images.items():
            with logged_in(self.commands, name) as login:
                image = Images(self.commands, name, login)
                image.push(archive, self.here.version, expected)
                if is_newest:
                    image.move(versions.NEXT, expected)
        if there.draft:
            self.github.show(tag)
        print(f"{tag} is in the channel next")

    def promote(self, folder: Path = PROMOTED) -> None:
        """Make what is in the channel `next` stable: the same bytes, verified again.

        Raises:
            Missing: It must not become stable; the message says why.
        """
        self.here.hold()
        version, tag = self.here.version, self.here.tag
        if not versions.is_final(version):
            raise Missing(f"{version} leads to a version and is none: it stays in the channel next")
        there = self._seen(tag)
        if there.notes.startswith(WITHDRAWN):
            raise Missing(f"{tag} was withdrawn: release a new version")
        shutil.rmtree(folder, ignore_errors=True)
        images = self._proven(tag, folder / "release", self.here.commit)["images"]
        stable, _ = self.github.channels()
        moving = versions.moving(version, versions.known(stable))
        for name, digest in images.items():
            with logged_in(self.commands, name) as login:
                image = Images(self.commands, name, login)
                image.demand(version, digest)
                for one in moving:
                    image.move(one, digest)
        hand_out(folder)
        if there.prerelease:
            self.github.promote(tag, latest=versions.LATEST in moving)
        print(f"{tag} is stable{', and the latest' if versions.LATEST in moving else ''}")
        print(f"for the Python index, Homebrew and Scoop: {folder}")

    def withdraw(self, version: str, reason: str) -> None:
        """Take a release out of the stable channel, and lead its image tags to those before it.

        It need not verify: that may be why it is withdrawn. Those before must.

        Raises:
            Missing: It is not released, or one before it does not verify.
        """
        tag = f"v{version}"
        there = self._seen(tag)
        others = [one for one in versions.known(self.github.channels()[0]) if one != version]
        back = versions.newest(others)
        self.github.withdraw(there, reason)
        if back:
            self.github.make_latest(f"v{back}")
        leads = {name: versions.newest(others, of) for name, of in versions.series(version).items()}
        for to in sorted({to for to in leads.values() if to}):
            self._lead(to, [name for name in leads if leads[name] == to])
        print(f"{tag} is withdrawn; the latest is {f'v{back}' if back else 'none'}")
        print(BY_HAND.format(version=version))

    def _lead(self, to: str, tags: list[str]) -> None:
        """Have image tags lead to a stable version, once that is downloaded and verified."""
        with tempfile.TemporaryDirectory() as folder:
            images = self._proven(f"v{to}", Path(folder) / "release", None)["images"]
        for name, digest in images.items():
            with logged_in(self.commands, name) as login:
                image = Images(self.commands, name, login)
                image.demand(to, digest)
                for tag in tags:
                    image.move(tag, digest)

    def _seen(self, tag: str) -> Published:
        """Return a release that anybody can see.

        Raises:
            Missing: There is none.
        """
        there = self.github.release(tag)
        if there is None or there.draft:
            raise Missing(f"{tag} is not published: its tag's workflow does that (`make publish`)")
        return there

    def _proven(self, tag: str, folder: Path, commit: str | None) -> dict[str, Any]:
        """Download a release and return what the verification found.

        Raises:
            Missing: It does not hold.
        """
        folder.mkdir(parents=True)
        self.github.download(tag, folder)
        return self.verify(folder, tag.removeprefix("v"), commit)


BY_HAND = """What no command here does:
- the Python index: yank {version} on the project's page; who pinned it still finds it;
- Homebrew and Scoop: revert the commits that brought {version};
- an image tag of its series, where no older release of the series is left, still leads to it;
- say so in CHANGELOG.md, and in a security advisory where it is one."""


def hand_out(folder: Path) -> None:
    """Put what goes to each index into a folder of its own, from the verified release."""
    for name, patterns in HANDED_OUT.items():
        for pattern in patterns:
            for path in sorted((folder / "release").glob(pattern)):
                (folder / name).mkdir(exist_ok=True)
                shutil.copyfile(path, folder / name / path.name)


def verified(
    commands: Commands, repository: str, folder: Path, version: str, commit: str | None
) -> dict[str, Any]:
    """Return what `make verify-release` finds in a folder.

    Raises:
        Missing: It does not hold; the message has each check that failed.
    """
    if not (folder / SUMS).is_file():
        raise Missing(f"there is no {SUMS} in {folder}: build and sign it first")
    python, tool = make("release") / "bin/python", ROOT / "tools/release/verify.py"
    expected = ["--version", version, *(["--commit", commit] if commit else [])]
    words = [str(python), str(tool), str(folder), "--json", *expected, "--repository", repository]
    done = commands.tried(*words)
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise Missing(f"{folder} was not verified: {done.stderr.decode().strip()}") from None
    if done.returncode or not document["verified"]:
        checks = (one for one in document["checks"] if not one["passed"])
        told = "\n".join(f"  {one['name']}: {one['said']}" for one in checks)
        raise Missing(f"{folder}: {document['verdict']}\n{told}")
    return document


def what_and_why(arguments: argparse.Namespace) -> tuple[str, str]:
    """Return the version to withdraw, and the reason.

    Raises:
        Missing: One of them is not told.
    """
    tag, reason = arguments.tag or "", arguments.reason.strip()
    if not re.fullmatch(r"v[0-9][0-9a-z.]*", tag) or not reason:
        raise Missing('say which, and why: make withdraw TAG=v1.2.0 REASON="it loses tokens"')
    return tag.removeprefix("v"), reason


def main(words: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("publish", "promote", "withdraw"))
    parser.add_argument("--dry-run", action="store_true", help="change nothing, show what would be")
    parser.add_argument("--tag", default=os.environ.get("TAG"), help="v1.2.0; the checkout's own")
    parser.add_argument(
        "--reason", default=os.environ.get("REASON", ""), help="withdraw: why, for its notes"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "dist", help="publish: dist")
    parser.add_argument(
        "--repository",
        default=os.environ.get("GITHUB_REPOSITORY", REPOSITORY),
        metavar="OWNER/NAME",
        help=REPOSITORY,
    )
    arguments = parser.parse_args(words)
    commands = Commands(dry=arguments.dry_run)

    def verify(folder: Path, version: str, commit: str | None) -> dict[str, Any]:
        return verified(commands, arguments.repository, folder, version, commit)

    try:
        here = checkout()
        channels = Channels(here, commands, GitHub(commands, arguments.repository), verify)
        if arguments.action == "withdraw":
            channels.withdraw(*what_and_why(arguments))
            return 0
        asked_for(arguments.tag, here)
        if arguments.action == "publish":
            channels.publish(arguments.folder)
        else:
            channels.promote()
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

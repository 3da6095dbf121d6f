"""GitHub and a registry around a release that goes out, with `dist/` and the image of 1.2.0."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.release.fake_programs import sha
from tools.environments import Missing
from tools.release.channels import Channels
from tools.release.checkout import Checkout
from tools.release.commands import Commands
from tools.release.github import GitHub

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "registry.test/ecr-vend/ecr-vend"
MANIFEST = "the manifest of 1.2.0"
COMMIT = "c" * 40
HERE = Checkout(
    "1.2.0",
    COMMIT,
    frozenset({"v1.2.0"}),
    "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-27\n\n- It vends.\n\n## [1.1.0] - …\n",
)


@dataclass
class World:
    """What is outside: the fake programs' state, and what was asked to be verified."""

    state: Path
    folder: Path
    here: Checkout = HERE
    refused: str = ""
    verified: list[tuple[set[str], str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state.mkdir()
        self.dist = self.folder / "dist"
        self.dist.mkdir()
        names = ("ecr_vend-1.2.0-py3-none-any.whl", "ecr_vend-1.2.0.tar.gz", "ecr-vend.pyz")
        for name in (*names, "ecr-vend.rb", "ecr-vend.json", "SHA256SUMS", "ecr-vend.intoto.jsonl"):
            (self.dist / name).write_text(f"{name} of 1.2.0")
        self.archive = self.folder / "image.tar"
        self.archive.write_text(MANIFEST)
        (self.folder / "digest").write_text(f"sha256:{sha(MANIFEST.encode())}\n")

    def verify(self, folder: Path, version: str, commit: str | None) -> dict[str, Any]:
        """Find every release good, with the image of its version, but for one refused."""
        self.verified.append(({path.name for path in folder.iterdir()}, version, commit))
        if version == self.refused:
            raise Missing(f"{version}: DO NOT USE")
        return {"images": {IMAGE: sha(f"the manifest of {version}".encode())}}

    def channels(self, *, dry: bool = False) -> Channels:
        commands = Commands(dry=dry)
        return Channels(self.here, commands, GitHub(commands, "ecr-vend/ecr-vend"), self.verify)

    def publish(self, *, dry: bool = False) -> None:
        self.channels(dry=dry).publish(self.dist, self.archive, self.folder / "digest")

    def promote(self, *, dry: bool = False) -> None:
        self.channels(dry=dry).promote(self.folder / "promoted")

    def release(self, tag: str, **fields: object) -> None:
        """Have a stable release of another version be there, with its image."""
        releases = self.releases()
        releases[tag] = {"draft": False, "prerelease": False, "notes": "", "latest": False} | fields
        (self.state / "releases.json").write_text(json.dumps(releases))
        (self.state / "assets" / tag).mkdir(parents=True)
        self.tag(tag.removeprefix("v"), f"the manifest of {tag.removeprefix('v')}")

    def tag(self, tag: str, manifest: str) -> None:
        tags = self.tags() | {tag: manifest}
        named = {f"{IMAGE}:{one}": content for one, content in tags.items()}
        (self.state / "tags.json").write_text(json.dumps(named))

    def releases(self) -> dict[str, Any]:
        path = self.state / "releases.json"
        read: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return read

    def tags(self) -> dict[str, str]:
        path = self.state / "tags.json"
        named = json.loads(path.read_text()) if path.exists() else {}
        return {name.removeprefix(f"{IMAGE}:"): content for name, content in named.items()}

    def assets(self, tag: str = "v1.2.0") -> dict[str, str]:
        return {path.name: path.read_text() for path in (self.state / "assets" / tag).iterdir()}

    def calls(self) -> list[str]:
        path = self.state / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def changes(self) -> list[str]:
        """Return the commands that changed something."""
        reading = ("gh release view", "gh release list", "gh release download")
        return [
            call
            for call in self.calls()
            if not call.startswith((*reading, "skopeo inspect", "make "))
        ]


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}

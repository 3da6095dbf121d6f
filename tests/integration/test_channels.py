"""A release goes out once, whole, and as it was verified; and it can be taken back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.release import fake_programs
from tests.release.fake_programs import sha
from tools.environments import Missing
from tools.release import channels
from tools.release.channels import Channels
from tools.release.checkout import Checkout
from tools.release.commands import Commands
from tools.release.github import GitHub

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


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    fake_programs.install(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("FAKE_PROGRAMS", str(tmp_path / "state"))
    for name in ("GITHUB_ACTIONS", "GH_TOKEN", "FAKE_GH_WITHOUT_DIGESTS"):
        monkeypatch.delenv(name, raising=False)
    return World(tmp_path / "state", tmp_path)


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_what_is_published_is_a_prerelease_with_every_file_and_the_image_under_next(
    world: World,
) -> None:
    world.publish()
    assert world.releases()["v1.2.0"] == {
        "draft": False,
        "prerelease": True,
        "latest": False,
        "notes": "- It vends.\n",
    }
    assert world.assets() == files(world.dist)
    assert world.tags() == {"1.2.0": MANIFEST, "next": MANIFEST}
    assert world.verified == [(set(files(world.dist)), "1.2.0", COMMIT)]


def test_nobody_sees_a_release_before_it_is_whole(world: World) -> None:
    world.publish()
    create, upload, *_, show = world.changes()
    assert create.startswith("gh release create v1.2.0")
    assert "--draft" in create
    assert upload.startswith("gh release upload v1.2.0")
    assert show.startswith("gh release edit v1.2.0")
    assert "--draft=false" in show


@pytest.mark.parametrize("digests", ["", "1"])
def test_a_half_published_release_is_completed_and_nothing_in_it_touched(
    world: World, monkeypatch: pytest.MonkeyPatch, digests: str
) -> None:
    (world.state / "refuse-upload").touch()
    with pytest.raises(Missing, match="connection reset"):
        world.publish()
    assert len(world.assets()) == 1
    assert world.releases()["v1.2.0"]["draft"]
    if digests:
        monkeypatch.setenv("FAKE_GH_WITHOUT_DIGESTS", digests)
    world.publish()
    assert world.assets() == files(world.dist)
    assert not world.releases()["v1.2.0"]["draft"]


def test_to_publish_again_changes_nothing(world: World) -> None:
    world.publish()
    before = world.changes()
    world.publish()
    assert world.changes() == before


@pytest.mark.parametrize("digests", ["", "1"])
def test_a_file_that_is_there_with_other_bytes_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch, digests: str
) -> None:
    world.publish()
    before = world.changes()
    if digests:
        monkeypatch.setenv("FAKE_GH_WITHOUT_DIGESTS", digests)
    (world.dist / "ecr-vend.pyz").write_text("another build")
    with pytest.raises(Missing, match=r"other bytes for ecr-vend\.pyz"):
        world.publish()
    assert world.changes() == before


def test_a_file_that_is_there_and_not_here_ends_it(world: World) -> None:
    world.publish()
    (world.state / "assets/v1.2.0/more").touch()
    with pytest.raises(Missing, match="holds more, which is not here"):
        world.publish()


def test_a_versions_image_is_never_replaced(world: World) -> None:
    world.tag("1.2.0", "another image")
    with pytest.raises(Missing, match="version's image is never replaced"):
        world.publish()
    assert world.tags() == {"1.2.0": "another image"}
    assert world.releases()["v1.2.0"]["draft"]


def test_an_image_that_the_provenance_is_not_of_is_not_pushed(world: World) -> None:
    (world.folder / "digest").write_text(f"sha256:{'0' * 64}\n")
    with pytest.raises(Missing, match="not the image that the provenance is of"):
        world.publish()
    assert world.changes() == []


def test_a_correction_of_an_older_series_does_not_take_next_back(world: World) -> None:
    world.release("v1.3.0", prerelease=True)
    world.tag("next", "the manifest of 1.3.0")
    world.publish()
    assert world.tags()["next"] == "the manifest of 1.3.0"


REFUSED = {
    "dirty": (replace(HERE, commit=f"{COMMIT}-dirty"), "files differ from the commit"),
    "no checkout": (replace(HERE, commit=""), "files differ from the commit"),
    "no tag": (replace(HERE, tags=frozenset()), "no tag v1.2.0 leads to"),
    "another tag": (replace(HERE, tags=frozenset({"v1.2.1"})), r"\(tags: v1.2.1\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_only_a_clean_checkout_of_the_versions_tag_is_published_or_promoted(
    world: World, name: str
) -> None:
    world.publish()
    before = world.calls()
    world.here, words = REFUSED[name]
    for action in (world.publish, world.promote):
        with pytest.raises(Missing, match=words):
            action()
    assert world.calls() == before


def test_a_version_without_a_section_in_the_changelog_is_not_published(world: World) -> None:
    world.here = replace(HERE, changelog="# Changelog\n\n## [Unreleased]\n\n- It vends.\n")
    with pytest.raises(Missing, match=r"has no section `## \[1\.2\.0\]"):
        world.publish()
    world.here = replace(HERE, changelog="## [1.2.0] - 2026-11-27\n\n## [1.1.0] - 2026-01-01\n\nx")
    with pytest.raises(Missing, match=r"says nothing of 1\.2\.0"):
        world.publish()
    assert world.calls() == []


def test_nothing_is_published_while_a_pin_is_missing(world: World) -> None:
    (world.state / "refuse-pins").touch()
    with pytest.raises(Missing, match="pins are missing"):
        world.publish()
    assert world.calls() == ["make pins-check ARGS=--release"]


def test_nothing_is_published_or_promoted_that_does_not_verify(world: World) -> None:
    world.publish()
    before, world.refused = world.changes(), "1.2.0"
    for action in (world.publish, world.promote):
        with pytest.raises(Missing, match="DO NOT USE"):
            action()
    assert world.changes() == before


def test_what_is_promoted_is_what_was_published_downloaded_and_verified_again(
    world: World,
) -> None:
    world.publish()
    published = files(world.dist)
    world.verified.clear()
    for path in world.dist.iterdir():
        path.unlink()
    world.promote()
    assert world.verified == [(set(published), "1.2.0", COMMIT)]
    one = world.releases()["v1.2.0"]
    assert (one["prerelease"], one["latest"]) == (False, True)
    assert world.assets() == published
    assert set(world.tags()) == {"1.2.0", "1.2", "1", "latest", "next"}
    assert set(world.tags().values()) == {MANIFEST}


def test_what_goes_to_each_index_is_handed_out_as_it_was_verified(world: World) -> None:
    world.publish()
    world.promote()
    folder = world.folder / "promoted"
    names = {one: set(files(folder / one)) for one in ("python", "homebrew", "scoop")}
    assert names == {
        "python": {"ecr_vend-1.2.0-py3-none-any.whl", "ecr_vend-1.2.0.tar.gz"},
        "homebrew": {"ecr-vend.rb"},
        "scoop": {"ecr-vend.json"},
    }
    for one in names:
        assert files(folder / one).items() <= files(world.dist).items()


def test_an_image_tag_that_was_moved_since_is_not_promoted(world: World) -> None:
    world.publish()
    world.tag("1.2.0", "another image")
    with pytest.raises(Missing, match="the provenance is of"):
        world.promote()
    assert world.releases()["v1.2.0"]["prerelease"]
    assert "latest" not in world.tags()


def test_a_correction_of_an_older_series_leaves_latest_where_it_is(world: World) -> None:
    world.release("v1.3.0", latest=True)
    for tag in ("latest", "1", "1.3"):
        world.tag(tag, "the manifest of 1.3.0")
    world.publish()
    world.promote()
    assert world.releases()["v1.3.0"]["latest"]
    assert not world.releases()["v1.2.0"]["latest"]
    assert world.tags() == {
        "1.3.0": "the manifest of 1.3.0",
        "1.3": "the manifest of 1.3.0",
        "1": "the manifest of 1.3.0",
        "latest": "the manifest of 1.3.0",
        "1.2.0": MANIFEST,
        "1.2": MANIFEST,
    }


def test_to_promote_again_changes_nothing_and_to_publish_then_does_not_take_it_back(
    world: World,
) -> None:
    world.publish()
    world.promote()
    before = world.changes()
    world.promote()
    world.publish()
    assert world.changes() == before


@pytest.mark.parametrize("draft", [None, True])
def test_what_is_not_published_is_not_promoted(world: World, draft: bool | None) -> None:
    if draft:
        world.release("v1.2.0", draft=True)
    with pytest.raises(Missing, match=r"v1\.2\.0 is not published"):
        world.promote()
    assert world.changes() == []


def test_a_candidate_stays_in_next(world: World) -> None:
    world.here = replace(HERE, version="1.2.0rc1", tags=frozenset({"v1.2.0rc1"}))
    with pytest.raises(Missing, match=r"1\.2\.0rc1 leads to a version and is none"):
        world.promote()


def promoted_after(world: World, older: str) -> None:
    world.release(older, latest=True)
    world.publish()
    world.promote()


def test_a_withdrawn_release_leads_to_the_one_before_and_says_why(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    promoted_after(world, "v1.1.0")
    world.channels().withdraw("1.2.0", "It loses tokens.")
    one = world.releases()["v1.2.0"]
    assert (one["prerelease"], one["latest"]) == (True, False)
    assert one["notes"] == "**Withdrawn.** It loses tokens.\n\n- It vends.\n"
    assert world.releases()["v1.1.0"]["latest"]
    before = "the manifest of 1.1.0"
    # No older release of 1.2 is left to lead to, and no tag is ever removed.
    assert world.tags() == {
        "1.1.0": before,
        "latest": before,
        "1": before,
        "1.2": MANIFEST,
        "1.2.0": MANIFEST,
        "next": MANIFEST,
    }
    assert "yank 1.2.0" in capsys.readouterr().out
    assert world.assets() == files(world.dist)
    with pytest.raises(Missing, match="was withdrawn"):
        world.promote()


def test_a_release_that_does_not_verify_can_be_withdrawn_but_not_led_to(world: World) -> None:
    promoted_after(world, "v1.1.0")
    world.refused = "1.2.0"
    world.channels().withdraw("1.2.0", "It was not ours.")
    assert world.tags()["latest"] == "the manifest of 1.1.0"
    world.release("v1.0.0")
    world.tag("latest", "the manifest of 1.1.0")
    world.refused = "1.0.0"
    with pytest.raises(Missing, match="DO NOT USE"):
        world.channels().withdraw("1.1.0", "Nor was this.")
    assert world.tags()["latest"] == "the manifest of 1.1.0"


def test_to_withdraw_again_changes_no_notes(world: World) -> None:
    promoted_after(world, "v1.1.0")
    world.channels().withdraw("1.2.0", "It loses tokens.")
    world.channels().withdraw("1.2.0", "It loses tokens.")
    assert world.releases()["v1.2.0"]["notes"].count("Withdrawn") == 1


def test_a_dry_run_shows_every_change_and_makes_none(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.publish(dry=True)
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("would run")]
    assert world.changes() == []
    world.publish()
    assert [verb(line.split(": ", 1)[1]) for line in told] == [verb(c) for c in world.changes()]
    before = world.changes()
    world.promote(dry=True)
    world.channels(dry=True).withdraw("1.2.0", "no")
    assert world.changes() == before


def verb(call: str) -> tuple[str, ...]:
    """Return what a command does, without the names of temporary files."""
    return tuple(word for word in call.split() if not word.startswith(("/", "'/")))


def test_the_registry_is_entered_with_the_workflows_token_which_no_command_line_shows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "GITHUB_ACTIONS": "true",
        "GH_TOKEN": "s3cret",
        "GITHUB_ACTOR": "me",
    }.items():
        monkeypatch.setenv(name, value)
    world.publish()
    assert json.loads((world.state / "login.json").read_text()) == {
        "user": "me",
        "password": "s3cret",
    }
    assert any(
        call.startswith("skopeo login") and "registry.test" in call for call in world.calls()
    )
    copies = [call for call in world.calls() if call.startswith("skopeo copy")]
    assert copies
    assert all("--authfile" in call and "--preserve-digests" in call for call in copies)
    assert not [call for call in world.calls() if "s3cret" in call]


def test_a_program_that_is_not_there_is_named_with_its_cure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Missing, match="gh is not installed: the GitHub command line"):
        world.channels().withdraw("1.2.0", "x")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("withdraw",), "say which, and why"),
        (("withdraw", "--tag", "v1.2.0"), "say which, and why"),
        (("withdraw", "--tag", "v1;x", "--reason", "x"), "say which, and why"),
        (("promote", "--tag", "v99.0.0"), "check out v99.0.0 first"),
    ],
)
def test_a_mistake_on_the_command_line_is_a_sentence(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert channels.main(list(words)) == 1
    assert said in capsys.readouterr().err

"""A release goes out once, whole, and as it was verified."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.release.world import COMMIT, HERE, MANIFEST, World, files
from tools.environments import Missing
from tools.release import channels


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

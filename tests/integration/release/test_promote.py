"""The same bytes become stable, and can be taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.release.world import COMMIT, HERE, MANIFEST, World, files
from tools.environments import Missing


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


def test_the_image_tags_of_a_withdrawn_release_lead_to_no_image_that_was_replaced(
    world: World,
) -> None:
    promoted_after(world, "v1.1.0")
    world.tag("1.1.0", "another image")
    with pytest.raises(Missing, match="the provenance is of"):
        world.channels().withdraw("1.2.0", "It loses tokens.")
    assert world.tags()["latest"] == MANIFEST


def test_to_withdraw_again_changes_no_notes(world: World) -> None:
    promoted_after(world, "v1.1.0")
    world.channels().withdraw("1.2.0", "It loses tokens.")
    world.channels().withdraw("1.2.0", "It loses tokens.")
    assert world.releases()["v1.2.0"]["notes"].count("Withdrawn") == 1

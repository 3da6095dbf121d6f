"""The image's build: what is at hand builds it, and what is missing is named with its cure."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from tools.artefacts.image import build, builders, layout
from tools.environments import Missing
from tools.release import sums
from tools.release.version import commit


def order(tmp_path: Path, base_name: str = "example.com/base") -> builders.Order:
    return builders.Order("linux/amd64", tmp_path, {"BASE": base_name}, "0")


def program(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_the_base_stands_in_the_dockerfile_alone() -> None:
    assert re.match(r"docker\.io/library/python:3\.13-alpine", build.default_base())


def images(tmp_path: Path, *revisions: str) -> dict[str, Path]:
    """Return the layouts of an image for two platforms, each of a commit."""
    made = {}
    for name, revision in zip(("linux/amd64", "linux/arm64"), revisions or "11", strict=True):
        home = tmp_path / name
        system, processor = name.split("/")
        labels = {f"{layout.LABEL}revision": revision}
        config = {"os": system, "architecture": processor, "config": {"Labels": labels}}
        parts = {"config": json.dumps(config).encode(), "layer": name.encode()}
        digests = {part: layout.put(home, content) for part, content in parts.items()}
        manifest = {
            "mediaType": layout.MANIFEST,
            "config": {"digest": digests["config"]},
            "layers": [{"digest": digests["layer"]}],
        }
        digest = layout.put(home, json.dumps(manifest).encode())
        listed = {"manifests": [{"mediaType": layout.MANIFEST, "digest": digest}]}
        (home / "index.json").write_text(json.dumps(listed))
        made[name] = home
    return made


def test_the_images_of_two_platforms_are_one_index(tmp_path: Path) -> None:
    built = images(tmp_path)
    merged = tmp_path / "merged"
    digest = layout.merge(built, merged, "1.2.3")
    assert layout.manifests(merged) == {
        name: layout.manifests(home)[name] for name, home in built.items()
    }
    platforms = [one["platform"] for one in layout.document(merged, digest)["manifests"]]
    assert platforms == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux"},
    ]
    for manifest in layout.manifests(merged).values():
        assert [path.exists() for path in layout.layers(merged, manifest)] == [True]
    # Again, in another order of the files on disk and at another time.
    assert layout.merge(built, tmp_path / "again", "1.2.3") == digest
    layout.pack(merged, tmp_path / "one.tar")
    layout.pack(tmp_path / "again", tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert layout.manifests(layout.unpack(tmp_path / "one.tar", tmp_path / "unpacked"))


def test_folders_without_an_image_or_with_one_twice_are_not_merged(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Missing, match=r"empty has no image .*`make image` leaves one"):
        build.built_before(tmp_path / "1", [tmp_path / "empty"])
    folder = tmp_path / "amd64"
    folder.mkdir()
    layout.pack(images(tmp_path)["linux/amd64"], folder / build.ARCHIVE)
    with pytest.raises(Missing, match="another folder has an image for linux/amd64 already"):
        build.built_before(tmp_path / "2", [folder, folder])


def test_a_release_has_the_images_bills_in_its_sums(tmp_path: Path) -> None:
    out, release = tmp_path / "image", tmp_path / "dist"
    for folder in (out, release):
        folder.mkdir()
    (out / "ecr-vend-image-linux-arm64.cdx.json").write_text("{}")
    (release / "ecr-vend.pyz").write_text("client")
    sums.write(release)
    build.add_bills(out, release)
    assert set(sums.checked(release)) == {"ecr-vend.pyz", "ecr-vend-image-linux-arm64.cdx.json"}
    (release / "ecr-vend.pyz").write_text("another")
    with pytest.raises(Missing, match=r"altered: ecr-vend\.pyz"):
        build.add_bills(out, release)


def test_images_of_different_commits_are_not_merged(tmp_path: Path) -> None:
    folders = []
    for name, home in images(tmp_path, "abc", "def").items():
        folders.append(tmp_path / name.partition("/")[2])
        folders[-1].mkdir()
        layout.pack(home, folders[-1] / build.ARCHIVE)
    with pytest.raises(Missing, match=r"different commits: .*amd64 is of abc, .*arm64 is of def"):
        build.built_before(tmp_path / "scratch", folders)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Error: initializing source docker://x: pinging container registry x", "make image BASE="),
        (
            "ERROR: failed to solve: example.com/base: failed to resolve source metadata",
            "BASE=local",
        ),
        ("exec container process: Exec format error", "apt-get install qemu-user-static"),
        ("Error: no space left on device", "failed:\nError: no space left on device"),
    ],
)
def test_what_a_builder_says_is_told_with_its_cure(tmp_path: Path, said: str, told: str) -> None:
    failing = program(tmp_path, "buildah", f"echo '{said}'; exit 125")
    with pytest.raises(Missing) as failed:
        builders.Buildah(failing, tmp_path).build(order(tmp_path), tmp_path / "out")
    assert told in str(failed.value)
    assert said in str(failed.value)


def test_docker_is_asked_for_the_same_image(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    layout.pack(images(tmp_path)["linux/amd64"], tmp_path / "image.tar")
    docker = program(
        tmp_path,
        "docker",
        f'echo "$SOURCE_DATE_EPOCH $*" >"{tmp_path}/asked"\n'
        f'[ -e "{tmp_path}/out.tar" ] || cp "{tmp_path}/image.tar" "{tmp_path}/out.tar"',
    )
    builders.Docker(docker).build(order(tmp_path), tmp_path / "out")
    assert list(layout.manifests(tmp_path / "out")) == ["linux/amd64"]
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("0 buildx build --platform linux/amd64 --provenance=false")
    assert "--build-arg=BASE=example.com/base" in asked
    assert ",rewrite-timestamp=true" in asked


def test_the_local_base_is_for_buildah(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="apt-get install buildah"):
        builders.Docker("docker").build(order(tmp_path, "local"), tmp_path / "out")


@pytest.mark.parametrize("name", [None, "buildah", "docker"])
def test_where_nothing_builds_images_both_ways_are_named(
    name: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "docker", "exit 1")  # no daemon, or no buildx
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match=r"apt-get install buildah.*docker with buildx"):
        builders.choose(name)


def test_buildah_comes_before_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("buildah", "docker"):
        program(tmp_path, name, "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert isinstance(builders.choose(None), builders.Buildah)
    assert isinstance(builders.choose("docker"), builders.Docker)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (None, "is no ecr-vend.pyz"),
        ({"commit": "0" * 40}, f"is of commit {'0' * 40}, and the image of {commit()}"),
        ({"commit": ""}, "is of commit unknown"),
    ],
)
def test_a_client_of_another_commit_is_refused(
    tmp_path: Path, said: dict[str, str] | None, told: str
) -> None:
    file = tmp_path / "ecr-vend.pyz"
    file.write_bytes(b"not a zip file")
    if said:
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("ecr_vend/release.json", json.dumps(said))
    with pytest.raises(Missing) as failed:
        build.context(tmp_path / "context", file)
    assert told in str(failed.value)
    assert "make dist" in str(failed.value)


def test_a_platform_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["build.py", "--platform", "linux/amd64,windows/amd64"])
    with pytest.raises(SystemExit) as stopped:
        build.main()
    assert stopped.value.code == 2
    assert (
        "no platform: windows/amd64; there are linux/amd64, linux/arm64" in capsys.readouterr().err
    )

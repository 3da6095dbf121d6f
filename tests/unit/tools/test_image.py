"""The image's build: what is at hand builds it, and what is missing is named with its cure."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from tools.artefacts import pyz
from tools.artefacts.image import base, build, builders, databases, inventory, layout, root
from tools.environments import Missing
from tools.release.version import commit

INSTALLED = """\
C:Q1abcdefghijklmnopqrstuvwxyz0=
P:musl
V:1.2.5-r10
A:x86_64
L:MIT
T:the musl c library (libc) implementation
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1c2FtcGxlc2FtcGxlc2FtcGxlc2E=
R:libc.musl-x86_64.so.1
F:var
F:var/lib
M:0:0:1777
R:unused

C:Q1bbcdefghijklmnopqrstuvwxyz0=
P:busybox
V:1.37.0-r19
A:x86_64
L:GPL-2.0-only
F:bin
R:busybox

P:alpine-baselayout
V:3.7.0-r0
A:x86_64
L:GPL-2.0-only
F:etc
R:os-release
"""
"""Alpine's database in its own form; none of it is real but its shape."""


def order(tmp_path: Path, base_name: str = "example.com/base") -> builders.Order:
    return builders.Order("linux/amd64", tmp_path, {"BASE": base_name}, "0")


def program(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def alpine(tmp_path: Path) -> Path:
    """Return a base with Alpine's database and its files."""
    home = tmp_path / "base"
    for name in (databases.APK, "lib/ld-musl-x86_64.so.1", "bin/busybox", "etc/os-release"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    (home / databases.APK).write_text(INSTALLED)
    (home / "lib/libc.musl-x86_64.so.1").symlink_to("ld-musl-x86_64.so.1")
    return home


def test_alpines_packages_and_their_files_are_read(tmp_path: Path) -> None:
    found = {package.name: package for package in databases.installed(alpine(tmp_path))}
    assert sorted(found) == ["alpine-baselayout", "busybox", "musl"]
    musl = found["musl"]
    assert (musl.kind, musl.version, musl.licence) == ("apk", "1.2.5-r10", "MIT")
    libraries = ("lib/ld-musl-x86_64.so.1", "lib/libc.musl-x86_64.so.1")
    assert musl.files == (*libraries, "var/lib/unused")


def test_an_image_of_alpine_carries_the_packages_that_it_has_files_of(tmp_path: Path) -> None:
    packages = databases.installed(alpine(tmp_path))
    inside = tmp_path / "root"
    inside.mkdir()
    kept = ["etc/os-release", "lib/ld-musl-x86_64.so.1", "usr/lib/ecr-vend/__main__.py"]
    databases.carry(packages, kept, inside)
    carried = {package.name: package for package in databases.installed(inside)}
    assert sorted(carried) == ["alpine-baselayout", "musl"]
    assert carried["musl"].files == ("lib/ld-musl-x86_64.so.1",)
    assert "\nR:ld-musl-x86_64.so.1\n" in (inside / databases.APK).read_text()
    assert carried["musl"].entry == next(one.entry for one in packages if one.name == "musl")


def test_a_base_of_no_known_distribution_has_no_packages(tmp_path: Path) -> None:
    assert databases.installed(tmp_path) == []


@pytest.mark.parametrize("place", ["usr/local/lib/libpython3.13.so.1.0", "usr/bin/python3.13"])
def test_the_version_of_python_is_read_from_its_code(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x7fELF\x003.13\x003.13.7\x00and more\x00")
    assert inventory.python(tmp_path) == "3.13.7"


def test_an_image_without_python_has_no_bill(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no Python"):
        inventory.python(tmp_path)


def test_the_image_has_the_programs_of_the_single_file() -> None:
    assert root.PROGRAMS == pyz.PROGRAMS | {"ecr-vend": "ecr_vend.command_line"}


def test_the_base_stands_in_the_dockerfile_alone() -> None:
    assert re.match(r"docker\.io/library/python:3\.13-alpine", build.default_base())


def images(tmp_path: Path) -> dict[str, Path]:
    """Return the layouts of an image for two platforms."""
    made = {}
    for name in ("linux/amd64", "linux/arm64"):
        home = tmp_path / name
        system, processor = name.split("/")
        config = {"os": system, "architecture": processor}
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


def test_a_link_on_the_way_to_a_file_comes_with_it(tmp_path: Path) -> None:
    source, inside = tmp_path / "source", tmp_path / "root"
    (source / "usr/lib64").mkdir(parents=True)
    (source / "lib64").symlink_to("usr/lib64")
    (source / "usr/lib64/ld.so.1").write_text("loader")
    (source / "usr/lib64/ld.so").symlink_to("ld.so.1")
    root.put(inside, source / "lib64/ld.so")
    copied = inside / source.relative_to("/")
    assert (copied / "lib64").readlink() == Path("usr/lib64")
    assert (copied / "lib64/ld.so").readlink() == Path("ld.so.1")
    assert (copied / "lib64/ld.so").read_text() == "loader"


def test_nothing_stays_setuid_writable_or_a_program_by_accident(tmp_path: Path) -> None:
    modes = {"usr/bin/python": 0o4775, "usr/lib/os.py": 0o755, "lib/ld.so.1": 0o777, "etc/x": 0o666}
    for name, mode in modes.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.chmod(mode)
        path.parent.chmod(0o777)
    root.settle(tmp_path)
    left = [(tmp_path / name).stat().st_mode & 0o7777 for name in modes]
    assert left == [0o755, 0o644, 0o755, 0o644]
    assert {path.stat().st_mode & 0o7777 for path in tmp_path.rglob("*") if path.is_dir()} == {
        0o755
    }


def test_the_local_base_has_dpkgs_own_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(
        tmp_path,
        "dpkg-deb",
        'case "$1 $3" in\n'
        '  "--field ") printf "Package: libx\\nVersion: 1\\nArchitecture: amd64\\n" ;;\n'
        '  "--field Package") echo libx ;;\n'
        '  *) echo "drwxr-xr-x root/root 0 2026-01-01 00:00 ./usr/lib/"\n'
        '     echo "lrwxrwxrwx root/root 0 2026-01-01 00:00 ./usr/lib/x.so -> x.so.1" ;;\n'
        "esac",
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    base.record(tmp_path / "libx.deb", tmp_path)
    (package,) = databases.installed(tmp_path)
    assert (package.name, package.version, package.architecture) == ("libx", "1", "amd64")
    assert package.files == ("usr/lib", "usr/lib/x.so")

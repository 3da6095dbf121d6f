"""What is in the client's image: the release's own file, the Python it runs on, nothing else."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import tarfile
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ecr_vend import __version__
from tests.integration.image.conftest import Image, ordered
from tests.tools_at_hand import require_tool
from tools.artefacts.image import layout
from tools.artefacts.image.root import CLIENT, ETC, PROGRAMS, USER
from tools.environments import ROOT
from tools.release import reproducible
from tools.release.version import commit, epoch

if TYPE_CHECKING:
    from collections.abc import Iterator


def paths(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and place of all but the folders in a root file system."""
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(root).as_posix(), path


def bill(image: Image) -> dict[str, Any]:
    (path,) = image.folder.glob("*.cdx.json")
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def test_the_client_in_it_is_the_single_file_of_the_release(image: Image) -> None:
    with zipfile.ZipFile(image.client) as packed:
        released = {name: packed.read(name) for name in packed.namelist()}
    inside = {
        name: path.read_bytes()
        for name, path in paths(image.root / CLIENT)
        if not name.endswith(".pyc")
    }
    said = json.loads(inside.pop("ecr_vend/release.json"))
    del released["ecr_vend/release.json"]
    assert inside == released
    assert said == {"commit": commit(), "build": "image"}


def test_it_is_the_same_bytes_wherever_it_is_built(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7"}.items():
        monkeypatch.setenv(name, value)
    before = os.umask(0o077)
    try:
        ordered(tmp_path / "another folder", image.client)
    finally:
        os.umask(before)
    again = tmp_path / "another folder/image"
    assert reproducible.compare(image.folder, again) == []
    assert stat.S_IMODE(again.stat().st_mode) == 0o755


def test_its_digest_is_that_of_the_index_in_the_archive(image: Image) -> None:
    (top,) = json.loads((image.layout / "index.json").read_text())["manifests"]
    assert (image.folder / "digest").read_text() == f"{top['digest']}\n"
    for path in (image.layout / "blobs/sha256").iterdir():
        assert layout.put(image.layout, path.read_bytes()) == f"sha256:{path.name}"


def test_other_tools_read_the_archive(image: Image) -> None:
    (archive,) = image.folder.glob("*.tar")
    name = f"oci-archive:{archive}:{__version__}"
    asked = [str(require_tool("skopeo")), "inspect", "--raw", name]
    index = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)
    assert [one["digest"] for one in index["manifests"]] == [image.manifest]


def test_it_says_what_it_is_and_who_runs_it(image: Image) -> None:
    config = layout.configuration(image.layout, image.manifest)["config"]
    assert config["User"] == f"{USER}:{USER}"
    assert config["Entrypoint"] == ["/usr/bin/ecr-vend"]
    said = {name.rpartition("image.")[2]: value for name, value in config["Labels"].items()}
    assert said.pop("description")
    assert said.pop("documentation").startswith(f"{said['source']}/")
    assert said.pop("created").endswith("Z")
    assert said == {
        "title": "ecr-vend",
        "source": "https://github.com/ecr-vend/ecr-vend",
        "version": __version__,
        "revision": commit(),
        "licenses": "Apache-2.0",
        "base.name": said["base.name"],
    }
    (layer,) = layout.layers(image.layout, image.manifest)
    with tarfile.open(layer) as packed:
        assert {entry.mtime for entry in packed} == {int(epoch())}


def test_there_is_no_shell_and_no_program_but_ours(image: Image) -> None:
    programs = {
        name
        for name, path in paths(image.root)
        if path.is_file() and path.stat().st_mode & 0o111 and ".so" not in path.name
    }
    assert programs == {f"usr/bin/{name}" for name in PROGRAMS} | {image.python.lstrip("/")}


def test_nothing_is_setuid_or_writable_or_the_users(image: Image) -> None:
    for path in (image.root, *image.root.rglob("*")):
        found = path.lstat()
        assert (found.st_uid, found.st_gid) == (0, 0), path
        assert path.is_symlink() or not stat.S_IMODE(found.st_mode) & 0o7022, path
        assert stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode) or path.is_symlink(), path
    assert (image.root / "etc/passwd").read_text().count("\n") == 1


def test_every_link_leads_to_a_file_of_it(image: Image) -> None:
    for name, path in paths(image.root):
        if path.is_symlink():
            assert not path.readlink().is_absolute(), name
            assert path.resolve().is_relative_to(image.root.resolve()), name
            assert path.exists(), name


def test_every_module_is_compiled_and_no_time_stamp_can_make_it_stale(image: Image) -> None:
    for name, path in paths(image.root):
        if path.suffix == ".py":
            (compiled,) = path.parent.glob(f"__pycache__/{path.stem}.*.pyc")
            flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
            assert flags == 0b01, name  # by hash, unchecked: PEP 552


def test_every_file_belongs_to_a_component_of_the_bill(image: Image, base_root: Path) -> None:
    """The base's own dpkg says which package a file is from, not what the image carries of it."""
    components = {one["name"] for one in bill(image)["components"]}
    owners = owned(base_root)
    modules = packages_distributions()
    used = {"cpython", "debian"}
    for name, _ in paths(image.root):
        source = re.sub(r"__pycache__/([^/.]+)\.[^/]*\.pyc$", r"\1.py", name)
        if source.startswith(f"{CLIENT}/"):
            top = source.removeprefix(f"{CLIENT}/").split("/")[0]
            if top in {"ecr_vend", "__main__.py"}:
                continue  # the image itself
            top = re.sub(r"(-[0-9][^-]*\.dist-info|\.py)$", "", top)
            distributions = modules.get(top, [top])
            used |= {re.sub(r"[-_.]+", "-", one).lower() for one in distributions}
        elif source in owners:
            used.add(owners[source])
        else:
            assert made_here(source), name
    assert used == components


def owned(base_root: Path) -> dict[str, str]:
    """Return path → package for every file of the base, as its dpkg tells."""
    owners = {}
    for path in (base_root / "var/lib/dpkg/info").glob("*.list"):
        for line in path.read_text().splitlines():
            folder = Path(os.path.realpath(base_root / Path(line).parent.relative_to("/")))
            if folder.is_relative_to(base_root):
                owner = path.stem.partition(":")[0]
                owners[str((folder / Path(line).name).relative_to(base_root))] = owner
    return owners


def made_here(name: str) -> bool:
    """Return whether a file is one that the build writes."""
    listed = {f"etc/{one}" for one in ETC} | {f"usr/bin/{one}" for one in PROGRAMS}
    return name in listed or name.startswith("var/lib/dpkg/status.d/")


def test_the_bill_is_of_this_image_and_names_versions_that_are_inside(image: Image) -> None:
    document = bill(image)
    root = document["metadata"]["component"]
    assert root["hashes"] == [{"alg": "SHA-256", "content": image.manifest.removeprefix("sha256:")}]
    assert (root["type"], root["version"]) == ("container", __version__)
    versions = {one["name"]: one["version"] for one in document["components"]}
    asked = [image.python, "-IS", "-c", "import platform; print(platform.python_version())"]
    assert versions["cpython"] == image.run(*asked).stdout.strip()
    lock = (ROOT / "client/requirements.txt").read_text().splitlines()
    pins = dict(line.split(" ")[0].split("==") for line in lock if "==" in line.split(" ")[0])
    assert pins.items() <= versions.items()


def test_it_carries_the_packages_and_licences_where_scanners_look(image: Image) -> None:
    packages = {
        one["name"] for one in bill(image)["components"] if "pkg:deb/" in one.get("purl", "")
    }
    status = image.root / "var/lib/dpkg/status.d"
    assert {path.name for path in status.iterdir() if path.suffix != ".md5sums"} == packages
    for package in packages:
        assert f"Package: {package}\n" in (status / package).read_text()
    assert (image.root / "usr/share/doc/libc6/copyright").exists()
    assert "ID=debian" in (image.root / "etc/os-release").read_text()

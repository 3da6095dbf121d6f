"""What a release consists of: complete, summed, and the same bytes however it is built."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING

import pytest

from ecr_vend import __version__
from tests.release.fake_sigstore import Run, Sigstore
from tests.release.small_release import Release
from tests.tools_at_hand import require_tool
from tools.artefacts import packages
from tools.artefacts.bundle_rules import SOURCES
from tools.environments import ROOT, Missing, make, run, uv
from tools.release import dist, reproducible
from tools.release.version import commit

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "dist"
    record = dist.build(folder)
    assert [step["step"] for step in record.steps] == list(dist.STEPS)
    return folder


def test_a_release_is_complete(built: Path) -> None:
    wheels = [f"ecr_vend-{__version__}-py3-none-{platform}.whl" for platform in packages.PLATFORMS]
    artefacts = {
        *wheels,
        f"ecr_vend-{__version__}.tar.gz",
        "ecr-vend.pyz",
        f"ecr-vend_{__version__}_all.deb",
        "ecr-vend-functions.zip",
    }
    bills = {f"{name}.cdx.json" for name in artefacts}
    # What only describes artefacts has no bill of its own.
    others = {"ecr-vend.rb", "ecr-vend.json", "SHA256SUMS"}
    assert {path.name for path in built.iterdir()} == artefacts | bills | others


def top_names(archive: Path, tmp_path: Path) -> set[str]:
    """Return what is at the top of the Python path inside an artefact."""
    if archive.suffix == ".deb":
        require_tool("dpkg-deb")
        run("dpkg-deb", "--extract", archive, tmp_path)
        return {path.name for path in (tmp_path / "usr/lib/ecr-vend").iterdir()}
    with zipfile.ZipFile(archive) as zipped:
        return {inside.split("/")[0] for inside in zipped.namelist()}


@pytest.mark.parametrize(
    "name", ["ecr-vend.pyz", "ecr-vend-functions.zip", f"ecr-vend_{__version__}_all.deb"]
)
def test_a_bill_names_all_that_is_inside(built: Path, name: str, tmp_path: Path) -> None:
    tops = top_names(built / name, tmp_path)
    modules = {top.split(".")[0] for top in tops if not top.endswith((".dist-info", ".libs"))}
    known = packages_distributions()
    ours = {"__main__", "ecr_vend", *SOURCES, "__pycache__"}
    expected = {normal(owner) for module in modules - ours for owner in known[module]}
    assert set(components(built, name)) == expected


@pytest.mark.parametrize("ending", ["-any.whl", "-win_amd64.whl", ".tar.gz"])
def test_the_bill_of_a_package_names_what_is_installed_with_it(built: Path, ending: str) -> None:
    (package,) = built.glob(f"*{ending}")
    lock = (ROOT / "client/requirements.txt").read_text().splitlines()
    pins = dict(line.split(" ")[0].split("==") for line in lock if "==" in line.split(" ")[0])
    assert components(built, package.name) == pins


def test_a_bill_is_of_its_artefact_and_of_this_commit(built: Path) -> None:
    for path in built.glob("*.cdx.json"):
        artefact = built / path.name.removesuffix(".cdx.json")
        root = json.loads(path.read_text())["metadata"]["component"]
        digest = hashlib.sha256(artefact.read_bytes()).hexdigest()
        assert root["hashes"] == [{"alg": "SHA-256", "content": digest}]
        assert (root["name"], root["version"]) == (artefact.name, __version__)
        assert root["properties"] == [{"name": "ecr-vend:commit", "value": commit()}]


def components(built: Path, name: str) -> dict[str, str]:
    """Return the names and versions in the bill of an artefact."""
    document = json.loads((built / f"{name}.cdx.json").read_text())
    assert document["specVersion"] == "1.6"
    return {one["name"]: one["version"] for one in document["components"]}


def normal(name: str) -> str:
    """Return a distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_sums_are_those_of_every_other_file(built: Path) -> None:
    lines = (built / "SHA256SUMS").read_text().splitlines()
    digests = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(digests) == {path.name for path in built.iterdir()} - {"SHA256SUMS"}
    for name, digest in digests.items():
        assert hashlib.sha256((built / name).read_bytes()).hexdigest() == digest


def test_a_release_that_is_signed_verifies_as_it_was_built(built: Path, tmp_path: Path) -> None:
    run = Run(ref=f"refs/tags/v{__version__}", commit=commit())
    files = {path.name: path.read_bytes() for path in built.iterdir() if path.name != "SHA256SUMS"}
    release = Release(tmp_path / "signed", Sigstore(), run, files).write()
    assert (release.folder / "SHA256SUMS").read_bytes() == (built / "SHA256SUMS").read_bytes()
    verify = ROOT / "tools/release/verify.py"
    trust = ("--trust-config", tmp_path / "trust.json", "--json")
    command: list[str | Path] = [make("release") / "bin/python", verify, release.folder, *trust]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert all(check["passed"] for check in document["checks"])
    assert (document["version"], document["commit"]) == (__version__, commit())


def test_a_build_that_fails_leaves_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> list[Path]:
        raise Missing("no compiler")

    monkeypatch.setattr(dist, "STEPS", {"broken": fail})
    last = tmp_path / "dist/last"
    last.parent.mkdir()
    last.touch()
    with pytest.raises(Missing, match="no compiler"):
        dist.build(last.parent)
    assert last.exists()


def test_a_full_disk_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fill(_: Path) -> list[Path]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "wheel")

    monkeypatch.setattr(dist, "STEPS", {"wheels": fill})
    monkeypatch.setattr(sys, "argv", ["dist.py", "--out", str(tmp_path / "dist")])
    assert dist.main() == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("the release could not be written, and the last one stays: [Errno 28]")


def test_a_wheel_made_from_the_source_distribution_says_where_it_is_from(
    built: Path, tmp_path: Path
) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as packed:
        assert not [info for info in packed if info.uid or info.gid or not info.isfile()]
        packed.extractall(tmp_path, filter="data")
    unpacked = tmp_path / f"ecr_vend-{__version__}"
    run(uv(), "build", "--quiet", "--wheel", "--out-dir", tmp_path / "wheel", unpacked)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    (ours,) = built.glob("*-any.whl")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(ours) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())
        said = json.loads(one.read("ecr_vend/release.json"))
    assert said == {"commit": commit(), "build": "source distribution"}


@pytest.mark.skipif(os.name == "nt", reason="there is no umask")
def test_neither_umask_nor_time_zone_nor_hash_seed_show(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7"}.items():
        monkeypatch.setenv(name, value)
    before = os.umask(0o077)
    try:
        dist.build(tmp_path / "again")
    finally:
        os.umask(before)
    assert reproducible.compare(built, tmp_path / "again") == []


def test_the_settings_of_the_two_builds_differ_in_all_they_can() -> None:
    one, two = reproducible.settings()
    assert one.folder != two.folder
    assert one.umask != two.umask
    assert one.variables.keys() == two.variables.keys()
    assert not one.variables.items() & two.variables.items()


def test_builds_at_the_same_time_do_not_disturb_each_other(built: Path, tmp_path: Path) -> None:
    command = "import sys; from pathlib import Path; from tools.release import dist;"
    command += "dist.build(Path(sys.argv[1]))"
    words = [sys.executable, "-c", command, str(tmp_path / "dist")]
    running = [subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert [one.wait() for one in running] == [0, 0, 0]
    assert reproducible.compare(built, tmp_path / "dist") == []


def test_where_no_other_user_can_build_the_second_build_sees_other_ids() -> None:
    if not (words := reproducible.other_ids()):
        pytest.skip("this system gives its users no namespaces")
    code = "import os; print(os.getuid(), os.getgid())"
    done = subprocess.run([*words, sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.split() == [str(reproducible.STRANGER).encode()] * 2


def test_every_difference_is_found(built: Path, tmp_path: Path) -> None:
    for path in built.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert reproducible.compare(built, tmp_path) == []
    (tmp_path / "ecr-vend.pyz").write_bytes(b"x")
    (tmp_path / "SHA256SUMS").unlink()
    (tmp_path / "more").touch()
    assert reproducible.compare(built, tmp_path) == ["SHA256SUMS", "ecr-vend.pyz", "more"]


def test_where_two_builds_differ_is_told(tmp_path: Path) -> None:
    require_tool("diffoscope")
    for name, text in (("one", "1.2.0"), ("two", "1.3.0")):
        with zipfile.ZipFile(tmp_path / name, "w") as packed:
            packed.writestr("ecr_vend/release.json", text)
    told = reproducible.explain(tmp_path / "one", tmp_path / "two")
    assert "release.json" in told
    assert "-1.2.0" in told
    assert "only one" in reproducible.explain(tmp_path / "one", tmp_path / "none")


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes")
def test_the_single_file_can_be_run_as_it_is(built: Path) -> None:
    file = built / "ecr-vend.pyz"
    assert stat.S_IMODE(file.stat().st_mode) & 0o111
    assert file.read_bytes().startswith(b"#!/usr/bin/env python3\n")

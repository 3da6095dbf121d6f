"""The Debian package is what dpkg and Debian's policy want, and a Debian can live with it."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import json
import os
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from ecr_vend import __version__, command_line, completions, manual
from tests.client.fake_service import HOST
from tests.integration import debian_root
from tests.tools_at_hand import require_tool
from tools.artefacts import archives, deb, pyz
from tools.environments import ROOT, SUPPORTED, find_interpreter
from tools.matrix.containers import NOBODY
from tools.release.version import commit, epoch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine
    from tests.integration.debian_root import DebianRoot

HELPER = "docker-credential-ecr-vend"
PROGRAMS = {"ecr-vend", "ecr-vend-credential-provider", HELPER}
FIRST_TIME = pytest.mark.timeout(900)
"""For whichever test is the first, and has the Debian made."""

PYTHON_VERSIONS = [
    "0.2.0.dev1", "0.2.0a1.dev2", "0.2.0a1", "0.2.0b2", "0.2.0rc1", "0.2.0rc2", "0.2.0",
    "0.2.0.post1", "0.2.1", "0.10.0",
]  # fmt: skip
"""Older before newer: https://peps.python.org/pep-0440/."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deb.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deb, "version", lambda: "99.0.0rc1")
        return deb.build(tmp_path_factory.mktemp("newer"))


@pytest.fixture
def root(tmp_path: Path) -> Iterator[DebianRoot]:
    yield from debian_root.copied(tmp_path)


@pytest.fixture
def unpacked(built: Path, tmp_path: Path) -> Path:
    """Return what dpkg itself takes out of the package."""
    require_tool("dpkg-deb")
    dpkg_deb("--raw-extract", built, tmp_path / "unpacked")
    return tmp_path / "unpacked"


def dpkg_deb(*words: str | Path) -> str:
    done = subprocess.run(["dpkg-deb", *words], capture_output=True, text=True, check=True)
    return done.stdout


def test_dpkg_reads_what_it_is_and_what_it_needs(built: Path) -> None:
    require_tool("dpkg-deb")
    fields = dict(
        line.split(": ", 1) for line in dpkg_deb("--field", built).splitlines() if line[0] != " "
    )
    assert (fields["Package"], fields["Version"]) == ("ecr-vend", __version__)
    assert (fields["Architecture"], fields["Depends"]) == ("all", "python3 (>= 3.11)")
    assert fields["Recommends"] == "ca-certificates"


def test_all_in_it_is_roots_and_of_one_time(built: Path) -> None:
    members = archives.ar_members(built.read_bytes())
    assert list(members) == ["debian-binary", "control.tar", "data.tar"]
    require_tool("dpkg-deb")
    done = subprocess.run(["dpkg-deb", "--fsys-tarfile", built], capture_output=True, check=True)
    assert done.stdout == members["data.tar"]
    programs = set()
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as packed:
        for info in packed:
            assert (info.uid, info.gid, info.uname, info.gname) == (0, 0, "root", "root")
            assert info.mtime == int(epoch())
            assert info.mode == (0o755 if info.isdir() or info.mode & 0o100 else 0o644)
            if info.isfile() and info.mode & 0o100:
                programs.add(info.name.removeprefix("./usr/bin/"))
    assert programs == PROGRAMS | {f"./{deb.RTUPDATE}"}


@pytest.mark.skipif(os.name == "nt", reason="there is no umask")
def test_every_python_builds_the_same_bytes_under_any_umask(built: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from tools.artefacts import deb; deb.build(Path(sys.argv[2]))\n"
    )
    for version in SUPPORTED:
        if python := find_interpreter(version):
            folder = tmp_path / version
            command: list[str | Path] = [python, "-I", "-c", code, ROOT, folder]
            subprocess.run(command, umask=0o077, check=True)
            assert (folder / built.name).read_bytes() == built.read_bytes()


def test_versions_sort_for_dpkg_as_they_do_for_python() -> None:
    require_tool("dpkg")
    assert deb.debian_version("0.2.0rc1") == "0.2.0~rc1"
    for older, newer in itertools.pairwise(map(deb.debian_version, PYTHON_VERSIONS)):
        compared = subprocess.run(["dpkg", "--compare-versions", older, "lt", newer], check=False)
        assert compared.returncode == 0, (older, newer)


def test_the_files_of_a_release_have_names_that_github_keeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deb, "version", lambda: "0.2.0rc1")
    assert deb.name() == "ecr-vend_0.2.0rc1_all.deb"


def test_the_sums_and_the_size_are_those_of_what_is_installed(unpacked: Path) -> None:
    told = unpacked / "DEBIAN"
    listed = dict(
        line.split("  ")[::-1] for line in (told / "md5sums").read_text().splitlines() if line
    )
    found = {
        name: hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        for name, path in archives.files(unpacked)
        if not name.startswith("DEBIAN/")
    }
    assert listed == found
    kib = sum((unpacked / name).stat().st_size for name in found) / 1024
    (size,) = (line for line in (told / "control").read_text().splitlines() if "-Size" in line)
    assert kib < int(size.split()[1]) < kib + len(found) * 1.5


def test_the_manual_page_and_the_completions_are_where_debian_looks(unpacked: Path) -> None:
    parser = command_line.parser()
    share = unpacked / "usr/share"
    page = share / "man/man1/ecr-vend.1.gz"
    assert gzip.decompress(page.read_bytes()).decode() == manual.page(parser)
    assert {path.name for path in page.parent.iterdir()} == {f"{name}.1.gz" for name in PROGRAMS}
    for place, make in {
        "bash-completion/completions/ecr-vend": completions.bash,
        "zsh/vendor-completions/_ecr-vend": completions.zsh,
        "fish/vendor_completions.d/ecr-vend.fish": completions.fish,
    }.items():
        assert (share / place).read_text() == make(parser)


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_man_finds_a_page_for_each_program(unpacked: Path, name: str) -> None:
    require_tool("man")
    environ = {"PATH": os.defpath, "MANPATH": str(unpacked / "usr/share/man"), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["man", name], env=environ, capture_output=True, text=True, check=True, cwd="/"
    )
    assert " ".join(done.stdout.split()).startswith("ECR-VEND(1) User Commands ECR-VEND(1) NAME")


def test_the_licence_of_everything_inside_is_told(unpacked: Path) -> None:
    told = (unpacked / "usr/share/doc/ecr-vend/copyright").read_text()
    lock = pyz.LOCK.read_text().splitlines()
    pins = [line.split(" ")[0].split("==") for line in lock if "==" in line.split(" ")[0]]
    assert len(pins) > 10
    for name, version in pins:
        _, found, after = told.partition(f"\n\n{name.replace('-', '_')} {version}\nLicense: ")
        if not found:
            _, found, after = told.partition(f"\n\n{name} {version}\nLicense: ")
        assert found, name
        assert "  " in after.split("\n\n\n")[0], name
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION" not in told


@pytest.mark.parametrize("size", [0, 1, 0xFFFF, 0x10000, 200_000])
def test_every_reader_of_gzip_reads_what_is_only_stored(size: int) -> None:
    content = os.urandom(size)
    assert gzip.decompress(archives.gzip(content)) == content


def test_an_archive_of_ar_is_read_as_it_was_written() -> None:
    members = {"odd": b"abc", "even": b"abcd", "none": b""}
    assert archives.ar_members(archives.ar(members, 1)) == members


@FIRST_TIME
def test_a_debian_installs_uses_upgrades_and_purges_it(
    built: Path, newer: Path, root: DebianRoot, machine: Machine, service: FakeService
) -> None:
    before = root.files()
    install(root, built)
    compiled = {name for name in root.files() if name.endswith(".pyc")} - before
    sources = {name for name in root.files() if name.startswith("usr/lib/ecr-vend/")}
    assert len(compiled) == len([name for name in sources if name.endswith(".py")])
    said = json.loads(root.call("ecr-vend", "version", "--json").stdout)
    assert (said["version"], said["commit"], said["build"]) == (__version__, commit(), "deb")
    provider = "ecr-vend-credential-provider"
    assert root.call(provider, "--version").stdout == f"{provider} {__version__}\n"

    home = root.path / "home/user"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    machine.environ |= {"HOME": "/home/user", "ECR_VEND_SYSTEM_CONFIG": "/nowhere"}
    first = root.call(HELPER, "get", given=HOST, environ=machine.environ)
    assert (first.returncode, first.stderr) == (0, ""), first.stdout
    # The next answer is the front's own: there is no Python it could start.
    python = next((root.path / "usr/bin").glob("python3.*[0-9]"))
    python.chmod(0o644)
    again = root.call(HELPER, "get", given=HOST, environ=machine.environ)
    lacking = root.call(HELPER, "list", environ=machine.environ)
    python.chmod(0o755)
    assert again.stdout == first.stdout
    assert len(service.asked) == 1
    assert lacking.stdout == "ecr-vend: no Python 3.11 or newer was found: install one\n"

    install(root, newer)
    assert "Version: 99.0.0~rc1\n" in root.dpkg("--status", "ecr-vend")
    assert root.call(HELPER, "list", environ=machine.environ).stdout == f'{{"{HOST}":"AWS"}}\n'
    hook = root.call(f"/{deb.RTUPDATE}", "rtupdate", "python3.11", "python3.11", nobody=False)
    assert (hook.returncode, hook.stderr) == (0, "")
    assert {name for name in root.files() if name.endswith(".pyc")} - before == compiled
    root.dpkg("--purge", "ecr-vend")
    assert root.files() == before


def install(root: DebianRoot, package: Path) -> None:
    """Install a package file, which is gone from the root afterwards."""
    inside = root.path / package.name
    inside.write_bytes(package.read_bytes())
    root.dpkg("--install", f"/{package.name}")
    inside.unlink()


@FIRST_TIME
def test_where_no_python_compiled_it_is_removed_all_the_same(built: Path, root: DebianRoot) -> None:
    before = root.files()
    tools = {"usr/bin/py3compile", "usr/bin/py3clean"}
    for tool in tools:
        (root.path / tool).unlink()
    install(root, built)
    assert root.call("ecr-vend", "version", nobody=False).returncode == 0
    assert any(name.endswith(".pyc") for name in root.files() - before)
    root.dpkg("--purge", "ecr-vend")
    assert root.files() == before - tools

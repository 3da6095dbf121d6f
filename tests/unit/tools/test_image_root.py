"""What the image's root file system is made of, and what is read of it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.artefacts import pyz
from tools.artefacts.image import base, databases, inventory, root

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
    answers = tmp_path / "dpkg-deb"
    answers.write_text(
        "#!/bin/sh\n"
        'case "$1 $3" in\n'
        '  "--field ") printf "Package: libx\\nVersion: 1\\nArchitecture: amd64\\n" ;;\n'
        '  "--field Package") echo libx ;;\n'
        '  *) echo "drwxr-xr-x root/root 0 2026-01-01 00:00 ./usr/lib/"\n'
        '     echo "lrwxrwxrwx root/root 0 2026-01-01 00:00 ./usr/lib/x.so -> x.so.1" ;;\n'
        "esac\n"
    )
    answers.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    base.record(tmp_path / "libx.deb", tmp_path)
    (package,) = databases.installed(tmp_path)
    assert (package.name, package.version, package.architecture) == ("libx", "1", "amd64")
    assert package.files == ("usr/lib", "usr/lib/x.so")

"""The client as a package of Debian and Ubuntu, `ecr-vend_VERSION_all.deb`.

Python alone writes it, so that it has the same bytes on every machine. Its members are not
compressed, which costs five megabytes: what deflate makes of the same bytes depends on which zlib
Python has (zlib or zlib-ng), what xz and zstd make on their versions. See deb(5).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tempfile
from pathlib import Path

from tools.artefacts import deb_documents, pyz
from tools.artefacts.archives import ar, files, gzip, tar
from tools.environments import ROOT
from tools.release.version import epoch, version

sys.path.insert(0, str(ROOT / "client/src"))

from ecr_vend import shared_files

SOURCES = ROOT / "client/packaging/debian"
FRONT = ROOT / "client/front/docker-credential-ecr-vend"
LAUNCHERS = ("ecr-vend", "ecr-vend-credential-provider")
SCRIPTS = ("postinst", "prerm")
UNPACKED = "usr/lib/ecr-vend"
"""Beside `usr/bin`, where the front looks for what it starts."""

RTUPDATE = "usr/share/python3/runtime.d/ecr-vend.rtupdate"
OVERRIDES = "usr/share/lintian/overrides/ecr-vend"
DOCUMENTS = "usr/share/doc/ecr-vend"
ZSH = ("share/zsh/site-functions/", "share/zsh/vendor-completions/")
"""Where zsh looks, and where Debian's looks."""


def name() -> str:
    """Return the file's name; without `~`, which a release's files may not have on GitHub."""
    return f"ecr-vend_{version()}_all.deb"


def debian_version(release: str) -> str:
    """Return a version of Python's in Debian's form, which sorts in the same way.

    A `~` sorts before the end, so that a pre-release comes before what it precedes:
    https://www.debian.org/doc/debian-policy/ch-controlfields.html#version
    """
    found = re.fullmatch(r"([0-9.]*[0-9])(.*)", release)
    if not found:
        raise ValueError(f"not a version: {release}")
    numbers, rest = found[1], found[2].replace(".dev", "~dev").replace(".post", "+post")
    return f"{numbers}~{rest}" if rest and not rest.startswith("+") else f"{numbers}{rest}"


def installed(folder: Path) -> None:
    """Write all that the package installs below `folder`, which is `/` then."""
    pyz.assemble(folder / UNPACKED, "deb")
    for program in (FRONT, *(SOURCES / launcher for launcher in LAUNCHERS)):
        _put(folder, f"usr/bin/{program.name}", program.read_bytes())
    _put(folder, RTUPDATE, (SOURCES / "rtupdate").read_bytes())
    _put(folder, OVERRIDES, (SOURCES / "lintian-overrides").read_bytes())
    for place, text in shared_files.made().items():
        if place == shared_files.MANUAL:
            _put(folder, f"usr/{place}.gz", gzip(text.encode()))
            # The one page is found by the other programs' names, too.
            for other in {FRONT.name, *LAUNCHERS} - {Path(place).stem}:
                page = f"usr/share/man/man1/{other}.1.gz"
                _put(folder, page, gzip(b".so man1/ecr-vend.1\n"))
        else:
            _put(folder, f"usr/{place.replace(*ZSH)}", text.encode())
    head = (SOURCES / "copyright").read_text("utf-8")
    copyright_ = head + deb_documents.licences(folder / UNPACKED)
    _put(folder, f"{DOCUMENTS}/copyright", copyright_.encode())
    changes = deb_documents.changelog(version(), debian_version(version()), int(epoch()))
    _put(folder, f"{DOCUMENTS}/changelog.gz", gzip(changes.encode()))


def control(installed_: Path, folder: Path) -> None:
    """Write what dpkg is told of the package, and the scripts that it runs."""
    # In KiB, as dpkg-gencontrol counts: each file rounded up, all else as one.
    size = sum(
        -(-path.stat().st_size // 1024) if path.is_file() else 1 for path in installed_.rglob("*")
    )
    told = (SOURCES / "control").read_text("utf-8")
    told = told.replace("@VERSION@", debian_version(version())).replace("@SIZE@", str(size))
    _put(folder, "control", told.encode())
    sums = (
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {inside}\n"
        for inside, path in files(installed_)
    )
    _put(folder, "md5sums", "".join(sums).encode())
    for script in SCRIPTS:
        shutil.copy(SOURCES / script, folder)


def build(folder: Path) -> Path:
    """Build the package into `folder` and return its path.

    Raises:
        Missing: The dependencies were not to be had.
    """
    at = int(epoch())
    with tempfile.TemporaryDirectory() as scratch:
        root, told = Path(scratch) / "root", Path(scratch) / "told"
        installed(root)
        control(root, told)
        programs = {RTUPDATE, *(f"usr/bin/{one}" for one in (FRONT.name, *LAUNCHERS))}
        members = {
            "debian-binary": b"2.0\n",
            "control.tar": tar(told, at, SCRIPTS.__contains__),
            "data.tar": tar(root, at, programs.__contains__),
        }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name()
    path.write_bytes(ar(members, at))
    return path


def _put(folder: Path, place: str, content: bytes) -> None:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)

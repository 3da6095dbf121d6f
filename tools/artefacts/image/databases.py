"""Which package of the base's distribution each file of the image is from.

The image carries the entries of the packages that it holds files of, in the form in which scanners
look for them: `lib/apk/db/installed` on Alpine; on Debian a file for each package under
`var/lib/dpkg/status.d`, as in Google's distroless images. Runs in the base, which has nothing but
the standard library.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

APK = Path("lib/apk/db/installed")
DPKG = Path("var/lib/dpkg/status")
DPKG_FILES = Path("var/lib/dpkg/info")
CARRIED_DPKG = Path("var/lib/dpkg/status.d")
CONFFILES = re.compile(r"^Conffiles:.*\n( .*\n)*", re.MULTILINE)
"""The one field of dpkg's entries that lists files."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package of a distribution.

    Attributes:
        kind: `apk` or `deb`, as package URLs name it.
        name: Its name.
        version: Its version.
        architecture: As the distribution writes it.
        licence: As the distribution names it; empty where its database does not.
        entry: Its lines in the database, less its files.
        files: The paths of its files, from the root and without a leading slash.
    """

    kind: str
    name: str
    version: str
    architecture: str
    licence: str
    entry: str
    files: tuple[str, ...]


def installed(root: Path) -> list[Package]:
    """Return the packages of a base, or those that an image carries; none where it says none."""
    readers: dict[Path, Callable[[Path], Iterator[Package]]] = {
        APK: _apk,
        DPKG: _dpkg,
        CARRIED_DPKG: _carried_dpkg,
    }
    found = (list(read(root)) for place, read in readers.items() if (root / place).exists())
    return sorted(next(found, []), key=lambda package: package.name)


def carry(packages: list[Package], paths: list[str], root: Path) -> None:
    """Write the entries of the packages that some of the files in `root` are from.

    Args:
        packages: The base's.
        paths: Of the image's files.
        root: Its root file system.
    """
    apk = []
    for package in packages:
        owned = sorted(set(paths).intersection(package.files))
        if not owned:
            continue
        if package.kind == "apk":
            apk.append(package.entry + _apk_files(owned))
            continue
        folder = root / CARRIED_DPKG
        folder.mkdir(parents=True, exist_ok=True)
        (folder / package.name).write_text(package.entry)
        sums = (f"{_md5(root / path)}  {path}\n" for path in owned if (root / path).is_file())
        (folder / f"{package.name}.md5sums").write_text("".join(sums))
    if apk:
        (root / APK).parent.mkdir(parents=True, exist_ok=True)
        (root / APK).write_text("\n".join(apk) + "\n")


def _apk(root: Path) -> Iterator[Package]:
    """Read apk's own database: https://wiki.alpinelinux.org/wiki/Apk_spec."""
    for paragraph in (root / APK).read_text().split("\n\n"):
        fields: dict[str, str] = {}
        entry, files, folder = [], [], ""
        for line in paragraph.strip().splitlines():
            key, _, value = line.partition(":")
            if key == "F":
                folder = f"{value}/" if value else ""
            elif key == "R":
                files.append(_within(root, f"{folder}{value}"))
            elif key not in {"M", "a", "Z"}:
                fields[key] = value
                entry.append(f"{line}\n")
        if "P" in fields:
            name, version, architecture, licence = (fields.get(key, "") for key in "PVAL")
            yield Package("apk", name, version, architecture, licence, "".join(entry), tuple(files))


def _apk_files(paths: list[str]) -> str:
    """Return files as apk's database lists them."""
    lines, last = [], None
    for path in sorted(paths, key=lambda one: one.rpartition("/")[::2]):
        folder, _, name = path.rpartition("/")
        if folder != last:
            lines.append(f"F:{folder}\n")
        lines.append(f"R:{name}\n")
        last = folder
    return "".join(lines)


def _dpkg(root: Path) -> Iterator[Package]:
    """Read dpkg's own database."""
    for paragraph in (root / DPKG).read_text().split("\n\n"):
        entry = CONFFILES.sub("", f"{paragraph.strip()}\n")
        if not (package := _dpkg_entry(entry, ())):
            continue
        lists = (
            root / DPKG_FILES / f"{package.name}{more}.list"
            for more in (f":{package.architecture}", "")
        )
        listed = next(path.read_text().splitlines() for path in lists if path.exists())
        files = tuple(_within(root, path) for path in listed)
        yield _dpkg_entry(entry, files) or package


def _carried_dpkg(root: Path) -> Iterator[Package]:
    """Read what `carry` has written."""
    for path in (root / CARRIED_DPKG).iterdir():
        if path.suffix != ".md5sums":
            sums = path.with_name(f"{path.name}.md5sums").read_text().splitlines()
            if package := _dpkg_entry(path.read_text(), tuple(line[34:] for line in sums)):
                yield package


def _dpkg_entry(entry: str, files: tuple[str, ...]) -> Package | None:
    """Return the package of one paragraph, None where it is not installed."""
    fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", entry, re.MULTILINE))
    if not fields.get("Status", "").endswith(" installed"):
        return None
    name, version, architecture = (fields[key] for key in ("Package", "Version", "Architecture"))
    return Package("deb", name, version, architecture, "", entry, files)


def _within(root: Path, path: str) -> str:
    """Return the place of a file whose package names it through a linked folder, as `/lib` is."""
    inside = root / path.lstrip("/")
    return str((inside.parent.resolve() / inside.name).relative_to(root.resolve()))


def _md5(path: Path) -> str:
    """Return the sum that dpkg's lists have; it protects from nothing."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()

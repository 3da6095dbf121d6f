"""What artefacts say of themselves, read and never run: version, commit, bill of materials."""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from tools.release.identity import BILL, IMAGE
from tools.release.origin import at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST = 1 << 20
"""Bytes of any one file in an archive that are read: those we look for are far smaller."""


class Odd(Exception):
    """An artefact that says nothing, or cannot be read; the message says why."""


def said_by(path: Path) -> tuple[str, str] | None:
    """Return the version and the commit inside an artefact, None of one that tells none.

    Raises:
        Odd: It should tell them and does not.
    """
    try:
        if path.suffix in {".whl", ".pyz"}:
            return client_version(path), commit_in(path)
        if path.name == "ecr-vend-functions.zip":
            return functions_release(path)
        if path.name.endswith(".tar.gz"):
            return source_version(path), ""
    except (zipfile.BadZipFile, tarfile.TarError, KeyError, OSError, ValueError, EOFError) as fault:
        raise Odd(f"{path.name} cannot be read: {fault}") from None
    return None


def inside(path: Path, name: str) -> str:
    """Return the text of a file in a zip.

    Raises:
        KeyError: There is no such file.
        ValueError: It is too large, or no text.
    """
    with zipfile.ZipFile(path) as zipped:
        if zipped.getinfo(name).file_size > MOST:
            raise ValueError(f"{name} is too large")
        return zipped.read(name).decode()


def client_version(path: Path) -> str:
    """Return the version of the client in a wheel or single file: metadata and code must agree."""
    code = inside(path, "ecr_vend/__init__.py")
    version = assigned(code, "__version__")
    if path.suffix == ".whl":
        name = f"ecr_vend-{path.name.split('-')[1]}.dist-info/METADATA"
        metadata = str(HeaderParser().parsestr(inside(path, name))["Version"])
        if metadata != version:
            raise ValueError(f"its metadata says {metadata}, its code {version}")
    return version


def commit_in(path: Path) -> str:
    """Return the commit that a build of the client says it is of."""
    document = json.loads(inside(path, "ecr_vend/release.json"))
    return str(at(document, "commit"))


def functions_release(path: Path) -> tuple[str, str]:
    """Return the same of the functions."""
    code = inside(path, "vending/release.py")
    return assigned(code, "VERSION"), assigned(code, "COMMIT")


def source_version(path: Path) -> str:
    """Return the version in a source distribution's metadata."""
    name = f"{path.name.removesuffix('.tar.gz')}/PKG-INFO"
    with tarfile.open(path) as packed:
        member = packed.getmember(name)
        file = packed.extractfile(member) if member.size <= MOST else None
        if file is None:
            raise ValueError(f"{name} is no file, or too large")
        return str(HeaderParser().parsestr(file.read().decode())["Version"])


def assigned(code: str, name: str) -> str:
    """Return the text that a module assigns to a name, without running it."""
    if not (found := re.search(rf'^{name} = "([^"\n]*)"$', code, re.MULTILINE)):
        raise ValueError(f"nothing in it says {name}")
    return found[1]


def bill_faults(path: Path, digest: str | None, version: str) -> Iterator[str]:
    """Yield in words what is wrong with a bill of materials.

    Args:
        path: The bill.
        digest: Of the artefact it is named after, None where there is none.
        version: Of the release.
    """
    # Late: importing it takes seconds, and a release that is not proven has no need of it.
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    artefact = path.name.removesuffix(BILL)
    of_image = path.name.startswith(IMAGE)
    if digest is None and not of_image:
        yield f"{path.name} is of {artefact}, which is not in the release"
        return
    text = path.read_text()
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        told = " ".join(str(fault).split())[:200]
        yield f"{path.name} does not follow CycloneDX's schema: {told}"
        return
    root = at(json.loads(text), "metadata", "component")
    hashes = at(root, "hashes") or []
    digests = {one.get("alg"): one.get("content") for one in hashes}
    if of_image:
        # Which image's it is stands in its package URL; the image itself is in a registry.
        if at(root, "type") != "container" or not str(at(root, "purl")).startswith("pkg:oci/"):
            yield f"{path.name} is the bill of something else than an image"
    elif at(root, "name") != artefact or digests.get("SHA-256") != digest:
        yield f"{path.name} is the bill of another artefact"
    if at(root, "version") != version:
        yield f"{path.name} is of version {at(root, 'version')}"

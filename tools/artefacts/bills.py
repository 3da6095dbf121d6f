"""Write the bill of materials of a release's artefacts, in CycloneDX's JSON.

    .venv/release/bin/python tools/artefacts/bills.py FOLDER

Beside each artefact in the folder comes `ARTEFACT.cdx.json`. An archive that holds its dependencies
is asked what is in it; a package that brings none lists what its lock has installed with it. What
only describes other artefacts (`descriptions.py`) has none: each of those has its own. The same
artefact gives the same bytes. See https://cyclonedx.org/docs/1.6/json/.
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
import tarfile
import uuid
import zipfile
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.artefacts import descriptions
from tools.artefacts.archives import ar_members
from tools.environments import ROOT
from tools.release.version import commit, epoch, version

ENDING = ".cdx.json"
PACKAGES = (".whl", ".tar.gz")
"""Artefacts without their dependencies inside."""

LOCK = ROOT / "client/requirements.txt"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
METADATA = re.compile(r"(?:\./usr/lib/ecr-vend/)?[^/]+\.dist-info/METADATA").fullmatch
NAMESPACE = uuid.UUID("6f4f3d86-52a0-5be9-9c0e-0d0d1c1b7a11")
"""What the serial numbers are made in, from an artefact's digest."""


def component(name: str, release: str, expression: str = "") -> Component:
    """Return a package of the Python Package Index, under the name it is found by there."""
    normal = re.sub(r"[-_.]+", "-", name).lower()
    made = Component(
        type=ComponentType.LIBRARY,
        name=normal,
        version=release,
        purl=PackageURL("pypi", name=normal, version=release),
        bom_ref=f"pkg:pypi/{normal}@{release}",
        scope=ComponentScope.REQUIRED,
    )
    if expression:
        made.licenses.add(LicenseFactory().make_from_string(expression))
    return made


def inside(archive: Path) -> list[Component]:
    """Return the packages inside an archive, by the metadata that each of them brings."""
    found = []
    for content in metadata(archive):
        said = HeaderParser().parsestr(content.decode())
        # The older field may hold a whole text; only a name fits here.
        licence = said["License-Expression"] or said["License"] or ""
        licence = "" if "\n" in licence or len(licence) > 100 else licence
        found.append(component(said["Name"], said["Version"], licence))
    return found


def metadata(archive: Path) -> list[bytes]:
    """Return each file of packages' metadata that a zip file or a Debian package holds."""
    if archive.suffix == ".deb":
        data = io.BytesIO(ar_members(archive.read_bytes())["data.tar"])
        with tarfile.open(fileobj=data) as packed:
            read = {info.name: packed.extractfile(info) for info in packed if METADATA(info.name)}
            return [content.read() for content in read.values() if content]
    with zipfile.ZipFile(archive) as zipped:
        return [zipped.read(name) for name in zipped.namelist() if METADATA(name)]


def beside() -> list[Component]:
    """Return the packages that are installed beside ours, as they were locked and tested."""
    pins = (PIN.match(line) for line in LOCK.read_text().splitlines())
    return [component(pin[1], pin[2]) for pin in pins if pin]


def bill(artefact: Path) -> str:
    """Return the bill of materials of an artefact.

    Raises:
        ValueError: It does not follow its schema.
    """
    digest = hashlib.sha256(artefact.read_bytes()).hexdigest()
    root = Component(
        type=ComponentType.APPLICATION,
        name=artefact.name,
        version=version(),
        bom_ref=artefact.name,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
        properties=[Property(name="ecr-vend:commit", value=commit())],
    )
    packages = beside() if artefact.name.endswith(PACKAGES) else inside(artefact)
    made = Bom(
        components=packages,
        serial_number=uuid.uuid5(NAMESPACE, digest),
        metadata=BomMetaData(
            component=root, timestamp=datetime.fromtimestamp(int(epoch()), tz=UTC)
        ),
    )
    made.register_dependency(root, packages)
    text = JsonV1Dot6(made).output_as_string(indent=2)
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"the bill of {artefact.name} is not valid: {fault}")
    return f"{text}\n"


def main() -> None:
    """Run the command line."""
    folder = Path(sys.argv[1])
    for artefact in sorted(folder.iterdir()):
        if not artefact.name.endswith((ENDING, *descriptions.ENDINGS)):
            (folder / f"{artefact.name}{ENDING}").write_text(bill(artefact))


if __name__ == "__main__":
    main()

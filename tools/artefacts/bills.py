"""Write the bill of materials of a release's artefacts, in CycloneDX's JSON.

    .venv/release/bin/python tools/artefacts/bills.py FOLDER
    .venv/release/bin/python tools/artefacts/bills.py build/image/ecr-vend-image.tar

Beside each artefact in the folder comes `ARTEFACT.cdx.json`, beside an image one for each platform.
An archive that holds its dependencies is asked what is in it; a package that brings none lists what
its lock has installed with it. What only describes other artefacts (`descriptions.py`) has none:
each of those has its own. The same artefact gives the same bytes. See
https://cyclonedx.org/docs/1.6/json/.
"""

from __future__ import annotations

import io
import re
import sys
import tarfile
import tempfile
import uuid
import zipfile
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

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
from tools.artefacts.image import databases, inventory, layout
from tools.environments import ROOT
from tools.release import sums
from tools.release.version import commit, epoch, version

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def described(text: str) -> Component:
    """Return the package that a METADATA describes."""
    said = HeaderParser().parsestr(text)
    # The older field may hold a whole text; only a name fits here.
    licence = said["License-Expression"] or said["License"] or ""
    licence = "" if "\n" in licence or len(licence) > 100 else licence
    return component(said["Name"], said["Version"], licence)


def inside(archive: Path) -> list[Component]:
    """Return the packages inside an archive, by the metadata that each of them brings."""
    return [described(content.decode()) for content in metadata(archive)]


def distributed(package: databases.Package, system: dict[str, str]) -> Component:
    """Return a package of the distribution that an image is made of."""
    address = PackageURL(
        package.kind,
        system["ID"],
        package.name,
        package.version,
        {"arch": package.architecture, "distro": f"{system['ID']}-{system['VERSION_ID']}"},
    )
    made = Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        purl=address,
        bom_ref=str(address),
        scope=ComponentScope.REQUIRED,
    )
    if package.licence:
        made.licenses.add(LicenseFactory().make_from_string(package.licence))
    return made


def unpacked(root: Path) -> list[Component]:
    """Return all that is in an image, by what it carries: packages, the system, and Python."""
    system = inventory.system(root)
    python = inventory.python(root)
    return [
        *(described(path.read_text()) for path in inventory.metadata(root)),
        *(distributed(package, system) for package in databases.installed(root)),
        Component(
            type=ComponentType.OPERATING_SYSTEM,
            name=system["ID"],
            version=system["VERSION_ID"],
            bom_ref=f"os:{system['ID']}@{system['VERSION_ID']}",
        ),
        # Where a distribution has packaged it, it is among the packages in its parts as well.
        Component(
            type=ComponentType.APPLICATION,
            name="cpython",
            version=python,
            purl=PackageURL("generic", name="python", version=python),
            bom_ref=f"pkg:generic/python@{python}",
            cpe=f"cpe:2.3:a:python:python:{python}:*:*:*:*:*:*:*",
            licenses=[LicenseFactory().make_from_string("PSF-2.0")],
        ),
    ]


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


def bill(
    root: Component, packages: Iterable[Component], digest: str, source: str, made_at: datetime
) -> str:
    """Return the bill of materials of an artefact.

    Args:
        root: The artefact.
        packages: What is in it.
        digest: Its SHA-256.
        source: The commit it was made of.
        made_at: The time it says of itself.

    Raises:
        ValueError: It does not follow its schema.
    """
    components = list(packages)
    root.hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest)]
    root.licenses = [LicenseFactory().make_from_string("Apache-2.0")]
    root.properties = [Property(name="ecr-vend:commit", value=source)]
    made = Bom(
        components=components,
        serial_number=uuid.uuid5(NAMESPACE, digest),
        metadata=BomMetaData(component=root, timestamp=made_at),
    )
    made.register_dependency(root, components)
    text = JsonV1Dot6(made).output_as_string(indent=2)
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"the bill of {root.name} is not valid: {fault}")
    return f"{text}\n"


def of_file(artefact: Path) -> str:
    """Return the bill of an artefact that is one file."""
    root = Component(
        type=ComponentType.APPLICATION,
        name=artefact.name,
        version=version(),
        bom_ref=artefact.name,
    )
    packages = beside() if artefact.name.endswith(PACKAGES) else inside(artefact)
    digest = sums.digest(artefact)
    return bill(root, packages, digest, commit(), datetime.fromtimestamp(int(epoch()), tz=UTC))


def of_image(archive: Path) -> dict[str, str]:
    """Return platform → the bill of the image for it, in an OCI archive."""
    bills = {}
    with tempfile.TemporaryDirectory() as scratch:
        image = layout.unpack(archive, Path(scratch) / "layout")
        for platform, digest in layout.manifests(image).items():
            address = PackageURL(
                "oci", name="ecr-vend", version=digest, qualifiers={"arch": platform.split("/")[1]}
            )
            said = layout.labels(image, digest)
            root = Component(
                type=ComponentType.CONTAINER,
                name="ecr-vend",
                version=said["version"],
                purl=address,
                bom_ref=str(address),
            )
            folder = inventory.root_file_system(image, digest, Path(scratch) / digest)
            made_at = datetime.fromisoformat(said["created"])
            number = digest.removeprefix("sha256:")
            bills[platform] = bill(root, unpacked(folder), number, said["revision"], made_at)
    return bills


def main() -> None:
    """Run the command line."""
    given = Path(sys.argv[1])
    if given.is_file():
        for platform, text in of_image(given).items():
            name = f"{given.stem}-{platform.replace('/', '-')}{ENDING}"
            given.with_name(name).write_text(text)
        return
    for artefact in sorted(given.iterdir()):
        if not artefact.name.endswith((ENDING, *descriptions.ENDINGS)):
            (given / f"{artefact.name}{ENDING}").write_text(of_file(artefact))


if __name__ == "__main__":
    main()

"""A release of a few bytes, with everything that a true one has, signed by a sigstore of the tests.

Its files are of the real shapes but hold next to nothing, so that a test can make one, break one
thing, and see what is said of it.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.release.fake_sigstore import Run, Sigstore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.release.fake_sigstore import Flaws

VERSION = "1.2.0"
WHEEL = f"ecr_vend-{VERSION}-py3-none-any.whl"
SOURCE = f"ecr_vend-{VERSION}.tar.gz"
PYZ = "ecr-vend.pyz"
FUNCTIONS = "ecr-vend-functions.zip"
SUMS = "SHA256SUMS"
SUMS_SIGNATURE = "SHA256SUMS.sigstore.json"
STATEMENT = "ecr-vend.intoto.json"
ATTESTATION = "ecr-vend.intoto.jsonl"
RUN = Run()
SIGSTORE = Sigstore()
"""One for all tests: making keys takes longer than signing."""
IMAGE = "registry.test/ecr-vend/ecr-vend"
IMAGE_DIGEST = "ab" * 32


def zipped(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def client(version: str = VERSION, commit: str = RUN.commit) -> dict[str, str]:
    """Return the files of the client that tell what it is."""
    return {
        "ecr_vend/__init__.py": f'__version__ = "{version}"\n',
        "ecr_vend/release.json": json.dumps({"commit": commit, "build": "wheel"}),
        f"ecr_vend-{version}.dist-info/METADATA": f"Name: ecr-vend\nVersion: {version}\n",
    }


def source(version: str = VERSION) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        content = f"Metadata-Version: 2.4\nName: ecr-vend\nVersion: {version}\n".encode()
        told = tarfile.TarInfo(f"ecr_vend-{VERSION}/PKG-INFO")
        told.size = len(content)
        packed.addfile(told, io.BytesIO(content))
    return out.getvalue()


def functions(version: str = VERSION, commit: str = RUN.commit) -> bytes:
    return zipped({"vending/release.py": f'VERSION = "{version}"\nCOMMIT = "{commit}"\n'})


def bill(name: str, content: bytes, version: str = VERSION) -> bytes:
    """Return the least bill of materials that follows the schema."""
    root = {
        "type": "application",
        "name": name,
        "version": version,
        "hashes": [{"alg": "SHA-256", "content": sha(content)}],
    }
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    return json.dumps(document | {"metadata": {"component": root}}).encode()


IMAGE_BILL = "ecr-vend-image-linux-amd64.cdx.json"


def image_bill(kind: str = "container") -> bytes:
    """Return the same of an image, which is not among the files."""
    root = {"type": kind, "name": "ecr-vend", "version": VERSION}
    root["purl"] = f"pkg:oci/ecr-vend@sha256%3A{'0' * 64}?arch=amd64"
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    return json.dumps(document | {"metadata": {"component": root}}).encode()


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def artefacts() -> dict[str, bytes]:
    """Return the artefacts of a good release, by name."""
    return {
        WHEEL: zipped(client()),
        SOURCE: source(),
        PYZ: b"#!/usr/bin/env python3\n" + zipped(client()),
        FUNCTIONS: functions(),
    }


@dataclass
class Release:
    """A release in the making: change what is to be wrong, then write it.

    Attributes:
        folder: Where it is written.
        sigstore: Who signs.
        run: The workflow's run that signs.
        files: What is in it besides sums and signatures.
    """

    folder: Path
    sigstore: Sigstore = field(default_factory=Sigstore)
    run: Run = RUN
    files: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.files:
            made = artefacts()
            bills = {f"{name}.cdx.json": bill(name, content) for name, content in made.items()}
            self.files = made | bills | {IMAGE_BILL: image_bill()}

    def write(self) -> Release:
        """Write files, sums and all signatures."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (self.folder / name).write_bytes(content)
        self.put(SUMS, self.sums())
        self.sign_sums()
        self.attest(self.statement())
        self.put(f"{PYZ}.sigstore.json", self.sigstore.sign(self.files[PYZ], self.run))
        self.put("trust.json", self.sigstore.trust_config(), self.folder.parent)
        return self

    def sums(self) -> bytes:
        """Return the sums of the files."""
        lines = [f"{sha(content)}  {name}\n" for name, content in sorted(self.files.items())]
        return "".join(lines).encode()

    def sign_sums(self, run: Run | None = None, flaws: Flaws | None = None) -> None:
        """Sign the sums that are there, by another run or with flaws where told."""
        content = (self.folder / SUMS).read_bytes()
        self.put(SUMS_SIGNATURE, self.sigstore.sign(content, run or self.run, flaws))

    def attest(
        self, statement: dict[str, Any], run: Run | None = None, flaws: Flaws | None = None
    ) -> None:
        """Write a provenance, plain and signed."""
        payload = json.dumps(statement, indent=2).encode()
        self.put(STATEMENT, payload)
        self.put(ATTESTATION, self.sigstore.attest(payload, run or self.run, flaws))

    def statement(self) -> dict[str, Any]:
        """Return a good provenance."""
        run = self.run
        files = [
            {"name": name, "digest": {"sha256": sha(content)}}
            for name, content in self.files.items()
        ]
        return {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [*files, {"name": IMAGE, "digest": {"sha256": IMAGE_DIGEST}}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                    "externalParameters": {
                        "workflow": {
                            "ref": run.ref,
                            "repository": run.source,
                            "path": run.workflow,
                        }
                    },
                    "internalParameters": {"github": {"event_name": "push"}},
                    "resolvedDependencies": [
                        {
                            "uri": f"git+{run.source}@{run.ref}",
                            "digest": {"gitCommit": run.commit},
                        }
                    ],
                },
                "runDetails": {
                    "builder": {"id": run.subject},
                    "metadata": {"invocationId": run.address},
                },
            },
        }

    def put(self, name: str, content: bytes | dict[str, Any], folder: Path | None = None) -> None:
        """Write one file as it is, or as JSON."""
        written = content if isinstance(content, bytes) else json.dumps(content).encode()
        ((folder or self.folder) / name).write_bytes(written)

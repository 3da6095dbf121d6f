"""OCI image layouts: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md.

What a builder leaves of each platform goes into one index with one digest, and that into one
archive whose bytes depend on nothing but what is in it. `skopeo copy --all oci-archive:FILE
docker://…` publishes it, and the digest stays.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"

LABEL = "org.opencontainers.image."


def blob(layout: Path, digest: str) -> Path:
    """Return the file of what has a digest, `sha256:…`."""
    return layout / "blobs" / digest.replace(":", "/")


def document(layout: Path, digest: str) -> dict[str, Any]:
    """Return what has a digest, which is JSON."""
    read: dict[str, Any] = json.loads(blob(layout, digest).read_bytes())
    return read


def manifests(layout: Path) -> dict[str, str]:
    """Return the digest of each platform's manifest, the platform as `linux/amd64`."""
    return dict(_manifests(layout, json.loads((layout / "index.json").read_bytes())))


def _manifests(layout: Path, index: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield platform and digest of the manifests under an index, which may hold indexes."""
    for one in index["manifests"]:
        if one["mediaType"] == INDEX:
            yield from _manifests(layout, document(layout, one["digest"]))
        elif one["mediaType"] == MANIFEST:
            config = configuration(layout, one["digest"])
            yield f"{config['os']}/{config['architecture']}", one["digest"]


def configuration(layout: Path, manifest: str) -> dict[str, Any]:
    """Return the configuration of the image that a manifest is of."""
    return document(layout, document(layout, manifest)["config"]["digest"])


def labels(layout: Path, manifest: str) -> dict[str, str]:
    """Return what an image says of itself: `version`, `revision`, `created`, `base.name`, …"""
    said: dict[str, str] = configuration(layout, manifest)["config"]["Labels"]
    return {name.removeprefix(LABEL): value for name, value in said.items()}


def layers(layout: Path, manifest: str) -> list[Path]:
    """Return the archives of an image, the lowest first."""
    return [blob(layout, one["digest"]) for one in document(layout, manifest)["layers"]]


def put(layout: Path, content: bytes) -> str:
    """Add a blob; its digest."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    path = blob(layout, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return digest


def merge(built: Mapping[str, Path], layout: Path, name: str) -> str:
    """Put images into one layout under one index; the index's digest.

    Args:
        built: Platform → the layout that a builder left of it.
        layout: The one to make.
        name: What `index.json` calls the index.
    """
    entries = []
    for platform, one in built.items():
        digest = manifests(one)[platform]
        manifest = document(one, digest)
        for part in (manifest["config"], *manifest["layers"]):
            put(layout, blob(one, part["digest"]).read_bytes())
        content = blob(one, digest).read_bytes()
        system, _, processor = platform.partition("/")
        entries.append(
            {
                "mediaType": MANIFEST,
                "digest": put(layout, content),
                "size": len(content),
                "platform": {"architecture": processor, "os": system},
            }
        )
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    top = {
        "mediaType": INDEX,
        "digest": put(layout, index),
        "size": len(index),
        "annotations": {"org.opencontainers.image.ref.name": name},
    }
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return str(top["digest"])


def pack(layout: Path, archive: Path) -> None:
    """Write a layout into a tar file, every file with one time, mode and owner."""
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as packed:
        for path in sorted(path for path in layout.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(path.relative_to(layout).as_posix())
            content = path.read_bytes()
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))


def unpack(archive: Path, layout: Path) -> Path:
    """Unpack what `pack` or a builder wrote, and return the layout."""
    with tarfile.open(archive) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        packed.extractall(layout)  # noqa: S202 Python before 3.11.4 has no filters
    return layout

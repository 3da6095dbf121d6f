"""An image's tags lead to digests, in a real registry and by the real skopeo."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.servers import plain_registry
from tests.tools_at_hand import require_tool
from tools.environments import Missing
from tools.release.commands import Commands
from tools.release.images import Images

if TYPE_CHECKING:
    from collections.abc import Iterator

OCI = "application/vnd.oci.image"


class Layout:
    """An image for two processors in an OCI archive, as `make image` leaves one."""

    def __init__(self, text: str) -> None:
        self.blobs: dict[str, bytes] = {}
        manifests = [self.image(text, processor) for processor in ("amd64", "arm64")]
        self.index = self.put({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json",
                               "manifests": manifests}, "index.v1+json")  # fmt: skip
        self.digest = str(self.index["digest"]).removeprefix("sha256:")

    def image(self, text: str, processor: str) -> dict[str, object]:
        layer = self.put_bytes(text.encode(), "layer.v1.tar")
        config: dict[str, object] = {
            "architecture": processor,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        }
        manifest: dict[str, object] = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": self.put(config, "config.v1+json"),
            "layers": [layer],
        }
        platform = {"platform": {"os": "linux", "architecture": processor}}
        return self.put(manifest, "manifest.v1+json") | platform

    def put(self, document: dict[str, object], kind: str) -> dict[str, object]:
        return self.put_bytes(json.dumps(document).encode(), kind)

    def put_bytes(self, content: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        self.blobs[digest] = content
        size = len(content)
        return {"mediaType": f"{OCI}.{kind}", "digest": f"sha256:{digest}", "size": size}

    def write(self, archive: Path) -> Path:
        files = {f"blobs/sha256/{digest}": content for digest, content in self.blobs.items()}
        files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
        files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [self.index]}).encode()
        with tarfile.open(archive, "w") as packed:
            for name, content in files.items():
                told = tarfile.TarInfo(name)
                told.size = len(content)
                packed.addfile(told, io.BytesIO(content))
        return archive


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    require_tool("skopeo")
    with plain_registry() as address:
        yield address


@pytest.fixture
def images(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Images:
    """An image that is not in the registry yet."""
    settings = tmp_path / "home/.config/containers"
    settings.mkdir(parents=True)
    (settings / "registries.conf").write_text(
        f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n'
    )
    (settings / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    name = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
    return Images(Commands(), f"{registry}/ecr-vend/{name}")


def test_an_image_keeps_its_digest_from_the_build_to_the_last_tag(
    images: Images, tmp_path: Path
) -> None:
    layout = Layout("one")
    assert images.digest("1.2.0") is None
    images.push(layout.write(tmp_path / "one.tar"), "1.2.0", layout.digest)
    images.move("latest", layout.digest)
    assert images.digest("1.2.0") == images.digest("latest") == layout.digest


def test_a_version_stays_what_it_is_and_a_tag_moves(images: Images, tmp_path: Path) -> None:
    one, two = Layout("one"), Layout("two")
    images.push(one.write(tmp_path / "one.tar"), "1.2.0", one.digest)
    with pytest.raises(Missing, match="never replaced"):
        images.push(two.write(tmp_path / "two.tar"), "1.2.0", two.digest)
    images.push(two.write(tmp_path / "two.tar"), "1.2.1", two.digest)
    for layout in (two, one):
        images.move("latest", layout.digest)
        assert images.digest("latest") == layout.digest
    assert images.digest("1.2.0") == one.digest


def test_an_archive_of_another_image_is_found_out(images: Images, tmp_path: Path) -> None:
    layout = Layout("one")
    with pytest.raises(Missing, match="the provenance is of"):
        images.push(layout.write(tmp_path / "one.tar"), "1.2.0", "0" * 64)


def test_a_registry_that_is_not_reached_is_no_registry_without_the_tag(tmp_path: Path) -> None:
    require_tool("skopeo")
    with pytest.raises(Missing, match="the registry does not say"):
        Images(Commands(), "127.0.0.1:1/ecr-vend/ecr-vend").digest("1.2.0")

"""What is promoted reaches the Python index as it is, and nothing else does."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tools.environments import Missing
from tools.release import publish_index
from tools.release.version import version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UPLOADS: dict[str, bytes] = {}
REFUSAL = "File already exists, with other bytes"


class Index(BaseHTTPRequestHandler):
    """An index that takes every upload with the right token, but those of version 0.0.0."""

    def do_POST(self) -> None:
        """Take one file, or refuse it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Authorization"] == "Basic X190b2tlbl9fOnNlY3JldA=="
        name = re.search(rb'filename="([^"]+)"', body)
        assert name
        UPLOADS[name[1].decode()] = body
        refused = b"-0.0.0" in name[1]
        self.send_response(400 if refused else 200, REFUSAL if refused else None)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    UPLOADS.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("UV_PUBLISH_URL", f"http://127.0.0.1:{server.server_address[1]}/legacy/")
        monkeypatch.setenv("UV_PUBLISH_TOKEN", "secret")
        monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
        yield
        server.shutdown()


def release(folder: Path, number: str) -> Path:
    """Write the files of a release that the index has to do with, and some others."""
    folder.mkdir()
    said = f"Metadata-Version: 2.4\nName: ecr-vend\nVersion: {number}\n"
    with zipfile.ZipFile(folder / f"ecr_vend-{number}-py3-none-any.whl", "w") as wheel:
        home = f"ecr_vend-{number}.dist-info"
        wheel.writestr(f"{home}/METADATA", said)
        wheel.writestr(
            f"{home}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{home}/RECORD", "")
    with tarfile.open(folder / f"ecr_vend-{number}.tar.gz", "w:gz") as source:
        entry = tarfile.TarInfo(f"ecr_vend-{number}/PKG-INFO")
        entry.size = len(said)
        source.addfile(entry, io.BytesIO(said.encode()))
    for other in ("ecr-vend.pyz", "SHA256SUMS", f"ecr_vend-{number}.tar.gz.cdx.json"):
        (folder / other).touch()
    return folder


def test_wheels_and_source_are_uploaded_byte_for_byte(tmp_path: Path) -> None:
    folder = release(tmp_path / "dist", version())
    files = publish_index.packages(folder)
    publish_index.upload(files)
    expected = {f"ecr_vend-{version()}-py3-none-any.whl", f"ecr_vend-{version()}.tar.gz"}
    assert set(UPLOADS) == expected
    for name, body in UPLOADS.items():
        assert (folder / name).read_bytes() in body


def test_packages_of_another_version_are_not_uploaded(tmp_path: Path) -> None:
    folder = release(tmp_path / "dist", "99.0.0")
    with pytest.raises(Missing, match=rf"99\.0\.0.* is not of version {re.escape(version())}"):
        publish_index.packages(folder)


def test_a_folder_without_packages_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="holds no wheel"):
        publish_index.packages(tmp_path)


def test_the_index_is_quoted_when_it_refuses(tmp_path: Path) -> None:
    folder = release(tmp_path / "dist", "0.0.0")
    with pytest.raises(Missing, match=r"the packages were not uploaded:\n[\s\S]*400"):
        publish_index.upload(sorted(folder.glob("*.whl")))


def test_a_workflow_uploads_by_its_identity_and_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", raising=False)
    monkeypatch.delenv("UV_PUBLISH_TOKEN")
    folder = release(tmp_path / "dist", version())
    with pytest.raises(Missing, match=r"(?i)trusted publishing"):
        publish_index.upload(publish_index.packages(folder))
    assert UPLOADS == {}

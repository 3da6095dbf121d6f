"""`make pin` fills in what upstream says, or nothing at all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tools import pins
from tools.environments import Missing
from tools.lookups import INDEXES, Image, image_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

INDEX = json.dumps({"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": []}).encode()
DIGEST = f"sha256:{hashlib.sha256(INDEX).hexdigest()}"


@contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port of this machine; HOST:PORT."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


class Files(SimpleHTTPRequestHandler):
    """A folder of git repositories, over git's oldest protocol, which is files."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Registry(BaseHTTPRequestHandler):
    """A registry that lets anybody read who fetches a token first, as public ones do."""

    kind = INDEXES[0]

    def do_GET(self) -> None:
        """Answer for one image, `library/python:3.13`, and for tokens."""
        host = self.headers["Host"]
        scope = "repository:library/python:pull"
        if self.path.startswith("/token?"):
            assert "service=here" in self.path
            assert "scope=repository%3Alibrary%2Fpython%3Apull" in self.path
            self.answer(200, json.dumps({"token": "anonymous"}).encode(), "application/json")
        elif self.headers.get("Authorization") != "Bearer anonymous":
            challenge = f'Bearer realm="http://{host}/token",service="here",scope="{scope}"'
            self.answer(401, b"", "text/plain", ("WWW-Authenticate", challenge))
        elif self.path == "/v2/library/python/manifests/3.13":
            assert INDEXES[0] in self.headers["Accept"]
            # A digest in a header is the registry's word, not what was looked at.
            lie = ("Docker-Content-Digest", f"sha256:{'0' * 64}")
            self.answer(200, INDEX, self.kind, lie)
        else:
            self.answer(404, b"", "text/plain")

    def answer(self, code: int, body: bytes, kind: str, *more: tuple[str, str]) -> None:
        """Send an answer."""
        self.send_response(code)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *more):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class OnePlatform(Registry):
    """The same, whose image is of one platform."""

    kind = "application/vnd.oci.image.manifest.v1+json"


def git(folder: Path, *words: str) -> str:
    identity = {
        f"GIT_{who}_{what}": "a@example.com"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", "-C", folder, *words],
        env=os.environ | identity,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def commits(tmp_path: Path) -> dict[str, str]:
    """Releases of actions/cache under `tmp_path/upstream`, annotated and not, and their commits."""
    folder = tmp_path / "upstream/actions/cache"
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main")
    tree = git(folder, "mktree")
    made = {}
    for name, kind in (("v1.2.3", ["-a", "-m", "Annotated"]), ("v1.10.0", []), ("v2.0.0", [])):
        made[name] = git(folder, "commit-tree", tree, "-m", name)
        git(folder, "tag", *kind, name, made[name])
    git(folder, "update-server-info")
    return made


@pytest.fixture
def github(
    tmp_path: Path, commits: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """The same, served; `make pin` takes it for GitHub."""
    with serving(partial(Files, directory=str(tmp_path / "upstream"))) as host:
        monkeypatch.setenv("GITHUB_SERVER_URL", f"http://{host}")
        yield commits


def repository(folder: Path, ref: str, base: str) -> Path:
    """Write a repository with one workflow and a Dockerfile."""
    (folder / ".github/workflows").mkdir(parents=True)
    (folder / "client").mkdir()
    (folder / ".github/workflows/ci.yml").write_text(
        f"steps:\n  - uses: actions/cache/restore@{ref}\n    with:\n  - uses: ./here\n"
    )
    (folder / "client/Dockerfile").write_text(f"# Why.\nARG BASE={base}\nFROM ${{BASE}}\n")
    return folder


def written(root: Path) -> tuple[str, str]:
    """Return the line of the action and that of the base."""
    workflow = (root / ".github/workflows/ci.yml").read_text().splitlines()
    return workflow[1], (root / "client/Dockerfile").read_text().splitlines()[1]


def test_what_is_missing_is_filled_in_and_nothing_else(
    tmp_path: Path, github: dict[str, str]
) -> None:
    with serving(Registry) as host:
        root = repository(tmp_path / "ours", "v1", f"{host}/library/python:3.13")
        assert len(pins.pin(root, upgrade=False)) == 2
        pinned = (
            f"  - uses: actions/cache/restore@{github['v1.10.0']} # v1.10.0",
            f"ARG BASE={host}/library/python:3.13@{DIGEST}",
        )
        assert written(root) == pinned
        assert pins.pin(root, upgrade=False) == []
    assert written(root) == pinned


def test_an_annotated_tag_is_pinned_to_its_commit(tmp_path: Path, github: dict[str, str]) -> None:
    with serving(Registry) as host:
        root = repository(tmp_path / "ours", github["v1.2.3"], f"{host}/library/python:3.13")
        pins.pin(root, upgrade=False)
    assert written(root)[0].endswith(f"@{github['v1.2.3']} # v1.2.3")


def test_an_upgrade_refreshes_what_is_pinned(tmp_path: Path, github: dict[str, str]) -> None:
    with serving(Registry) as host:
        old = f"{host}/library/python:3.13@sha256:{'0' * 64}"
        root = repository(tmp_path / "ours", f"{github['v1.2.3']} # v1.2.3", old)
        assert pins.pin(root, upgrade=False) == []
        pins.pin(root, upgrade=True)
        assert written(root) == (
            f"  - uses: actions/cache/restore@{github['v2.0.0']} # v2.0.0",
            f"ARG BASE={host}/library/python:3.13@{DIGEST}",
        )


@pytest.mark.parametrize("lost", ["github", "registry"])
def test_one_that_is_not_reached_leaves_everything_as_it_is(
    tmp_path: Path, github: dict[str, str], monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    with serving(Registry) as gone:
        pass
    with serving(Registry) as host:
        base = f"{gone if lost == 'registry' else host}/library/python:3.13"
        root = repository(tmp_path / "ours", "v1", base)
        if lost == "github":
            monkeypatch.setenv("GITHUB_SERVER_URL", f"http://{gone}")
        before = written(root)
        with pytest.raises(Missing, match=r"run this where .* can be reached") as problem:
            pins.pin(root, upgrade=False)
    assert "\n" not in str(problem.value)
    assert written(root) == before


def test_an_image_of_one_platform_is_refused() -> None:
    with serving(OnePlatform) as host, pytest.raises(Missing, match="of one platform only"):
        image_digest(Image.parse(f"{host}/library/python:3.13"))


def test_an_image_that_is_not_there_is_named() -> None:
    with serving(Registry) as host:
        image = Image.parse(f"{host}/library/python:3.99")
        with pytest.raises(Missing, match=r"library/python:3\.99 could not be looked up .*404"):
            image_digest(image)

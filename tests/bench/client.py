"""A cached `get`: ours, and that of the Go helper, both with the answer at hand."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.bench import uncached
from tests.bench.measure import Row, compared, seconds_of
from tests.client.fake_service import HOST, FakeService, serve
from tools.environments import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "docker-credential-ecr-vend"
PEER = "docker-credential-ecr-login"
KEY = "AKIAJOBONE"
SYSTEM = "/usr/local/bin:/usr/bin:/bin"


def environment(home: Path) -> dict[str, str]:
    """Return a whole environment: AWS_CA_BUNDLE, for one, doubles the Go helper's time."""
    return {
        "HOME": str(home),
        "PATH": SYSTEM,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def fake_service() -> Iterator[FakeService]:
    """Serve tokens on loopback until the block ends."""
    yield from serve(FakeService())


def prime_ours(home: Path) -> tuple[list[str], dict[str, str]]:
    """Fetch a token once, and return the command and environment that then print it.

    Raises:
        ChildProcessError: The cached call needs the service or Python all the same.
    """
    folder = home / "bin"
    folder.mkdir(parents=True)
    front = str(shutil.copy(ROOT / "client/front" / NAME, folder))
    python = folder / "python3"
    source = ROOT / "client/src"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{source}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    words = ["/bin/sh", front, "get"]
    with fake_service() as service:
        environ = environment(home) | {
            "ECR_VEND_ENDPOINT": service.url,
            "ECR_VEND_REGION": "eu-west-1",
        }
        first = printed(words, environ)
    python.write_text("#!/bin/sh\nexit 1\n")
    if printed(words, environ) != first:
        raise ChildProcessError("the cached answer is another")
    return words, environ


def prime_peer(home: Path) -> tuple[list[str], dict[str, str]] | None:
    """Write the Go helper's cache, and return the command and environment; None without it.

    Source: awslabs/amazon-ecr-credential-helper, ecr-login/cache: before 0.11 an entry is keyed by
    the access key id, afterwards by the account's id, hashed in one of two ways.

    Raises:
        ChildProcessError: It does not answer from that cache.
    """
    found = shutil.which(PEER, path=SYSTEM)
    if not found:
        return None
    now = datetime.now(UTC)
    entry = {
        "AuthorizationToken": base64.b64encode(b"AWS:" + b"A" * 2800).decode(),
        "RequestedAt": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ExpiresAt": (now + timedelta(hours=12)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ProxyEndpoint": f"https://{HOST}",
        "Service": "ecr",
    }
    hashes = [
        base64.b64encode(digest).decode()
        for identity in (KEY.encode(), b"")
        for digest in (
            identity + hashlib.md5(usedforsecurity=False).digest(),
            hashlib.sha256(identity).digest(),
        )
    ]
    registries = {f"eu-west-1-{one}-{HOST[:12]}": entry for one in hashes}
    (home / ".ecr").mkdir(parents=True)
    cache = {"Registries": registries, "Version": "1.0"}
    (home / ".ecr/cache.json").write_text(json.dumps(cache))
    words, environ = [found, "get"], environment(home)
    if json.loads(printed(words, environ))["Secret"] != "A" * 2800:
        raise ChildProcessError(f"{PEER} did not answer from its cache")
    return words, environ


def printed(words: list[str], environ: dict[str, str]) -> str:
    """Return what the helper prints for the host.

    Raises:
        ChildProcessError: It failed.
    """
    done = subprocess.run(
        words, env=environ, input=HOST, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ChildProcessError(f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


def rows(folder: Path, *, rounds: int) -> Iterator[Row]:
    """Yield a cached `get`, alone and fifty at once, and what is measured of uncached ones."""
    asked = folder / "host"
    asked.write_text(HOST)
    ours, peer = prime_ours(folder / "ours"), prime_peer(folder / "peer")
    for what, at_once, turns in (
        ("cached get", 1, rounds * 10),
        ("fifty cached gets at once", 50, rounds),
    ):

        def measure(command: tuple[list[str], dict[str, str]], at_once: int = at_once) -> float:
            return seconds_of(*command, asked, at_once=at_once)

        mine, theirs, ratio = compared(
            lambda: measure(ours), (lambda: measure(peer)) if peer else None, rounds=turns
        )
        shown = f"{PEER} {theirs * 1000:.1f} ms" if theirs else f"missing: {PEER}"
        yield Row(what, "≤ 0.60", f"{mine * 1000:.1f} ms", shown, ratio)
    yield from uncached.rows(folder, environment(folder), rounds=rounds)

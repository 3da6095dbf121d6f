"""What the person's docker and podman configuration says, with tokens laid over it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from ecr_vend.registry_configs import Document, containers_auth_files, host_of, read, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ecr_vend.secret import Secret

LISTING = 5.0
"""Seconds a credential store may take to say which registries it has."""

STORE = re.compile(r"[A-Za-z0-9._-]+")


def basic(password: Secret) -> str:
    """Return what an `auth` entry holds."""
    return base64.b64encode(b"AWS:" + password.reveal().encode()).decode()


def for_docker(
    document: Document, path: Path, entries: Mapping[str, object], environ: Mapping[str, str]
) -> Document:
    """Return docker's configuration with these entries, none of which a helper stands before.

    A credential store would be asked before them, for every registry. So in its place stands a
    helper for each registry that it has.
    """
    auths = table(document, "auths", path)
    helpers = dict(table(document, "credHelpers", path))
    store = document.get("credsStore")
    if isinstance(store, str) and STORE.fullmatch(store):
        without = [key for key, entry in auths.items() if not entry]
        for key in [*without, *stored(store, environ)]:
            helpers.setdefault(key, store)
            helpers.setdefault(host_of(key), store)
    changed = {key: value for key, value in document.items() if key != "credsStore"}
    changed["credHelpers"] = others(helpers, entries)
    changed["auths"] = others(auths, entries) | dict(entries)
    return changed


def for_containers(entries: Mapping[str, object], environ: Mapping[str, str]) -> Document:
    """Return the one file that podman is to read: its own ones together, and these entries."""
    auths: Document = {}
    helpers: Document = {}
    for path in reversed(containers_auth_files(environ)):
        document = read(path) or {}
        if path.name == ".dockercfg":  # the form of before there were other keys
            document = {"auths": document}
        stated = table(document, "auths", path)
        named = table(document, "credHelpers", path)
        # What an earlier file says counts, and in one file a helper counts before an entry.
        hosts = {host_of(key) for key in stated}
        helpers = {key: value for key, value in helpers.items() if key not in hosts} | named
        auths = {key: value for key, value in auths.items() if host_of(key) not in named} | stated
    return {
        "auths": others(auths, entries) | dict(entries),
        "credHelpers": others(helpers, entries),
    }


def others(table: Document, entries: Mapping[str, object]) -> Document:
    """Return what a table says of other hosts; a key with a path is the host's, too."""
    return {key: value for key, value in table.items() if host_of(key) not in entries}


def stored(store: str, environ: Mapping[str, str]) -> list[str]:
    """Return the registries that a credential store has, none where it cannot say."""
    program = shutil.which(f"docker-credential-{store}", path=environ.get("PATH"))
    if not program:
        return []
    try:
        listed = subprocess.run(
            [program, "list"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LISTING,
            check=True,
        )
        document = json.loads(listed.stdout)
    except (OSError, subprocess.SubprocessError, ValueError, RecursionError):
        return []
    return list(document) if isinstance(document, dict) else []

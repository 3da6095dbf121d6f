"""The files that tell registry clients which credential to use: where they are, what they hold.

docker, buildx, crane, oras and helm read docker's `config.json`; podman, buildah and skopeo read
the files of containers-auth.json(5), of which docker's is the last but one.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_vend import hosts
from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]

HELPER = "ecr-vend"
"""What the helper is called in these files."""


def docker_config(environ: Mapping[str, str]) -> Path:
    """Return where docker's configuration file is, or would be."""
    if folder := environ.get("DOCKER_CONFIG"):
        return Path(folder) / "config.json"
    return _home(environ) / ".docker" / "config.json"


def containers_auth_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where podman, buildah and skopeo look for a credential, first to last.

    The first is the one that `podman login` writes. A variable that names a file leaves the others
    unread; so does DOCKER_CONFIG, for the programs of containers/common.
    """
    if named := environ.get("REGISTRY_AUTH_FILE"):
        return (Path(named),)
    if environ.get("DOCKER_CONFIG"):
        return (docker_config(environ),)
    user = containers_folder(environ) / "auth.json"
    legacy = _home(environ) / ".dockercfg"
    if sys.platform in {"win32", "darwin"}:
        return (user, docker_config(environ), legacy)
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        first = Path(runtime) / "containers" / "auth.json"
    else:
        first = Path("/run/containers") / str(os.getuid()) / "auth.json"
    return (first, user, docker_config(environ), legacy)


def containers_folder(environ: Mapping[str, str]) -> Path:
    """Return the user's folder of settings for podman, buildah and skopeo."""
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else _home(environ) / ".config") / "containers"


def read(path: Path) -> Document | None:
    """Return what a configuration file holds; None when there is none. An empty file holds nothing.

    Raises:
        Problem: `bad_config`: it cannot be read, or is not a JSON object, with the position.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}") from None
    if not content.strip():
        return {}
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _bad(path, f"is not JSON: {error.msg} at {place}") from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise _bad(path, f"is not JSON: {type(error).__name__}") from None
    if not isinstance(document, dict):
        raise _bad(path, "is not a JSON object")
    return document


def table(document: Document, key: str, path: Path) -> Document:
    """Return the object under a key of a document, an empty one when it is not there.

    Raises:
        Problem: `bad_config`: what is there is something else.
    """
    found = document.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _bad(path, f"`{key}` is not an object")
    return found


def host_of(key: str) -> str:
    """Return the host of a key of `auths` or `credHelpers`: `HOST`, `HOST/PATH` or a URL."""
    return hosts.bare(key) or key


def _home(environ: Mapping[str, str]) -> Path:
    named = environ.get("USERPROFILE" if sys.platform == "win32" else "HOME")
    return Path(named or os.path.expanduser("~"))  # noqa: PTH111 Path.home raises without one


def _bad(path: Path, what: str) -> Problem:
    return Problem("bad_config", where=str(path), what=what)

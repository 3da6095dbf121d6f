"""Tokens as entries of the files that programs without a credential helper read."""

from __future__ import annotations

import base64
import json
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_vend import private_files
from ecr_vend.errors import Problem
from ecr_vend.overlaid_configs import basic
from ecr_vend.registry_configs import Document, host_of, read, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ecr_vend.cache import Token

WITH_PATHS = frozenset({"containers", "k8s-secret"})
"""Formats whose readers look for `HOST/REPOSITORY` before HOST."""

SECRET_TYPE = "kubernetes.io/dockerconfigjson"  # noqa: S105 a name
SECRET_KEY = ".dockerconfigjson"  # noqa: S105 a name
EXPIRES = "ecr-vend/expires-at"
"""The annotation of a Secret that says when its first token ends."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A token and what it is for.

    Attributes:
        key: `HOST`, or `HOST/REPOSITORY`.
        token: The token.
    """

    key: str
    token: Token

    @property
    def expires(self) -> str:
        """Return when it ends, as ISO 8601 in UTC."""
        return datetime.fromtimestamp(self.token.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def with_entries(document: Document, entries: Sequence[Entry], path: Path) -> Document:
    """Return a docker or containers configuration that has these entries besides its own.

    Raises:
        Problem: `bad_config`: its `auths` are none.
    """
    made: Document = {entry.key: {"auth": basic(entry.token.password)} for entry in entries}
    return {**document, "auths": table(document, "auths", path) | made}


def with_secret(
    document: Document,
    entries: Sequence[Entry],
    path: Path,
    *,
    name: str | None,
    namespace: str | None,
) -> Document:
    """Return a Kubernetes Secret that has these entries besides its own.

    Args:
        document: What the file holds, empty when it is new.
        entries: The tokens.
        path: The file, for the message.
        name: The Secret's name; what the file says, or `ecr-vend`, when None.
        namespace: Its namespace; what the file says, or none, when None.

    Raises:
        Problem: `bad_config`: it is something else than such a Secret.
    """
    if document and (document.get("kind"), document.get("type")) != ("Secret", SECRET_TYPE):
        raise _bad(path, f"is not a Secret of the type {SECRET_TYPE}")
    held = table(document, "data", path)
    try:
        inner = json.loads(base64.b64decode(held.get(SECRET_KEY) or "e30=", validate=True))
    except (ValueError, TypeError, RecursionError):
        raise _bad(path, f"its {SECRET_KEY} is not JSON in base64") from None
    if not isinstance(inner, dict):
        raise _bad(path, f"its {SECRET_KEY} is not a JSON object")
    content = json.dumps(with_entries(inner, entries, path)).encode()
    metadata = table(document, "metadata", path)
    metadata = {"name": "ecr-vend", **metadata}
    metadata |= {key: text for key, text in (("name", name), ("namespace", namespace)) if text}
    notes = table(metadata, "annotations", path)
    metadata["annotations"] = {**notes, EXPIRES: min(entry.expires for entry in entries)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        **document,
        "type": SECRET_TYPE,
        "metadata": metadata,
        "data": {**held, SECRET_KEY: base64.b64encode(content).decode()},
    }


def asked_before(document: Document, entries: Sequence[Entry], path: Path) -> Iterator[str]:
    """Yield what a docker or containers configuration asks before its entries for these hosts."""
    helpers = table(document, "credHelpers", path)
    for host in dict.fromkeys(host_of(entry.key) for entry in entries):
        if host in helpers:
            yield f"`credHelpers` of {path} has {host}: its helper is asked, and not the entry"
    if store := document.get("credsStore"):
        yield f"`credsStore` of {path} is {store}: docker asks that, and not the entry"


def place(path: Path) -> Path:
    """Return the file to write: where a link of this user's, or of root's, leads.

    Raises:
        Problem: `not_written`: another user's link, which could lead anywhere, or no file.
    """
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            if os.name != "nt" and found.st_uid not in {0, os.geteuid()}:
                raise _not_written(path, "it is a link of another user's")
            path = Path(os.path.realpath(path))
            found = path.lstat()
    except FileNotFoundError:
        return path
    except OSError as error:
        raise _not_written(path, error.strerror or str(error)) from None
    if not stat.S_ISREG(found.st_mode):
        raise _not_written(path, "it is not a file")
    return path


def existing(path: Path) -> Document:
    """Return what the file holds, nothing where there is none.

    Raises:
        Problem: `bad_config`: it is not JSON. It is left as it is.
    """
    return read(path) or {}


def write(path: Path, document: Mapping[str, object]) -> None:
    """Write the file for this user alone, whole or not at all.

    Raises:
        Problem: `not_written`; what was there before still is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        private_files.write(path, text_of(document).encode())
    except OSError as error:
        raise _not_written(path, error.strerror or str(error)) from None


def text_of(document: Mapping[str, object]) -> str:
    """Return a document as it is written; JSON, which is YAML too."""
    return json.dumps(document, indent=2) + "\n"


def _bad(path: Path, what: str) -> Problem:
    return Problem("bad_config", where=str(path), what=what)


def _not_written(path: Path, detail: str) -> Problem:
    return Problem("not_written", where=str(path), detail=detail)

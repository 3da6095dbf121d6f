"""What the kubelet does with names and answers, as its source has it; see `dialects.kubelet`."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

FIELDS = {"apiVersion", "kind", "cacheKeyType", "cacheDuration", "auth"}


def matches(pattern: str, image: str) -> bool:
    """Return whether a key of `auth`, or one of `matchImages`, fits an image.

    Host label by label (a `*` never crosses a dot), port equal, path a prefix.
    """
    (host, port, path), (asked, asked_port, asked_path) = parted(pattern), parted(image)
    labels, asked_labels = host.split("."), asked.split(".")
    return (
        port == asked_port
        and len(labels) == len(asked_labels)
        and asked_path.startswith(path)
        and all(map(fnmatchcase, asked_labels, labels))
    )


def parted(name: str) -> tuple[str, str, str]:
    """Return host, port and path of a name without a scheme."""
    host, slash, path = name.partition("/")
    host, _, port = host.partition(":")
    return host, port, slash + path


def decoded(text: str, version: str) -> dict[str, Any]:
    """Return an answer as the kubelet takes it.

    Raises:
        ValueError: It drops it.
    """
    response = json.loads(text)
    if response["apiVersion"] != version or response["kind"] != "CredentialProviderResponse":
        raise ValueError("not the configured version")
    if unknown := set(response) - FIELDS:
        raise ValueError(f"unknown fields: {unknown}")
    if response["cacheKeyType"] not in {"Image", "Registry", "Global"}:
        raise ValueError("no cacheKeyType")
    if not re.fullmatch(r"[0-9]+s", response["cacheDuration"]):
        raise ValueError("no duration")
    for credential in response["auth"].values():
        if set(credential) != {"username", "password"}:
            raise ValueError("unknown fields in a credential")
    found: dict[str, Any] = response
    return found

"""What a setting may say: each parser takes a value and where it stands, and answers it checked."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ecr_vend import hosts
from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ACCESSES = ("pull", "push", "pull-through")
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
REGION = re.compile(r"[a-z0-9-]+", re.ASCII)
ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+")


def bad(where: object, what: str) -> Problem:
    """Return the failure that a setting is wrong."""
    return Problem("bad_config", where=str(where), what=what)


def text(value: object, where: object) -> str:
    """Return a setting that is text, which can be sent; bytes of a variable need not be."""
    found = string(value, where)
    try:
        found.encode()
    except UnicodeEncodeError:
        raise bad(where, "is not UTF-8") from None
    return found


def string(value: object, where: object) -> str:
    """Return a setting that is a string and not an empty one."""
    if not isinstance(value, str) or not value.strip():
        raise bad(where, "a string is needed")
    return value.strip()


def region(value: object, where: object) -> str:
    """Return a setting that is the name of an AWS region, which is part of each signature."""
    if not REGION.fullmatch(name := text(value, where)):
        raise bad(where, f"{name} is not a region's name: write for instance eu-west-1")
    return name


def folder(value: object, where: object) -> Path:
    """Return a setting that is an absolute path; `~` stands for the home directory."""
    named = string(value, where)
    if "\0" in named:
        raise bad(where, "holds a NUL, which no path does")
    path = Path(os.path.expanduser(named))  # noqa: PTH111 Path's raises without a home
    if not path.is_absolute():
        raise bad(where, "an absolute path is needed")
    return path


def one_of(choices: tuple[str, ...], value: object, where: object) -> str:
    """Return a setting that is one word of a few."""
    if (word := text(value, where)) not in choices:
        raise bad(where, f"must be one of {', '.join(choices)}, not {word}")
    return word


def names(value: object, where: object) -> list[str]:
    """Return a list of names, given as a list or separated by commas."""
    parts: object = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise bad(where, "a list of names, or names separated by commas, is needed")
    found = [text(part, where) for part in parts if part.strip()]
    if not found:
        raise bad(where, "names nothing: write a name, or leave it out")
    return found


def seconds(value: object, where: object) -> int:
    """Return a length of time: `900`, `90s`, `15m`, `1h`."""
    match = re.fullmatch(r"([0-9]{1,6})([smh]?)", str(value).strip())
    if isinstance(value, bool) or not match or not int(match[1]):
        raise bad(where, f"{value} is not a length of time: write 900, 90s, 15m or 1h")
    return int(match[1]) * SECONDS[match[2]]


def role(value: object, where: object) -> str:
    """Return the ARN of a role, its path included, as AssumeRole wants it."""
    if not ROLE.fullmatch(arn := text(value, where)):
        raise bad(where, f"{arn} is not a role's ARN: write arn:aws:iam::ACCOUNT:role/NAME")
    return arn


def endpoint(value: object, where: object) -> str:
    """Return the service's URL; plain `http` only on this machine, where no one else listens."""
    url = text(value, where).rstrip("/")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise bad(where, "is not a URL") from None
    if not url.isascii() or not url.isprintable() or " " in url:
        raise bad(where, "is not a URL")
    if parts.scheme not in {"https", "http"} or not host:
        raise bad(where, "must be a URL that starts with https://")
    if parts.username is not None or parts.query or parts.fragment or "?" in url or "#" in url:
        raise bad(where, "must be a URL without user, query or fragment")
    if parts.scheme == "http" and not loopback(host):
        raise bad(where, "http:// is for this machine only (127.0.0.1, ::1, localhost): use https")
    return url


def loopback(host: str) -> bool:
    """Return whether `host` can only be this machine."""
    return host in {"localhost", "::1"} or bool(re.fullmatch(r"127(?:\.[0-9]{1,3}){3}", host))


def registry_of(value: object, where: object) -> str:
    """Return the first name of the ECR registry that a setting names."""
    host = text(value, where)
    if not (registry := hosts.parse(hosts.bare(host) or "")):
        raise Problem("not_an_ecr_host", where=str(where), host=host)
    return registry.host


def name_of(value: str, where: object) -> str:
    """Return the host, or host and port, that a registry is called by, as `hosts.bare` does."""
    name = hosts.bare(value)
    path = value.strip().partition("://")[2] or value.strip()
    if not name or "/" in path.rstrip("/"):
        raise bad(where, f"{value} is not a host name: write HOST or HOST:PORT")
    return name


def registries(value: object, where: object) -> tuple[list[str], dict[str, str]]:
    """Return the managed ECR hosts and the aliases of `HOST` and `ALIAS=HOST` entries."""
    only: list[str] = []
    aliases: dict[str, str] = {}
    for entry in names(value, where):
        alias, equals, host = entry.rpartition("=")
        if equals:
            aliases[name_of(alias, where)] = registry_of(host, where)
        else:
            only.append(registry_of(host, where))
    return only, aliases


PARSERS: Mapping[str, Callable[[object, object], object]] = {
    "endpoint": endpoint,
    "region": region,
    "profile": text,
    "role": role,
    "access": partial(one_of, ACCESSES),
    "pull": names,
    "push": names,
    "pull_through": names,
    "ttl": seconds,
    "grant": text,
    "reason": text,
    "cache_dir": folder,
    "host": registry_of,
}
"""Key → what checks its value. `registries` is not among them: it makes tables and aliases."""

"""What the person set: `config.toml`, and the environment, which wins."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from ecr_vend import hosts
from ecr_vend.errors import Problem
from ecr_vend.identity import signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ecr_vend.identity import Signature

KEYS = (
    "endpoint",
    "region",
    "profile",
    "access",
    "pull",
    "push",
    "pull_through",
    "ttl",
    "grant",
    "reason",
    "registries",
    "cache_dir",
)
ACCESSES = ("pull", "push", "pull-through")
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """The client's settings, each already checked.

    Attributes:
        config: The configuration file's path, there or not.
        config_seen: Its signature from before it was read; see `identity`.
        endpoint: The service's URL without a trailing slash, or None.
        region: The region to sign for, where the endpoint's name does not tell.
        profile: The AWS profile to use, or None for what botocore chooses.
        request: The body of a token request, but for its registry.
        only: Managed ECR hosts, by first name; empty when all are.
        aliases: Other names → the ECR host (first name) that the service is asked for.
        cache_dir: Where tokens are kept.
    """

    config: Path
    cache_dir: Path
    config_seen: Signature = None
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    request: dict[str, object] = field(default_factory=dict)
    only: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)

    def for_registry(self, asked: str) -> Settings:
        """Return the settings for the registry asked for, by whichever of its names."""
        del asked
        return self

    def managed(self, host: str) -> str | None:
        """Return the first name of the registry that `host` (as `hosts.bare` gives it) stands for.

        None when this helper has no word to say about it.
        """
        if alias := self.aliases.get(host):
            return alias
        registry = hosts.parse(host)
        if not registry or (self.only and registry.host not in self.only):
            return None
        return registry.host


def home(environ: Mapping[str, str]) -> Path:
    """Return the home directory, from the password file where HOME is not set.

    Never the working directory: whoever wrote what lies there would choose the endpoint. Where
    there is no home it is `/`, as in a container whose user is in no password file.
    """
    found = Path(environ.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 Path.home raises
    return found if found.is_absolute() else Path(found.anchor or os.sep)


def config_path(environ: Mapping[str, str]) -> Path:
    """Return where the configuration file is, or would be."""
    if named := environ.get("ECR_VEND_CONFIG"):
        return Path(named)
    base = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if Path(base).is_absolute() else home(environ) / ".config"
    return folder / "ecr-vend" / "config.toml"


def default_cache_dir(environ: Mapping[str, str]) -> Path:
    """Return where tokens are kept when nothing says otherwise."""
    if os.name == "nt":
        local = environ.get("LOCALAPPDATA") or str(home(environ) / "AppData" / "Local")
        return Path(local) / "ecr-vend" / "cache"
    base = environ.get("XDG_CACHE_HOME", "")
    folder = Path(base) if Path(base).is_absolute() else home(environ) / ".cache"
    return folder / "ecr-vend"


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        Problem: `bad_config` or `not_an_ecr_host`, naming the file or variable and the key.
    """
    path = config_path(environ)
    seen = signature(str(path))
    given = {key: (value, f"`{key}` in {path}") for key, value in read(path).items()}
    for key in KEYS:
        name = f"ECR_VEND_{key.upper()}"
        if value := environ.get(name):
            given[key] = (value, name)

    def setting(key: str, parser: Callable[[object, str], T]) -> T | None:
        return parser(*given[key]) if key in given else None

    request: dict[str, object] = {
        key: listed for key in ("pull", "push", "pull_through") if (listed := setting(key, names))
    }
    if access := setting("access", partial(one_of, ACCESSES)):
        if request:
            other = given[next(iter(request))][1]
            raise bad(given["access"][1], f"not together with {other}: remove one of the two")
        request["access"] = access
    if ttl := setting("ttl", seconds):
        request["ttl_seconds"] = ttl
    request |= {key: word for key in ("grant", "reason") if (word := setting(key, text))}
    only, aliases = setting("registries", registries) or (frozenset(), {})
    return Settings(
        config=path,
        config_seen=seen,
        cache_dir=setting("cache_dir", folder) or default_cache_dir(environ),
        endpoint=setting("endpoint", endpoint),
        region=setting("region", text),
        profile=setting("profile", text),
        request=request,
        only=only,
        aliases=aliases,
    )


def read(path: Path) -> dict[str, object]:
    """Return the configuration file's keys, none when there is no file.

    Raises:
        Problem: It cannot be read, is not TOML, or holds a key that means nothing.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise bad(str(path), f"cannot be read: {error.strerror}") from None
    import tomllib

    try:
        document = tomllib.loads(content.decode())
    except ValueError as error:  # not UTF-8, or not TOML
        raise bad(str(path), f"is not TOML: {error}") from None
    for key in document:
        if key not in KEYS:
            raise bad(str(path), f"`{key}` is not a key; the keys are {', '.join(KEYS)}")
    return document


def bad(where: str, what: str) -> Problem:
    """Return the failure that a setting is wrong."""
    return Problem("bad_config", where=where, what=what)


def text(value: object, where: str) -> str:
    """Return a setting that is one string."""
    if not isinstance(value, str) or not value.strip():
        raise bad(where, "a string is needed")
    return value.strip()


def folder(value: object, where: str) -> Path:
    """Return a setting that is an absolute path; `~` stands for the home directory."""
    path = Path(os.path.expanduser(text(value, where)))  # noqa: PTH111 Path's raises without a home
    if not path.is_absolute():
        raise bad(where, "an absolute path is needed")
    return path


def one_of(choices: tuple[str, ...], value: object, where: str) -> str:
    """Return a setting that is one word of a few."""
    if (word := text(value, where)) not in choices:
        raise bad(where, f"must be one of {', '.join(choices)}, not {word}")
    return word


def names(value: object, where: str) -> list[str]:
    """Return a list of names, given as a list or separated by commas."""
    parts: object = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise bad(where, "a list of names, or names separated by commas, is needed")
    found = [part.strip() for part in parts if part.strip()]
    if not found:
        raise bad(where, "names nothing: write a name, or leave it out")
    return found


def seconds(value: object, where: str) -> int:
    """Return a length of time: `900`, `90s`, `15m`, `1h`."""
    match = re.fullmatch(r"([0-9]{1,6})([smh]?)", str(value).strip())
    if isinstance(value, bool) or not match or not int(match[1]):
        raise bad(where, f"{value} is not a length of time: write 900, 90s, 15m or 1h")
    return int(match[1]) * SECONDS[match[2]]


def endpoint(value: object, where: str) -> str:
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


def registries(value: object, where: str) -> tuple[frozenset[str], dict[str, str]]:
    """Return the managed ECR hosts and the aliases of `HOST` and `ALIAS=HOST` entries."""
    if isinstance(value, dict):
        pairs = [(str(alias), text(host, where)) for alias, host in value.items()]
    else:
        pairs = []
        for entry in names(value, where):
            alias, _, host = entry.rpartition("=")
            pairs.append((alias.strip(), host.strip()))
    only: set[str] = set()
    aliases: dict[str, str] = {}
    for alias, host in pairs:
        registry = hosts.parse(hosts.bare(host) or "")
        if not registry:
            raise Problem("not_an_ecr_host", where=where, host=host)
        if not alias:
            only.add(registry.host)
        elif name := hosts.bare(alias):
            aliases[name] = registry.host
        else:
            raise bad(where, f"{alias} is not a host name")
    return frozenset(only), aliases

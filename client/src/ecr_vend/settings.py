"""What the person set: the environment, then the user's file, then the system's.

For one registry the tables of the files come between: what is said nearer to it wins, and where
two are as near the user's file wins over the system's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ecr_vend import config_files, hosts, layers
from ecr_vend.config_files import config_path, home, system_config_path
from ecr_vend.layers import KEYS, TABLE_KEYS, Origin
from ecr_vend.setting_values import bad, loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ecr_vend.identity import Signature
    from ecr_vend.layers import Given, Layer

__all__ = [
    "KEYS",
    "TABLE_KEYS",
    "Origin",
    "Settings",
    "config_path",
    "home",
    "load",
    "loopback",
    "system_config_path",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """The client's settings, each already checked.

    Attributes:
        config: The user's configuration file, there or not.
        system_config: The system's.
        cache_dir: Where tokens are kept.
        seen: Each configuration file → its signature from before it was read; see `identity`.
        endpoint: The service's URL without a trailing slash, or None.
        region: The region to sign for, where the endpoint's name does not tell.
        profile: The AWS profile to use, or None for what botocore chooses.
        role: The ARN of the role to assume with the credentials found, or None.
        request: The body of a token request, but for its registry.
        only: Managed ECR hosts, by first name; empty when all are.
        aliases: Other names → the ECR host (first name) that the service is asked for.
        origins: Key → where its value stands; one that is not there has its default. An alias
            is under `registries.NAME`.
        layers: What is set for all registries, by who wins: the environment first.
        tables: First name or alias → the tables of that registry, by who wins.
    """

    config: Path
    system_config: Path
    cache_dir: Path
    seen: Mapping[str, Signature] = field(default_factory=dict)
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    role: str | None = None
    request: dict[str, object] = field(default_factory=dict)
    only: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()
    tables: Mapping[str, tuple[Layer, ...]] = field(default_factory=dict)

    def for_registry(self, asked: str) -> Settings:
        """Return the settings for the registry asked for, by whichever of its names.

        The table of an alias lies over that of the host it stands for. A request that is to be
        narrowed is narrowed in what this returns.
        """
        called = dict.fromkeys((asked, self.managed(asked) or asked))
        tables = [table for name in called for table in self.tables.get(name, ())]
        if not tables:
            return self
        environment, *files = self.layers
        chosen = chosen_from((environment, *tables, *files))
        named = {key: at for key, at in self.origins.items() if key.startswith("registries")}
        return replace(self, **chosen | {"origins": {**chosen["origins"], **named}})

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


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        Problem: `bad_config` or `not_an_ecr_host`, naming the file or variable and the key.
    """
    user, system = config_files.read(environ)
    places = (layers.of_environment(environ), layers.of_file(user), layers.of_file(system))
    only = next((place.only for place in places if place.only), None)
    aliases: dict[str, Given] = {}
    for place in reversed(places):
        aliases |= place.aliases
    for where in layers.named_nowhere(places, aliases):
        raise bad(where, "is not an ECR host: add `host`, the ECR host that it stands for")
    tables = {
        name: tuple(place.tables[name] for place in places if name in place.tables)
        for name in {name for place in places for name in place.tables}
    }
    general = tuple(place.layer for place in places)
    chosen = chosen_from(general)
    named = {f"registries.{name}": given.origin for name, given in aliases.items()}
    restricted = {"registries": only.origin} if only else {}
    cache_dir = layers.innermost(general).get("cache_dir")
    return Settings(
        config=user.path,
        system_config=system.path,
        cache_dir=cache_dir.value if cache_dir else config_files.default_cache_dir(environ),
        seen={str(file.path): file.seen for file in (user, system)},
        only=only.value if only else frozenset(),
        aliases={name: given.value for name, given in aliases.items()},
        layers=general,
        tables=tables,
        **chosen | {"origins": {**chosen["origins"], **restricted, **named}},
    )


def chosen_from(by_who_wins: Iterable[Layer]) -> dict[str, Any]:
    """Return the settings that layers decide, by the names of their attributes in Settings."""
    found = layers.innermost(by_who_wins)
    value = {key: given.value for key, given in found.items()}
    asked = {"ttl": "ttl_seconds"}
    request = {
        asked.get(key, key): value[key]
        for key in (*layers.SCOPE, "ttl", "grant", "reason")
        if key in value
    }
    return {
        **{key: value.get(key) for key in ("endpoint", "region", "profile", "role")},
        "request": request,
        "origins": {key: given.origin for key, given in found.items()},
    }

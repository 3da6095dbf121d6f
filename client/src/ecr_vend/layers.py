"""The settings as each place gives them: the environment, a file, or a registry's table in one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ecr_vend import hosts
from ecr_vend.setting_values import PARSERS, bad, name_of, registries

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping
    from pathlib import Path

    from ecr_vend.config_files import ConfigFile

KEYS = (
    "endpoint",
    "region",
    "profile",
    "role",
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
TABLE_KEYS = ("host", *(key for key in KEYS if key not in {"registries", "cache_dir"}))
"""What the table of one registry may say."""

SCOPE = ("access", "pull", "push", "pull_through")
"""What together says how much to ask for: one place decides all of it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting stands.

    Attributes:
        source: `environment`, `user` or `system`.
        key: The key, or the variable.
        file: The configuration file, where it is one.
        table: The registry's name as the file spells it, where it is about one.
    """

    source: str
    key: str
    file: Path | None = None
    table: str | None = None

    def __str__(self) -> str:
        """Return it as a sentence names it."""
        if not self.file:
            return self.key
        table = f'[registries."{self.table}"] of ' if self.table else ""
        return f"`{self.key}` in {table}{self.file}"


@dataclass(frozen=True, slots=True)
class Given:
    """A setting as one place gives it: its value, checked, and where it stands."""

    value: Any
    origin: Origin


Layer = dict[str, Given]
"""Key → what is given for it."""


@dataclass(frozen=True, slots=True)
class Place:
    """All that one place says.

    Attributes:
        layer: What it says for all registries, but for `registries`.
        only: The ECR hosts (first names) to which it restricts the helper, or None.
        aliases: Another name → the ECR host (first name) that it stands for.
        tables: A first name or another name → what holds for that registry alone.
        written: The same → where the table stands.
    """

    layer: Layer
    only: Given | None = None
    aliases: Mapping[str, Given] = field(default_factory=dict)
    tables: Mapping[str, Layer] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)


def of_environment(environ: Mapping[str, str]) -> Place:
    """Return what the variables say; an empty one says nothing.

    Raises:
        Problem: A value is wrong; the variable is named.
    """
    given = {
        key: (value, Origin("environment", f"ECR_VEND_{key.upper()}"))
        for key in KEYS
        if (value := environ.get(f"ECR_VEND_{key.upper()}"))
    }
    listed = given.pop("registries", None)
    layer = checked(given)
    return Place(layer) if listed is None else Place(layer, *listed_registries(*listed))


def of_file(file: ConfigFile) -> Place:
    """Return what a configuration file says.

    Raises:
        Problem: A key is unknown or a value wrong; the file, the table and the key are named.
    """
    known(file.keys, KEYS, file.path)
    given = {key: (value, Origin(file.source, key, file.path)) for key, value in file.keys.items()}
    value, origin = given.pop("registries", (None, Origin("", "")))
    layer = checked(given)
    if value is None:
        return Place(layer)
    if not isinstance(value, dict):
        return Place(layer, *listed_registries(value, origin))
    return of_tables(value, origin, layer)


def of_tables(value: Mapping[str, object], origin: Origin, layer: Layer) -> Place:
    """Return what a file with tables of registries says.

    Raises:
        Problem: One is wrong, or two are of one registry.
    """
    aliases: dict[str, Given] = {}
    tables: dict[str, Layer] = {}
    places: dict[str, str] = {}
    for name, content in value.items():
        where = f'[registries."{name}"] in {origin.file}'
        keys = content if isinstance(content, dict) else {"host": content}
        known(keys, TABLE_KEYS, where)
        table = checked({key: (keys[key], replace(origin, key=key, table=name)) for key in keys})
        asked = name_of(name, where)
        registry, host = hosts.parse(asked), table.pop("host", None)
        if registry and (host is None or host.value == registry.host):
            asked = registry.host
        elif host:
            aliases[asked] = host
        if asked in places:
            raise bad(where, f"is the same registry as {places[asked]}: make one table of both")
        places[asked] = where
        tables[asked] = table
    return Place(layer, None, aliases, tables, places)


def listed_registries(value: object, origin: Origin) -> tuple[Given | None, dict[str, Given]]:
    """Return what a list of `HOST` and `ALIAS=HOST` entries restricts to, and its aliases."""
    only, aliases = registries(value, origin)
    return (
        Given(frozenset(only), origin) if only else None,
        {name: Given(host, origin) for name, host in aliases.items()},
    )


def known(keys: Iterable[str], allowed: tuple[str, ...], where: object) -> None:
    """See that every key means something.

    Raises:
        Problem: One does not.
    """
    for key in keys:
        if key not in allowed:
            raise bad(where, f"`{key}` is not a key; the keys are {', '.join(allowed)}")


def checked(given: Mapping[str, tuple[object, Origin]]) -> Layer:
    """Return settings of one place, each checked and none against another.

    Raises:
        Problem: One is wrong.
    """
    layer = {key: Given(PARSERS[key](*found), found[1]) for key, found in given.items()}
    other = next((layer[key] for key in SCOPE[1:] if key in layer), None)
    if "access" in layer and other:
        what = f"not together with {other.origin}: remove one of the two"
        raise bad(layer["access"].origin, what)
    return layer


def innermost(layers: Iterable[Layer]) -> Layer:
    """Return each setting from the first layer that gives it; SCOPE from one layer as a whole."""
    found: Layer = {}
    for layer in layers:
        scoped = any(key in found for key in SCOPE)
        for key, given in layer.items():
            if not (scoped and key in SCOPE):
                found.setdefault(key, given)
    return found


def named_nowhere(all_places: Iterable[Place], aliases: Container[str]) -> Iterator[str]:
    """Yield where each table stands whose name is neither an ECR host's nor an alias."""
    for place in all_places:
        for name, where in place.written.items():
            if name not in aliases and not hosts.parse(name):
                yield where

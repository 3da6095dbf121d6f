"""`ecr-vend config show`: the settings in force, and where each of them comes from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_vend import config_files, hosts, layers, settings
from ecr_vend.command_line import described
from ecr_vend.errors import Problem, clean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from ecr_vend.console import Console
    from ecr_vend.layers import Origin
    from ecr_vend.settings import Settings

DEFAULT: dict[str, object] = {"source": "default"}
WHOSE = {"user": "yours", "system": "this machine's"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as it is shown.

    Attributes:
        value: What is in force, None where nothing is set.
        origin: `source` (`environment`, `user`, `system` or `default`), and as far as it has
            them `variable`, or `file`, `line` and `table`.
    """

    value: object
    origin: Mapping[str, object]

    def place(self) -> str:
        """Return where it comes from, in words."""
        if "variable" in self.origin:
            return str(self.origin["variable"])
        if "file" not in self.origin:
            return "default"
        line = f":{self.origin['line']}" if "line" in self.origin else ""
        return f"{self.origin['file']}{line}"


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "config",
        "show the settings in force, and where each of them comes from",
        examples=[
            "ecr-vend config show --origin",
            "ecr-vend config show --registry 111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "ecr-vend config show --json | jq -r .settings.endpoint.value",
        ],
    )
    parser.add_argument("action", choices=["show"], help="what to do")
    parser.add_argument("--registry", metavar="HOST", help="as they hold for this registry")
    parser.add_argument(
        "--origin", action="store_true", help="name the file and line, or the variable, of each"
    )
    parser.add_argument("--json", action="store_true", help="print them as a JSON document")
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out."""
    found = settings.load(console.environ)
    host = None
    if arguments.registry is not None:
        asked = hosts.bare(arguments.registry)
        host = found.managed(asked) if asked else None
        if not asked or not host:
            raise Problem("not_managed", host=arguments.registry, config=str(found.config))
        found = found.for_registry(asked)
    files = {"user": found.config, "system": found.system_config}
    lines = Lines()
    general = {
        key: Shown(value, lines.origin(found.origins.get(key)))
        for key, value in in_force(found).items()
    }
    tables = {} if host else of_registries(found, lines)
    if arguments.json:
        console.json(
            {
                "registry": host,
                "files": [
                    {"source": source, "path": str(path), "exists": path.exists()}
                    for source, path in files.items()
                ],
                "settings": documents(general),
                "registries": {name: documents(table) for name, table in tables.items()},
            }
        )
        return 0
    for source, path in files.items():
        console.line(clean(f"# {WHOSE[source]}: {path}{'' if path.exists() else ', not there'}"))
    if host:
        console.line(f"# for {host}")
    for text in written(general, origin=arguments.origin):
        console.line(text)
    for name, table in tables.items():
        console.line()
        console.line(f'[registries."{name}"]')
        for text in written(table, origin=arguments.origin):
            console.line(text)
    return 0


def in_force(found: Settings) -> dict[str, object]:
    """Return the value of every key, None where nothing is set."""
    asked: dict[str, object] = {**found.request, "ttl": found.request.get("ttl_seconds")}
    return {
        **{key: asked.get(key) for key in settings.KEYS},
        "endpoint": found.endpoint,
        "region": found.region,
        "profile": found.profile,
        "role": found.role,
        "registries": sorted(found.only) or None,
        "cache_dir": str(found.cache_dir),
    }


def of_registries(found: Settings, lines: Lines) -> dict[str, dict[str, Shown]]:
    """Return what is said of each registry alone, by its first name or alias."""
    tables: dict[str, dict[str, Shown]] = {}
    for name in sorted({*found.aliases, *found.tables}):
        table: dict[str, Shown] = {}
        if host := found.aliases.get(name):
            table["host"] = Shown(host, lines.origin(found.origins[f"registries.{name}"]))
        for key, given in layers.innermost(found.tables.get(name, ())).items():
            table[key] = Shown(given.value, lines.origin(given.origin))
        tables[name] = table
    return tables


def documents(shown: Mapping[str, Shown]) -> dict[str, dict[str, object]]:
    """Return settings as a script reads them."""
    return {key: {"value": one.value, "origin": one.origin} for key, one in shown.items()}


def written(shown: Mapping[str, Shown], *, origin: bool) -> list[str]:
    """Return the lines of the settings that have a value, their origins in a column."""
    lines = {
        # As TOML writes it; escaped where a terminal would take it for more than text.
        f"{key} = {json.dumps(one.value, ensure_ascii=not str(one.value).isprintable())}": one
        for key, one in shown.items()
        if one.value is not None
    }
    if not origin:
        return list(lines)
    width = max(map(len, lines), default=0)
    return [f"{line:{width}}  # {clean(one.place())}" for line, one in lines.items()]


class Lines:
    """Where the keys of the configuration files stand, each file looked at once."""

    def __init__(self) -> None:
        self._found: dict[Path, dict[tuple[str, ...], int]] = {}

    def origin(self, origin: Origin | None) -> Mapping[str, object]:
        """Return an origin as Shown has it."""
        if origin is None:
            return DEFAULT
        if not origin.file:
            return {"source": origin.source, "variable": origin.key}
        if origin.file not in self._found:
            self._found[origin.file] = config_files.lines_of(origin.file)
        keys = ("registries", origin.table, origin.key) if origin.table else (origin.key,)
        lines = self._found[origin.file]
        # The short form of an alias has no `host` of its own.
        line = lines.get(keys) or lines.get(keys[:-1])
        return {
            "source": origin.source,
            "file": str(origin.file),
            **({"line": line} if line else {}),
            **({"table": origin.table} if origin.table else {}),
        }

"""`ecr-vend cache`: the tokens that are kept, and how to drop them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ecr_vend import ready, registries
from ecr_vend.cache import Cache
from ecr_vend.command_line import described
from ecr_vend.moments import iso, until
from ecr_vend.settings import load

if TYPE_CHECKING:
    import argparse

    from ecr_vend.console import Console


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "cache",
        "list the tokens that are kept, or drop them",
        examples=[
            "ecr-vend cache list",
            "ecr-vend cache clear",
            "ecr-vend cache clear 111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        ],
    )
    parser.add_argument("action", choices=("list", "clear"), help="what to do")
    parser.add_argument("host", metavar="HOST", nargs="?", help="the tokens of this registry only")
    parser.add_argument("--json", action="store_true", help="print a JSON object for a script")
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out."""
    environ = console.environ
    settings = load(environ)
    wanted = registries.named(arguments.host, settings) if arguments.host else None
    cache = Cache(settings.cache_dir, environ, make=False)
    if not cache.usable and cache.folder.exists():
        console.note(
            f"ecr-vend: warning: {cache.folder} is not used: it is not a folder that only you can "
            "enter (chmod 700)"
        )
    entries, others = cache.entries()
    if wanted:
        entries, others = [entry for entry in entries if entry.host == wanted.host], 0
    now = time.time()
    if arguments.action == "list":
        if arguments.json:
            console.json(
                {
                    "folder": str(cache.folder),
                    "tokens": [
                        {
                            "registry": entry.host,
                            "fetched_at": iso(entry.fetched),
                            "renewed_at": iso(entry.refresh),
                            "expires_at": iso(entry.expires),
                            "bytes": entry.size,
                        }
                        for entry in entries
                    ],
                    "other_files": others,
                }
            )
            return 0
        for entry in entries:
            console.line(f"{entry.host} until {until(entry.expires, now)}, {entry.size} bytes")
        if others:
            console.line(f"{others} damaged, or of another version")
        if not entries and not others:
            console.line("No token is kept")
        return 0
    if wanted:
        # In this order: an entry for the front is written only while the cache has its token.
        cache.erase(wanted.host)
        ready.erase(settings.cache_dir, settings.managed, wanted.host)
        cleared = len(entries)
    else:
        from ecr_vend import config_folder

        cleared = cache.clear()
        # Tokens, too: the folders of `exec` whose machine or container was stopped at once.
        config_folder.sweep(config_folder.parent(environ))
    if arguments.json:
        console.json({"folder": str(cache.folder), "cleared": cleared})
    else:
        console.line(f"{cleared} token{'' if cleared == 1 else 's'} dropped")
    return 0

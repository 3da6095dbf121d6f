"""`ecr-vend login`: get a token now, and see that the registry takes it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ecr_vend import registries, registry_configs, tokens
from ecr_vend.command_line import described
from ecr_vend.errors import Problem
from ecr_vend.moments import iso, until
from ecr_vend.settings import load

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from ecr_vend.console import Console


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "login",
        "get a token for a registry now, and see that the registry takes it",
        examples=["ecr-vend login 111122223333.dkr.ecr.eu-west-1.amazonaws.com"],
    )
    parser.add_argument("host", metavar="HOST", help="the registry, by any of its names")
    parser.add_argument("--json", action="store_true", help="print a JSON object for a script")
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out."""
    from ecr_vend.registry_check import verify

    environ = console.environ
    registry = registries.named(arguments.host, load(environ))
    token = tokens.obtain(registry, environ)
    try:
        verify(registry.name, token.password, environ)
        verified = True
    except Problem as problem:
        if problem.code == "registry_refused":
            raise
        # Not asked is not refused: the token is there, and docker will find out.
        console.note(str(problem))
        verified = False
    configured = configured_for(registry.name, environ)
    if arguments.json:
        console.json(
            {
                "registry": registry.name,
                "expires_at": iso(token.expires),
                "verified": verified,
                "docker_configured": configured,
            }
        )
        return 0
    taken = ", and the registry takes it" if verified else ""
    console.line(
        f"There is a token for {registry.name} until {until(token.expires, time.time())}{taken}"
    )
    if not configured:
        console.line(
            f"docker does not ask for it yet: ecr-vend configure --registry {registry.name}"
        )
    return 0


def configured_for(name: str, environ: Mapping[str, str]) -> bool:
    """Return whether docker asks this helper for a registry's credential.

    Raises:
        Problem: docker's configuration file is broken.
    """
    path = registry_configs.docker_config(environ)
    document = registry_configs.read(path) or {}
    helpers = registry_configs.table(document, "credHelpers", path)
    # docker takes the entry of exactly this name, and the store only where there is none.
    helper = helpers.get(name, document.get("credsStore"))
    return bool(helper == registry_configs.HELPER)

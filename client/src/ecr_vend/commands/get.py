"""`ecr-vend get`: a registry's credential, in the form its reader wants."""

from __future__ import annotations

import base64
import json
import shlex
from typing import TYPE_CHECKING, Any

from ecr_vend import registries, tokens
from ecr_vend.command_line import described
from ecr_vend.moments import iso
from ecr_vend.settings import load

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from ecr_vend.cache import Token
    from ecr_vend.console import Console

USER = "AWS"


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "get",
        "print a registry's credential",
        examples=[
            "ecr-vend get HOST --format password | oras login -u AWS --password-stdin HOST",
            'eval "$(ecr-vend get HOST --format env)"',
            "ecr-vend get HOST --format dockerconfigjson >config.json",
        ],
    )
    parser.add_argument("host", metavar="HOST", help="the registry, by any of its names")
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="docker",
        help="the form; docker: as a credential helper answers; json: with the expiry; env: "
        "export lines for a shell; password: alone; dockerconfigjson: a configuration file that "
        "holds it (default: docker)",
    )
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out."""
    registry = registries.named(arguments.host, load(console.environ))
    token = tokens.obtain(registry, console.environ)
    console.line(FORMATS[arguments.format](registry.name, token))
    return 0


def docker(name: str, token: Token) -> str:
    """Return what a credential helper prints."""
    password = token.password.reveal()
    return compact({"ServerURL": name, "Username": USER, "Secret": password})


def document(name: str, token: Token) -> str:
    """Return a JSON object with the expiry."""
    answer = {
        "registry": name,
        "username": USER,
        "password": token.password.reveal(),
        "expires_at": iso(token.expires),
    }
    return json.dumps(answer, indent=2)


def exports(name: str, token: Token) -> str:
    """Return lines that a POSIX shell evaluates."""
    values = {
        "REGISTRY_HOST": name,
        "REGISTRY_USERNAME": USER,
        "REGISTRY_PASSWORD": token.password.reveal(),
        "REGISTRY_EXPIRES_AT": iso(token.expires),
    }
    return "\n".join(f"export {key}={shlex.quote(value)}" for key, value in values.items())


def password(_: str, token: Token) -> str:
    """Return the password alone."""
    return token.password.reveal()


def docker_config(name: str, token: Token) -> str:
    """Return a docker configuration file that holds the credential and nothing else."""
    pair = f"{USER}:{token.password.reveal()}"
    return compact({"auths": {name: {"auth": base64.b64encode(pair.encode()).decode()}}})


def compact(answer: object) -> str:
    """Return JSON on one line."""
    return json.dumps(answer, separators=(",", ":"))


FORMATS: dict[str, Callable[[str, Token], str]] = {
    "docker": docker,
    "json": document,
    "env": exports,
    "password": password,
    "dockerconfigjson": docker_config,
}
"""Name → what prints a credential that way."""

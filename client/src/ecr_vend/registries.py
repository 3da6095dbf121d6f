"""The registries that a command is for, and a token for each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_vend import hosts, tokens
from ecr_vend.errors import Problem
from ecr_vend.registry_configs import docker_config, read, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_vend.cache import Token
    from ecr_vend.settings import Settings

HELPER = "ecr-vend"
"""What the helper is called in `credHelpers`."""


def chosen(
    given: Sequence[str] | None, settings: Settings, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the registries a command is for: name as registry clients use it → first name.

    Args:
        given: What the person named, or None for all that the settings and docker's `credHelpers`
            name.
        settings: The settings.
        environ: The process environment.

    Raises:
        Problem: `not_managed`, `no_registries`, or docker's configuration is broken.
    """
    found: dict[str, str] = {}
    for name in given or named(settings, environ):
        asked = hosts.bare(name)
        host = settings.managed(asked) if asked else None
        if asked and host:
            found[asked] = host
        elif given:
            raise Problem("not_managed", host=name, config=str(settings.config))
    if not found:
        raise Problem("no_registries", config=str(settings.config))
    return found


def named(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Return the registries that the settings, or docker's configuration, leave to this helper.

    Raises:
        Problem: Docker's configuration is broken.
    """
    path = docker_config(environ)
    helpers = table(read(path) or {}, "credHelpers", path)
    ours = {key for key, helper in helpers.items() if helper == HELPER}
    return sorted({*settings.only, *settings.aliases, *settings.tables, *ours})


def token_for(
    asked: str,
    host: str,
    settings: Settings,
    environ: Mapping[str, str],
    repositories: Sequence[str] = (),
) -> Token:
    """Return a token for a registry.

    Args:
        asked: Its name as registry clients use it.
        host: Its first name.
        settings: The settings.
        environ: The process environment.
        repositories: What it is for, where it is to be for less than the settings say.

    Raises:
        Problem: There is none.
    """
    wanted = settings.for_registry(asked)
    if repositories:
        wanted = replace(wanted, request=narrowed(wanted.request, repositories))
    return tokens.obtain(host, wanted, environ, asked=asked)


def narrowed(request: Mapping[str, object], repositories: Sequence[str]) -> dict[str, object]:
    """Return a request for these repositories, each with the access that the settings ask for it.

    That is the one whose list names it, else `access`, else pull.
    """
    kept = {key: request[key] for key in ("ttl_seconds", "grant", "reason") if key in request}
    general = str(request.get("access", "pull")).replace("-", "_")
    wanted: dict[str, list[str]] = {}
    for name in repositories:
        lists = {kind: request.get(kind) for kind in ("push", "pull_through", "pull")}
        kinds = [kind for kind, names in lists.items() if isinstance(names, list) and name in names]
        wanted.setdefault([*kinds, general][0], []).append(name)
    return {**wanted, **kept}

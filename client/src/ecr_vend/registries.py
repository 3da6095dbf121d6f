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
    return sorted({*settings.only, *settings.aliases, *ours})


def token_for(
    asked: str, host: str, settings: Settings, environ: Mapping[str, str], pull: str | None = None
) -> Token:
    """Return a token for a registry.

    Args:
        asked: Its name as registry clients use it.
        host: Its first name.
        settings: The settings.
        environ: The process environment.
        pull: The one repository it is for, where it is to be for one alone.

    Raises:
        Problem: There is none.
    """
    wanted = settings.for_registry(asked)
    if pull:
        wanted = replace(wanted, request=narrowed(wanted.request, pull))
    return tokens.obtain(host, wanted, environ)


def narrowed(request: Mapping[str, object], repository: str) -> dict[str, object]:
    """Return a request for one repository: as the settings ask for it, else for pulling."""
    for kind in ("push", "pull_through", "pull"):
        listed = request.get(kind)
        if isinstance(listed, list) and repository in listed:
            break
    else:
        access = str(request.get("access", "pull"))
        kind = access.replace("-", "_")
    kept = {key: request[key] for key in ("ttl_seconds", "grant", "reason") if key in request}
    return {kind: [repository], **kept}

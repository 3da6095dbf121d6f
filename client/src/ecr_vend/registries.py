"""The registries that a call is for, by whichever name it has for them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ecr_vend import hosts
from ecr_vend.config_files import config_path, content_of, system_config_path
from ecr_vend.errors import Problem
from ecr_vend.settings import load

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ecr_vend.settings import Settings

ACCESS = ("push", "pull_through", "pull")
"""The lists of repositories in a request, the one with the most access first."""

PULLING = ("pull_through", "pull")

ALWAYS = ("ttl_seconds", "grant", "reason")
"""What a request has whichever repositories it is for."""


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry this helper answers for.

    Attributes:
        name: The host as it was asked for, `host` or `host:port` in lower case; an alias stays one.
        host: The first name of the ECR registry it stands for.
        settings: The settings that hold for it.
    """

    name: str
    host: str
    settings: Settings

    def narrowed(self, repositories: Collection[str], access: Sequence[str] = ACCESS) -> Registry:
        """Return it with a request for these repositories alone; for none, as it is.

        Each has the access of the list in the settings that names it, else what the settings ask
        for in general, else pull; none has any access but `access`.
        """
        if not repositories:
            return self
        request = self.settings.request
        general = str(request.get("access", "pull")).replace("-", "_")
        usual = general if general in access else "pull"
        lists: dict[str, list[str]] = {}
        for repository in repositories:
            named = [kind for kind in access if repository in listed(request, kind)]
            lists.setdefault([*named, usual][0], []).append(repository)
        kept = {key: request[key] for key in ALWAYS if key in request}
        return replace(self, settings=replace(self.settings, request={**lists, **kept}))


def listed(request: Mapping[str, object], kind: str) -> Collection[object]:
    """Return the repositories of one of a request's lists."""
    names = request.get(kind)
    return names if isinstance(names, list) else ()


def managed(name: str | None, settings: Settings | None) -> Registry | None:
    """Return the registry of a name as `hosts.bare` gives it; None when we have no word to say."""
    host = settings.managed(name) if settings and name else None
    if not settings or not name or not host:
        return None
    return Registry(name, host, settings.for_registry(name))


def answered(name: str | None, environ: Mapping[str, str]) -> Registry | None:
    """Return the registry that a protocol asks about; None when we have no word to say.

    A mistake in our configuration must not stop the pulls from everybody else's registries.

    Raises:
        Problem: The settings are broken, and this registry is their business.
    """
    try:
        return managed(name, load(environ))
    except Problem:
        if not name or (not hosts.parse(name) and not mentioned(name, environ)):
            return None
        raise


def mentioned(host: str, environ: Mapping[str, str]) -> bool:
    """Return whether settings that cannot be understood mention a host, as an alias does."""
    words = environ.get("ECR_VEND_REGISTRIES", "")
    for path in (config_path(environ), system_config_path(environ)):
        with contextlib.suppress(Problem):
            words += f" {content_of(path, trusted=False).decode(errors='replace')}"
    return host in words.lower()


def named(text: str, settings: Settings) -> Registry:
    """Return the registry that a person names: a host, an alias, a URL or an image's name.

    Raises:
        Problem: `not_managed`: it is no business of this helper.
    """
    registry = managed(hosts.bare(text), settings)
    if not registry:
        raise Problem("not_managed", host=text, config=str(settings.config))
    return registry


def chosen(
    given: Sequence[str] | None, settings: Settings, environ: Mapping[str, str]
) -> list[Registry]:
    """Return the registries a command is for, each name once.

    Args:
        given: What the person named, or None for all that the settings and docker's `credHelpers`
            name.
        settings: The settings.
        environ: The process environment.

    Raises:
        Problem: `not_managed`, `no_registries`, or docker's configuration is broken.
    """
    if given:
        found = [named(text, settings) for text in given]
    else:
        names = [hosts.bare(text) for text in left_to_us(settings, environ)]
        found = [registry for name in names if (registry := managed(name, settings))]
    if not found:
        raise Problem("no_registries", config=str(settings.config))
    return list({registry.name: registry for registry in found}.values())


def left_to_us(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Return the registries that the settings, or docker's configuration, leave to this helper.

    Raises:
        Problem: Docker's configuration is broken.
    """
    # Only here: the protocols never look at docker's configuration.
    from ecr_vend.registry_configs import HELPER, docker_config, read, table

    path = docker_config(environ)
    helpers = table(read(path) or {}, "credHelpers", path)
    ours = {key for key, helper in helpers.items() if helper == HELPER}
    return sorted({*settings.only, *settings.aliases, *settings.tables, *ours})

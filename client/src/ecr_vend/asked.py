"""The registry that a command is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_vend import hosts
from ecr_vend.errors import Problem
from ecr_vend.settings import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_vend.settings import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """A registry this helper answers for.

    Attributes:
        name: The host as it was asked for, `host` or `host:port` in lower case; an alias stays one.
        host: The first name of the ECR registry it stands for.
        settings: The settings that hold for it.
    """

    name: str
    host: str
    settings: Settings


def registry(text: str, environ: Mapping[str, str]) -> Asked:
    """Return the registry that `text` names: a host, an alias, a URL or an image's name.

    Raises:
        Problem: The settings are wrong, or it is no business of this helper.
    """
    settings = load(environ)
    name = hosts.bare(text)
    host = settings.managed(name) if name else None
    if not name or not host:
        raise Problem("not_managed", host=text, config=str(settings.config))
    return Asked(name, host, settings.for_registry(name))

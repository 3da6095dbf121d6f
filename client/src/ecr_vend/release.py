"""Which release this program is, and how releases compare."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import resources

from ecr_vend import __version__

WRITTEN = "release.json"
"""The file beside this one that a build writes; a checkout has none."""

OLDEST_SERVICE = "0.1.0"
"""The oldest service that understands all this client asks."""

NUMBERS = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})(?![0-9])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Release:
    """What this program was built from.

    Attributes:
        version: For instance `1.2.0`.
        commit: The source's, with `-dirty` behind it where it was changed; empty when unknown.
        build: What was built, for instance `wheel any`; `checkout` where nothing was.
    """

    version: str
    commit: str
    build: str


def current() -> Release:
    """Return the release that runs."""
    try:
        written = json.loads(resources.files("ecr_vend").joinpath(WRITTEN).read_text("utf-8"))
        return Release(__version__, str(written["commit"]), str(written["build"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Release(__version__, "", "checkout")


def older(version: str, other: str) -> bool:
    """Return whether `version` comes before `other`; what is no version is never older."""
    one, two = NUMBERS.match(version), NUMBERS.match(other)
    return bool(one and two) and _key(one) < _key(two)


def _key(match: re.Match[str] | None) -> tuple[int, ...]:
    return tuple(map(int, match.groups())) if match else ()

"""The order of versions, and what follows from it: which tags move when one becomes stable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FORM = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:(a|b|rc)(\d+))?")
LATEST, NEXT = "latest", "next"

Order = tuple[int, int, int, str, int]


def order(version: str) -> Order | None:
    """Return what to sort a version by, None of what is none; `1.2.0rc1` comes before `1.2.0`."""
    if not (found := FORM.fullmatch(version)):
        return None
    # "z" comes after a, b and rc: the version itself is newer than what led to it.
    return int(found[1]), int(found[2]), int(found[3]), found[4] or "z", int(found[5] or 0)


def known(tags: Iterable[str]) -> list[str]:
    """Return the versions among some tags, the oldest first."""
    named = ((order(tag.removeprefix("v")), tag.removeprefix("v")) for tag in tags)
    return [version for key, version in sorted((key, name) for key, name in named if key)]


def is_final(version: str) -> bool:
    """Return whether a version may become stable: one with `rc1` behind it stays in `next`."""
    return (key := order(version)) is not None and key[3] == "z"


def newest(versions: Iterable[str], series: str = "") -> str | None:
    """Return the newest version of a series, `1` or `1.2`; of all where none is named."""
    fitting = [one for one in known(versions) if not series or one.startswith(f"{series}.")]
    return fitting[-1] if fitting else None


def series(version: str) -> dict[str, str]:
    """Return the image tags that follow a stable version, with the series that each is the end of.

    >>> series("1.2.0")
    {'latest': '', '1': '1', '1.2': '1.2'}
    """
    major, minor, _ = version.split(".", 2)
    return {LATEST: "", major: major, f"{major}.{minor}": f"{major}.{minor}"}


def moving(version: str, stable: Iterable[str]) -> list[str]:
    """Return the tags that come to a version that becomes stable beside others.

    A correction of an older series takes that series' tags and leaves `latest` where it is.
    """
    all_of_them = [*stable, version]
    return [tag for tag, of in series(version).items() if newest(all_of_them, of) == version]

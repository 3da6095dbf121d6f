"""What the changelog says of a version."""

from __future__ import annotations

import re

from tools.environments import Missing


def section(changelog: str, version: str) -> str:
    """Return the text under `## [VERSION] - DATE`.

    Raises:
        Missing: There is none, or it is empty.
    """
    heading = re.compile(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", re.MULTILINE)
    if not (found := heading.search(changelog)):
        raise Missing(
            f"CHANGELOG.md has no section `## [{version}] - YYYY-MM-DD`: what is under Unreleased"
            " goes there"
        )
    rest = changelog[found.end() :]
    text = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not text:
        raise Missing(f"CHANGELOG.md says nothing of {version}")
    return text + "\n"

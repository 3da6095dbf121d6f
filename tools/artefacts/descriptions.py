"""What tells Homebrew and Scoop where a release's files are and what digests they have.

Each is a template in `client/packaging`, filled with the version and with the digests of the very
files that are built beside it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tools.environments import ROOT, Missing
from tools.release import sums
from tools.release.version import version

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATES = (
    ROOT / "client/packaging/homebrew/ecr-vend.rb",
    ROOT / "client/packaging/scoop/ecr-vend.json",
)
ENDINGS = tuple(template.suffix for template in TEMPLATES)


def build(folder: Path) -> list[Path]:
    """Write each into `folder`, where the artefacts are that it names.

    Raises:
        Missing: An artefact is not there.
    """
    made = []
    for template in TEMPLATES:
        text = template.read_text("utf-8").replace("@VERSION@", version())
        path = folder / template.name
        path.write_text(re.sub(r"@SHA256 ([^@]+)@", lambda found: _digest(folder / found[1]), text))
        made.append(path)
    return made


def _digest(artefact: Path) -> str:
    try:
        return sums.digest(artefact)
    except FileNotFoundError:
        raise Missing(f"{artefact.name} is not built yet, and is to be described") from None

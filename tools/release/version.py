"""What every artefact says of itself: the version, which stands in one place, and the commit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.environments import ROOT, Missing

ONE_PLACE = ROOT / "client/src/ecr_vend/__init__.py"
"""Where the version stands, for the client and the service alike."""


def version() -> str:
    """Return the version, for instance `1.2.0`.

    Raises:
        Missing: It does not stand where it should.
    """
    pattern = r'^__version__ = "([0-9]+\.[0-9]+\.[0-9]+[a-z0-9.]*)"$'
    if not (found := re.search(pattern, ONE_PLACE.read_text(), re.MULTILINE)):
        raise Missing(f"{ONE_PLACE.relative_to(ROOT)} does not say __version__ = ...")
    return found[1]


def commit() -> str:
    """Return the commit that the work tree is at, `-dirty` behind it where files differ.

    Empty outside of a checkout, and where there is no git.
    """
    return _git("describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")


def epoch() -> str:
    """Return the time to put into artefacts, in seconds: SOURCE_DATE_EPOCH, or the commit's.

    A fixed one outside of a checkout. See https://reproducible-builds.org/specs/source-date-epoch/.
    """
    return os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct") or "1577836800"


def module() -> str:
    """Return the text that takes the place of `vending/release.py` in a bundle."""
    return (
        '"""Which release this is, as the builder of the bundle wrote it."""\n\n'
        f'VERSION = "{version()}"\nCOMMIT = "{commit()}"\n'
    )


def _git(*words: str) -> str:
    """Return what git prints, empty where it cannot say."""
    try:
        done = subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

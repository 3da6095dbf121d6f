"""What Debian's policy wants beside a program: its changes, and the licences of all inside."""

from __future__ import annotations

import re
import textwrap
from datetime import UTC, datetime
from email.parser import HeaderParser
from email.utils import format_datetime
from typing import TYPE_CHECKING

from tools.environments import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHANGES = ROOT / "CHANGELOG.md"
CONTROL = ROOT / "client/packaging/debian/control"
TEXTS = re.compile(r"(LICEN[CS]E|COPYING|NOTICE)", re.IGNORECASE)
WIDTH = 80
APACHE = "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION"
"""What stands in the whole Apache-2.0, which Debian has in one place for all."""


def licences(folder: Path) -> str:
    """Return what the packages in `folder` say of their licences, in full.

    Raises:
        ValueError: One brings no licence.
    """
    return "".join(
        text for package in sorted(folder.glob("*.dist-info")) for text in _licence(package)
    )


def _licence(package: Path) -> Iterator[str]:
    said = HeaderParser().parsestr((package / "METADATA").read_text("utf-8"))
    called = said["License-Expression"] or said["License"] or "see below"
    yield f"\n\n{said['Name']} {said['Version']}\nLicense: {called}\n"
    texts = sorted(path for path in package.rglob("*") if path.is_file() and TEXTS.match(path.name))
    if not texts:
        raise ValueError(f"{package.name} brings no licence, which its users must be given")
    for path in texts:
        text = path.read_text("utf-8")
        if APACHE in text:
            text = "On Debian systems it is in /usr/share/common-licenses/Apache-2.0\n"
        yield f"\n{path.name}:\n\n{textwrap.indent(text, '  ').rstrip()}\n"


def changelog(release: str, debian: str, at: int) -> str:
    """Return the changes of a release as deb-changelog(5) has them.

    Args:
        release: The version as CHANGELOG.md has it; what is unreleased, where it has none.
        debian: The version in Debian's form.
        at: When it was made, in seconds.
    """
    listed = _section(release) or _section("Unreleased")
    items = re.findall(r"^- (.*(?:\n  .*)*)", listed, re.MULTILINE)
    lines = [
        textwrap.fill(
            " ".join(item.split()),
            WIDTH,
            initial_indent="  * ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for item in items
    ]
    (maintainer,) = re.findall(r"^Maintainer: (.*)$", CONTROL.read_text("utf-8"), re.MULTILINE)
    when = format_datetime(datetime.fromtimestamp(at, UTC))
    head = f"ecr-vend ({debian}) stable; urgency=medium"
    return "\n".join([head, "", *lines, "", f" -- {maintainer}  {when}"]) + "\n"


def _section(title: str) -> str:
    """Return what stands in CHANGELOG.md below `## [title]`, empty where there is no such line."""
    found = re.search(
        rf"^## \[{re.escape(title)}\].*\n((?:(?!## ).*\n?)*)",
        CHANGES.read_text("utf-8"),
        re.MULTILINE,
    )
    return found[1] if found else ""

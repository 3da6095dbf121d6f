"""`make report-pictures`: the pictures of the audit report in docs/auditing.md."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_vend.report.page import page
from tools.browser import Browser, installed, running
from tools.report_pictures.sample import report

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs"
WIDTH = 1120
PARTS = {
    "report-light.png": (False, "", "repository"),
    "report-dark.png": (True, "push", "grants"),
}
"""Picture → whether it is dark, from which section on (empty: the top), and before which other."""


def pictures(browser: Browser) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each picture."""
    browser.size(WIDTH, 800)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        file.write_text(page(report()))
        browser.open(file)
        for name, (dark, first, after) in PARTS.items():
            browser.media(dark=dark)
            top, end = (top_of(browser, one) for one in (first, after))
            yield name, browser.picture(top=top, height=end - top, width=WIDTH)


def top_of(browser: Browser, section: str) -> int:
    """Return where a section begins, in pixels."""
    if not section:
        return 0
    return int(browser.value(f"document.getElementById('{section}').offsetTop"))


if __name__ == "__main__":
    program = installed()
    if program is None:
        sys.exit(
            "A Chromium is needed and none was found on PATH (Debian: apt-get install chromium)"
        )
    with running(program) as opened:
        for name, content in pictures(opened):
            (FOLDER / name).write_bytes(content)
            print(f"wrote docs/{name}: {len(content):,} bytes")

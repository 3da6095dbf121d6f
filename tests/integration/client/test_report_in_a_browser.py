"""The audit report in a real Chromium: it runs nothing, and everybody can read it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ecr_vend.report.page import page
from tests.client.hostile import HOSTILE, could_by, written
from tests.tools_at_hand import require_tool
from tools import browser as browsers
from tools.report_pictures import sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.browser import Browser

SCRIPTS = (
    "<script>document.title='run'</script>"
    "<img src='x' onerror=\"document.title='run'\">"
    "<svg onload=\"document.title='run'\"></svg>"
    "<iframe srcdoc=\"<script>parent.document.title='run'</script>\"></iframe>"
    "<p onmouseover=\"document.title='run'\" style='color:red' id='styled'>x</p>"
)
"""What would run if it ever became part of a page that had no policy."""

CONTRASTS = r"""
(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(one => one / 255)
    .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = one => {
    for (; one; one = one.parentElement) {
      const found = getComputedStyle(one).backgroundColor;
      if (rgb(found)[3] === 255) return found;
    }
    return getComputedStyle(document.body).backgroundColor;
  };
  const ratio = (one, two) => {
    const [dark, bright] = [light(rgb(one)), light(rgb(two))].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const found = {};
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || one.closest('style,title,desc')) continue;
    const style = getComputedStyle(one), svg = one.namespaceURI.endsWith('svg');
    const kind = `${one.localName}.${one.getAttribute('class') || ''}`;
    const now = ratio(svg ? style.fill : style.color, behind(one));
    found[kind] = Math.min(found[kind] ?? 99, now);
  }
  for (const one of document.querySelectorAll('svg [class]')) {
    const style = getComputedStyle(one), kind = one.getAttribute('class');
    if (!['issued', 'refused', 'failed', 'unfinished'].includes(kind)) continue;
    const colour = kind === 'issued' || kind === 'failed' ? style.fill : style.stroke;
    found[`bar ${kind}`] = ratio(colour, getComputedStyle(document.body).backgroundColor);
  }
  return found;
})()
"""
"""The least contrast of the words in each kind of element, and of the bars. Source: WCAG 2.2, 1.4.3
and 1.4.11."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = browsers.installed() or str(require_tool("chromium"))
    with browsers.running(program) as opened:
        opened.size(1000, 800)
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of the sample."""
    return put(tmp_path_factory, page(sample.report()))


def put(folders: pytest.TempPathFactory, text: str) -> Path:
    path = folders.mktemp("page") / "report.html"
    path.write_text(text)
    return path


def refused_by_policy(browser: Browser) -> list[str]:
    """Return what the browser says that the page's policy stopped."""
    entries = [told["entry"]["text"] for told in browser.told("Log.entryAdded")]
    return [text for text in entries if "Content Security Policy" in text]


def settled(browser: Browser) -> None:
    """Wait until what had been begun is done."""
    browser.value("new Promise(done => setTimeout(done, 200))")


def test_the_page_is_shown_as_it_is_without_a_request_or_a_word_on_the_console(
    browser: Browser, report: Path
) -> None:
    browser.open(report)
    asked = [one["request"]["url"] for one in browser.told("Network.requestWillBeSent")]
    assert asked == [report.as_uri()]
    assert browser.told("Log.entryAdded") == []
    # … and its style is in force: the policy's hash is of the very text.
    assert browser.value("getComputedStyle(document.querySelector('.number')).textAlign") == "right"


def test_a_script_that_got_into_the_page_does_not_run(
    browser: Browser, report: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = report.read_text().replace("<main>", f"<main>{SCRIPTS}")
    browser.open(put(tmp_path_factory, text))
    settled(browser)
    assert browser.value("document.title").startswith("Audit report")
    assert len(refused_by_policy(browser)) >= 4
    assert browser.value("getComputedStyle(document.querySelector('#styled')).color") != (
        "rgb(255, 0, 0)"
    )
    # Without the policy it would have: the test can fail.
    without = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    browser.open(put(tmp_path_factory, without))
    settled(browser)
    assert browser.value("document.title") == "run"


def test_what_callers_wrote_becomes_no_element_and_runs_nothing(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    records = [written(text, number) for number, text in enumerate(HOSTILE)]
    could = [could_by(text) for text in HOSTILE]
    hostile = replace(sample.report(records), could=could)
    # Without its policy, so that escaping alone has to do.
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page(hostile))
    browser.open(put(tmp_path_factory, text))
    settled(browser)
    assert browser.value("document.title").startswith("Audit report")
    assert browser.value("document.querySelectorAll('script,img,iframe,object,b').length") == 0
    asked = [one["request"]["url"] for one in browser.told("Network.requestWillBeSent")]
    assert len(asked) == 1
    # However long a word is, the page does not grow wider than the window.
    assert browser.value("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_word_and_bar_can_be_told_from_what_is_behind_it(
    dark: bool, browser: Browser, report: Path
) -> None:
    browser.media(dark=dark)
    browser.open(report)
    assert browser.value("matchMedia('(prefers-color-scheme: dark)').matches") is dark
    found = browser.value(CONTRASTS)
    assert len(found) > 12
    assert {kind: ratio for kind, ratio in found.items() if ratio < needed(kind)} == {}


def needed(kind: str) -> float:
    """Return the contrast that WCAG asks for at level AA."""
    return 3.0 if kind.startswith("bar ") else 4.5


def test_light_and_dark_are_two(browser: Browser, report: Path) -> None:
    browser.open(report)
    grounds = set()
    for dark in (False, True):
        browser.media(dark=dark)
        grounds.add(browser.value("getComputedStyle(document.body).backgroundColor"))
    assert grounds == {"rgb(255, 255, 255)", "rgb(20, 23, 26)"}


def test_what_a_screen_reader_is_told_has_names(browser: Browser, report: Path) -> None:
    browser.media()
    browser.open(report)
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    named: dict[str, list[str]] = {}
    for node in nodes:
        if not node.get("ignored"):
            name = str(node.get("name", {}).get("value", ""))
            named.setdefault(str(node["role"]["value"]), []).append(name)
    assert "Vends over time" in named["image"]
    assert "Contents" in named["navigation"]
    assert len(named["table"]) > 50
    for role in (
        "image",
        "table",
        "region",
        "link",
        "heading",
        "columnheader",
        "DisclosureTriangle",
    ):
        assert named[role], role
        assert [name for name in named[role] if not name.strip()] == [], role


def test_the_keyboard_reaches_what_is_wider_than_the_window_and_sees_where_it_is(
    browser: Browser, report: Path
) -> None:
    browser.open(report)
    browser.call(
        "Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9
    )
    assert browser.value("document.activeElement.textContent") == "At a glance"
    assert browser.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    scrolls = "[...document.querySelectorAll('.wide')].filter(one => one.tabIndex !== 0).length"
    assert browser.value(scrolls) == 0


def test_a_narrow_window_shows_it_all(browser: Browser, report: Path) -> None:
    browser.size(360, 700)
    browser.open(report)
    wide = browser.value("document.documentElement.scrollWidth")
    browser.size(1000, 800)
    assert wide <= 360


def test_in_print_it_is_black_on_white_and_says_what_it_leaves_out(
    browser: Browser, report: Path
) -> None:
    browser.open(report)
    browser.media(dark=True, printed=True)
    body = "getComputedStyle(document.body)"
    assert browser.value(f"[{body}.color, {body}.backgroundColor]") == [
        "rgb(0, 0, 0)",
        "rgb(255, 255, 255)",
    ]
    shown = "getComputedStyle(document.querySelector('{}')).display"
    assert browser.value(shown.format("#records")) == "none"
    assert browser.value(shown.format(".printed")) == "block"
    browser.media()
    assert browser.value(shown.format(".printed")) == "none"
    printed = browser.pdf()
    assert printed.startswith(b"%PDF-")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 15

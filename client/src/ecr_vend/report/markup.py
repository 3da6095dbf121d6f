"""HTML and SVG that cannot hold what a caller wrote as anything but text.

`Html` is markup; every other string that is put into an element or an attribute is escaped. So what
somebody forgets to mark shows as text, and never the other way round.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 300
"""Letters of one string that a page shows where nobody says otherwise."""

LONGEST = 2000
"""Letters of one field of a vend, and of a command."""

EMPTY = frozenset({"meta", "rect", "path", "line", "circle"})
"""Elements without content, of HTML and of SVG; HTML ignores the slash that SVG needs."""


class Html(str):
    """Markup that was made here, and is put into other markup as it is."""

    __slots__ = ()


Content = str | None
"""What an element may have: `Html` as it is, any other string escaped, None left out."""


def element(name: str, *content: Content, **attributes: str | float | None) -> Html:
    """Return an element.

    Args:
        name: Of the element.
        content: What it holds.
        attributes: A trailing `_` is dropped and an inner one is a hyphen: `class_`, `aria_label`.
            One that is None is left out.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(written(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in EMPTY:
        return Html(f"<{name}{said}/>")
    return Html(f"<{name}{said}>{joined(content)}</{name}>")


def joined(content: Iterable[Content], between: str = "") -> Html:
    """Return pieces one after the other, with markup `between` them."""
    return Html(
        between.join(
            one if isinstance(one, Html) else escape(shown(one))
            for one in content
            if one is not None
        )
    )


def written(value: str | float) -> str:
    """Return an attribute's value as it is written, a number with two decimals at most."""
    return shown(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def shown(text: str) -> str:
    """Return text in which every letter is seen: `⟨U+202E⟩` for one that is not.

    A control could end the text for some readers (NUL), or turn around what stands beside it (the
    bidirectional ones), and an auditor shall see that somebody tried. Letters of scripts that are
    written from right to left stay; `told` keeps them to themselves.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter == "\n" else f"⟨U+{ord(letter):04X}⟩"
        for letter in text
    )


def told(text: str, most: int = MOST) -> Html:
    """Return what a caller may have written: bounded, in a direction of its own, on one line."""
    line = text.replace("\n", "⟨U+000A⟩")
    if len(line) > most:
        line = f"{line[:most]}… ({len(line) - most:,} more characters)"
    return element("bdi", line)


def shortened(text: str, most: int) -> str:
    """Return text of at most `most` letters, without its middle where it is longer."""
    line = shown(text)
    if len(line) <= most:
        return line
    end = (most - 1) // 2
    return f"{line[: most - 1 - end]}…{line[-end:]}"


def code(text: str) -> Html:
    """Return a command as code."""
    return element("code", told(text, LONGEST))


def link(to: str, *content: Content) -> Html:
    """Return a link to a place in the page."""
    return element("a", *content, href=f"#{to}")

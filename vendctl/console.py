"""Where `vendctl` prints, and when in colour."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

COLOURS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2", "bold": "1"}

UNPRINTED = re.compile(r"[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON leaves as it is and a terminal obeys, or that cannot be written."""


def unprinted(text: str) -> str:
    """Return the same JSON with what a terminal would obey as escapes."""
    return UNPRINTED.sub(lambda one: f"\\u{ord(one[0]):04x}", text)


@dataclass(frozen=True, slots=True)
class Console:
    """The streams of one call, and its environment.

    Attributes:
        environ: The process environment.
        stdin: What a person or program hands in.
        stdout: Answers.
        stderr: Everything that is not an answer.
    """

    environ: Mapping[str, str]
    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)

    def line(self, text: str = "") -> None:
        """Print a line of the answer."""
        self.stdout.write(f"{text}\n")

    def json(self, document: object) -> None:
        """Print the answer for a script; what it holds drives no terminal either."""
        self.line(unprinted(json.dumps(document, indent=2, ensure_ascii=False)))

    def note(self, text: str) -> None:
        """Say something beside the answer."""
        self.stderr.write(f"{text}\n")

    def progress(self, text: str) -> None:
        """Show a person how far it is, in the place of what was shown before; "" takes it away."""
        if self.stderr.isatty():
            # A line that wraps would leave its beginning behind.
            shown = text[: shutil.get_terminal_size().columns - 1]
            self.stderr.write(f"\r\x1b[K{shown}")
            self.stderr.flush()

    def coloured(self, text: str, *colours: str) -> str:
        """Return `text` in colours of COLOURS where a person reads stdout, else as it is."""
        plain = self.environ.get("NO_COLOR") or self.environ.get("TERM") == "dumb"
        if plain or not self.stdout.isatty():
            return text
        return f"\x1b[{';'.join(COLOURS[colour] for colour in colours)}m{text}\x1b[0m"


def printable(text: str) -> str:
    """Return `text` with what would move a terminal's cursor, or hide in it, made visible.

    Line ends stay, so that a message of several lines can be read.
    """
    return "".join(
        letter if letter.isprintable() or letter == "\n" else f"\\u{ord(letter):04x}"
        for letter in text
    )

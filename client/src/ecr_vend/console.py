"""Where a command of `ecr-vend` reads and writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

COLOURS = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}


@dataclass(frozen=True, slots=True)
class Console:
    """The streams and the environment of one call.

    Attributes:
        stdin: What the person or program hands in.
        stdout: Answers.
        stderr: Everything that is not an answer.
        environ: The process environment.
    """

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str]

    def line(self, text: str = "") -> None:
        """Print a line of the answer."""
        self.stdout.write(f"{text}\n")

    def json(self, document: object) -> None:
        """Print the answer for a script."""
        self.line(json.dumps(document, indent=2))

    def note(self, text: str) -> None:
        """Say something beside the answer."""
        self.stderr.write(f"{text}\n")

    def progress(self, text: str) -> None:
        """Show a person how far it is, in the place of what was shown before."""
        if self.stderr.isatty():
            self.stderr.write(f"\r\x1b[K{text}")
            self.stderr.flush()

    def arrived(self) -> None:
        """End the line of `progress`."""
        if self.stderr.isatty():
            self.stderr.write("\n")

    def coloured(self, text: str, colour: str) -> str:
        """Return `text` in a colour of COLOURS where a person reads stdout, else as it is."""
        plain = self.environ.get("NO_COLOR") or self.environ.get("TERM") == "dumb"
        if plain or not self.stdout.isatty():
            return text
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"

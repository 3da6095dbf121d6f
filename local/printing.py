"""What a run of the stack prints: plain lines for people, one JSON object a line for machines."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

GREEN, RED, FAINT, PLAIN = "\033[32m", "\033[31m", "\033[2m", "\033[0m"


@dataclass
class Printer:
    """Prints steps as they happen.

    Attributes:
        out: Where to.
        machine: One JSON object a line instead of words.
        began: When, by the monotonic clock.
    """

    out: TextIO = field(default_factory=lambda: sys.stdout)
    machine: bool = False
    began: float = field(default_factory=time.monotonic)

    def progress(self, line: str) -> None:
        """Say what is being done."""
        if self.machine:
            self._object({"event": line})
        else:
            self._line(self._in(FAINT, f"  {time.monotonic() - self.began:5.1f} s  {line}"))

    def shown(self, promise: str, evidence: str) -> None:
        """Say that a promise was kept, and what shows it."""
        if self.machine:
            self._object({"step": promise, "ok": True, "evidence": evidence})
        else:
            self._line(f"{self._in(GREEN, '✓')} {promise}\n    {self._in(FAINT, evidence)}")

    def broken(self, promise: str, expected: str, got: str) -> None:
        """Say that a promise was not kept."""
        if self.machine:
            self._object({"step": promise, "ok": False, "expected": expected, "got": got})
        else:
            self._line(f"{self._in(RED, '✗')} {promise}\n    expected: {expected}\n    got: {got}")

    def plain(self, line: str) -> None:
        """Say something to people only."""
        if not self.machine:
            self._line(line)

    def _in(self, colour: str, text: str) -> str:
        if self.out.isatty() and "NO_COLOR" not in os.environ:
            return f"{colour}{text}{PLAIN}"
        return text

    def _object(self, content: dict[str, object]) -> None:
        self._line(json.dumps(content, ensure_ascii=False))

    def _line(self, text: str) -> None:
        print(text, file=self.out, flush=True)


def one_line(text: str, most: int = 400) -> str:
    """Return `text` as one printable line of at most `most` characters."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= most else words[: most - 1] + "…"

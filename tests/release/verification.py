"""The command that verifies a release, in one process for many tests, and what it said."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.environments import ROOT, make

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Found:
    """What the command said."""

    code: int
    out: str
    error: str

    @property
    def document(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.out)
        return read

    def failed(self) -> dict[str, str]:
        """Return the checks that did not hold, with what was said of each."""
        checks = self.document["checks"]
        return {one["name"]: one["said"] for one in checks if one["passed"] is False}

    def unseen(self) -> set[str]:
        return {one["name"] for one in self.document["checks"] if one["passed"] is None}


class Verifier:
    """The command, in a process that stays."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [make("release") / "bin/python", ROOT / "tests/release/verifier.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, folder: Path, *options: str, trust: Path | None = None) -> Found:
        trust = trust or folder.parent / "trust.json"
        return self.run(str(folder), "--trust-config", str(trust), *options)

    def run(self, *words: str) -> Found:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        found = Found(**json.loads(self.process.stdout.readline()))
        assert "Traceback" not in found.error
        return found

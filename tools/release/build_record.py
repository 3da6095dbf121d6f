"""What a build writes of itself: which commit, what machine, how long and how large each step.

`make durations` reads it.
"""

from __future__ import annotations

import json
import os
import platform
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tools.release.version import commit, version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Step = dict[str, Any]
"""A step's name, its seconds, and the bytes of each file that it made."""


@dataclass
class BuildRecord:
    """A build that is under way.

    Attributes:
        at: When it began.
        steps: What was done so far.
    """

    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, int]]:
        """Note how long a step takes, and the bytes of what it makes, which it puts in by name."""
        began = time.monotonic()
        sizes: dict[str, int] = {}
        yield sizes
        seconds = round(time.monotonic() - began, 2)
        self.steps.append({"step": name, "seconds": seconds, "bytes": sizes})

    def document(self) -> dict[str, Any]:
        """Return all that is known."""
        return {
            "at": self.at,
            "version": version(),
            "commit": commit(),
            "machine": machine(),
            "steps": self.steps,
        }

    def write(self, file: Path) -> str:
        """Write it as JSON and return the text."""
        text = json.dumps(self.document(), indent=2) + "\n"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return text


def machine() -> str:
    """Return what kind of machine this is: durations on another say nothing about ours."""
    kind = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    # On a runner of GitHub's, the image says more than the system.
    return ", ".join(filter(None, (kind, os.environ.get("ImageOS"))))  # noqa: SIM112 it is spelt so

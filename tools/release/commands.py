"""Programs that change the world outside: each call is shown, or only shown where that is asked."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass

from tools.environments import Missing

CURES = {
    "gh": "the GitHub command line (cli.github.com); in the workflow it is there",
    "skopeo": "Debian: apt-get install skopeo",
}


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs commands.

    Attributes:
        dry: Only show those that change something.
    """

    dry: bool = False

    def ask(self, *words: str) -> bytes:
        """Return what a command that changes nothing prints.

        Raises:
            Missing: It failed; the message is its own.
        """
        done = self.tried(*words)
        if done.returncode:
            raise Missing(f"`{shlex.join(words)}` failed:\n{done.stderr.decode().strip()}")
        return done.stdout

    def tried(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command that changes nothing and return how it ended.

        Raises:
            Missing: There is no such program.
        """
        program = shutil.which(words[0])
        if not program:
            cure = f": {CURES[words[0]]}" if words[0] in CURES else ""
            raise Missing(f"{words[0]} is not installed{cure}")
        # A `make` within `make` would take over the flags and ARGS of the outer one.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        return subprocess.run([program, *words[1:]], env=kept, capture_output=True, check=False)

    def do(self, *words: str) -> None:
        """Show a command that changes something, and run it.

        Raises:
            Missing: It failed; the message is its own.
        """
        print(f"{'would run' if self.dry else 'running'}: {shlex.join(words)}", file=sys.stderr)
        if not self.dry:
            self.ask(*words)

"""What is installed beside the programs on POSIX systems: the manual page and the completions."""

from __future__ import annotations

from ecr_vend import command_line, completions, manual

MANUAL = "share/man/man1/ecr-vend.1"
COMPLETIONS = {
    "bash": "share/bash-completion/completions/ecr-vend",
    "zsh": "share/zsh/site-functions/_ecr-vend",
    "fish": "share/fish/vendor_completions.d/ecr-vend.fish",
}
"""Shell → where its completion goes, below the prefix that the programs are installed under."""


def made() -> dict[str, str]:
    """Return where each file goes below the prefix → its text, made from the command line."""
    parser = command_line.parser()
    completing = {place: completions.SHELLS[shell](parser) for shell, place in COMPLETIONS.items()}
    return {MANUAL: manual.page(parser), **completing}

"""`ecr-vend completion`: the script that makes a shell complete this command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_vend.command_line import described, parser

if TYPE_CHECKING:
    import argparse

    from ecr_vend.console import Console


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    made = described(
        commands,
        "completion",
        "print the script that makes a shell complete this command",
        examples=[
            'ecr-vend completion bash  (in ~/.bashrc: eval "$(ecr-vend completion bash)")',
            "ecr-vend completion zsh >~/.zfunc/_ecr-vend  (a folder of your fpath)",
            "ecr-vend completion fish >~/.config/fish/completions/ecr-vend.fish",
        ],
    )
    made.add_argument("shell", choices=("bash", "zsh", "fish"), help="which shell")
    return made


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out."""
    from ecr_vend.completions import SHELLS

    console.stdout.write(SHELLS[arguments.shell](parser()))
    return 0

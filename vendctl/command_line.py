"""How the commands of `vendctl` describe themselves."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vendctl.console import Console


class Failure(Exception):
    """What was asked cannot be done, and why: one sentence for whoever typed it. Exit code 2."""


def subject(
    commands: argparse._SubParsersAction[Any], name: str, about: str
) -> argparse._SubParsersAction[Any]:
    """Add a subject, such as `policy`, and return where its actions are added."""
    found = commands.add_parser(name, help=about, description=f"{about[:1].upper()}{about[1:]}.")
    actions: argparse._SubParsersAction[Any] = found.add_subparsers(required=True, metavar="ACTION")
    return actions


def action(
    actions: argparse._SubParsersAction[Any],
    name: str,
    run: Callable[[argparse.Namespace, Console], int],
    *,
    examples: Sequence[str],
) -> argparse.ArgumentParser:
    """Add an action to a subject and return its parser.

    Args:
        actions: What `subject` returned.
        name: Of the action.
        run: Carries it out and returns the exit code; the first sentence of its docstring is the
            help.
        examples: Command lines that are worth copying.
    """
    about = (run.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " ")
    made: argparse.ArgumentParser = actions.add_parser(
        name,
        help=about[:1].lower() + about[1:].rstrip("."),
        description=about,
        epilog="\n".join(["examples:", *(f"  {example}" for example in examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(run=run)
    return made

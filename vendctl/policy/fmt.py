"""`vendctl policy fmt`: the canonical form of a policy, comments kept."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from vendctl.command_line import Failure, action
from vendctl.form.canonical import Unformatted, decoded, formatted
from vendctl.policy.document import STDIN, text_of
from vendctl.whole_files import replace
from vending.messages import printable
from vending.policy_text import PolicyError

if TYPE_CHECKING:
    import argparse

    from vendctl.console import Console

DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    parser = action(
        actions,
        "fmt",
        run,
        examples=[
            "vendctl policy fmt policy/policy.yaml",
            "vendctl policy fmt --check --diff policy/policy.yaml",
            "vendctl policy fmt -",
        ],
    )
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="a policy, in place; - from stdin to stdout"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 and name what would change"
    )
    parser.add_argument("--diff", action="store_true", help="write nothing; show what would change")


def run(asked: argparse.Namespace, console: Console) -> int:
    """Put policies into the canonical form: one order of keys, one style, every comment kept.

    What comes out is read again, and written only if it is the same policy with the same comments.
    A file that is no policy stays as it is.
    """
    return max(form(file, asked, console) for file in dict.fromkeys(asked.files))


def form(file: str, asked: argparse.Namespace, console: Console) -> int:
    """Format one file, or say what keeps it from being formatted, and return the exit code."""
    shown = "<stdin>" if file == STDIN else printable(file)
    try:
        before = yaml_of(file)
        after = formatted(before, name=shown)
        changes = after.encode() != before
        if asked.diff:
            show_changes(decoded(before), after, shown, console)
        elif file == STDIN and not asked.check:
            console.stdout.write(after)
        if asked.check:
            if changes:
                console.note(f"{shown}: not in canonical form; `vendctl policy fmt` writes it so")
            return 1 if changes else 0
        if changes and not asked.diff and file != STDIN:
            replace(file, after.encode())
            console.line(f"{shown}: written in canonical form")
    except PolicyError as problems:
        console.note(str(problems))
        return 1
    except Unformatted as problem:
        console.note(f"{shown}: left as it is: {problem}")
        return 1
    except Failure as problem:
        console.note(f"vendctl: {problem}")
        return 2
    return 0


def yaml_of(file: str) -> bytes:
    """Return the bytes of a file.

    Raises:
        Failure: It cannot be read, or is called JSON, which the canonical form is not.
    """
    if file.endswith(".json"):
        raise Failure(f"{file}: the canonical form is YAML, and this is called JSON")
    return text_of(file)


def show_changes(before: str, after: str, name: str, console: Console) -> None:
    """Print what differs, as a patch; line endings and an encoding's mark are not shown."""
    for line in difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, f"{name} (canonical)", lineterm="", n=3
    ):
        colours = [DIFF_COLOURS[line[0]]] if line[0] in DIFF_COLOURS else []
        console.line(console.coloured(printable(line), *colours))

"""The manual page `ecr-vend(1)`, made from the parser of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_vend import __version__
from ecr_vend.command_tree import Argument, Command, tree

if TYPE_CHECKING:
    import argparse

STATUS = {
    "0": "It was done; for a question, the answer is yes.",
    "1": "It failed, or the answer is no. One line on standard error says what to do.",
    "2": "The command line is wrong.",
    "130": "It was interrupted.",
}
FILES = {
    "~/.config/ecr-vend/config.toml": "The settings of one user; $XDG_CONFIG_HOME counts.",
    "/etc/ecr-vend/config.toml": "The settings of all users, below those of each.",
    "~/.cache/ecr-vend": "Tokens that still work, for this user's eyes only.",
}


SPECIAL = {
    "\\": "\\e",
    "-": "\\-",
    "`": "\\(ga",
    "'": "\\(aq",
    '"': "\\(dq",
    "~": "\\(ti",
    "^": "\\(ha",
}
"""Letters that troff would print as others."""


def page(parser: argparse.ArgumentParser) -> str:
    """Return the page as man(7) source; the same parser gives the same bytes."""
    top, name = tree(parser), parser.prog
    title = f'.TH {_text(name.upper())} 1 "" "{_text(name)} {__version__}" "User Commands"'
    lines = [
        title,
        ".SH NAME",
        f"{_text(name)} \\- {_text(_lower(parser.description or ''))}",
        ".SH SYNOPSIS",
    ]
    lines += [line for one in top.every() if not one.commands for line in _synopsis(name, one)]
    lines += [".SH OPTIONS", *_arguments(top), ".SH COMMANDS"]
    for one in top.every():
        if one.words:
            lines += _section(one)
    lines += [".SH EXIT STATUS", *_listed(STATUS), ".SH FILES", *_listed(FILES)]
    lines += [
        ".SH SEE ALSO",
        ".BR docker (1),",
        ".BR podman (1),",
        ".BR containers\\-auth.json (5)",
    ]
    return "\n".join(lines) + "\n"


def _synopsis(name: str, one: Command) -> list[str]:
    words = " ".join((name, *one.words))
    shown = [_bracketed(option) for option in one.options if "--help" not in option.flags]
    shown += [_italic(value.metavar) for value in one.values]
    return [f".B {_text(words)}", *([" ".join(shown)] if shown else []), ".br"]


def _bracketed(option: Argument) -> str:
    value = f" {_italic(option.metavar)}" if option.takes else ""
    return f"[{_bold(option.flags[-1])}{value}]"


def _section(one: Command) -> list[str]:
    head, _, examples = one.epilog.partition("\n")
    lines = [f".SS {_text(' '.join(one.words))}", f"{_text(_sentence(one.summary))}"]
    lines += _arguments(one)
    if examples:
        lines += [".PP", _text(head.capitalize()), ".PP", ".nf", ".RS"]
        lines += [_text(example.strip()) for example in examples.splitlines()]
        lines += [".RE", ".fi"]
    return lines


def _arguments(one: Command) -> list[str]:
    lines = []
    for argument in [*one.values, *one.options]:
        if one.words and "--help" in argument.flags:
            continue  # said once, at the top
        names = ", ".join(map(_bold, argument.flags))
        value = _italic(argument.metavar) if argument.takes else ""
        lines += [".TP", " ".join(filter(None, (names, value))), _text(_sentence(argument.help))]
    return lines


def _listed(entries: dict[str, str]) -> list[str]:
    return [line for name, told in entries.items() for line in (".TP", _bold(name), _text(told))]


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")


def _bold(text: str) -> str:
    return f"\\fB{_escaped(text)}\\fR"


def _italic(text: str) -> str:
    return f"\\fI{_escaped(text)}\\fR"


def _text(text: str) -> str:
    """Return a line of text, which a dot or a quote at its start would make a request."""
    guard = "\\&" if text[:1] in {".", "'"} else ""
    return guard + _escaped(text)


def _escaped(text: str) -> str:
    return "".join(SPECIAL.get(letter, letter) for letter in text)

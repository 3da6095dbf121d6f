"""Completion scripts for bash, zsh and fish, made from the parser of the command line.

The scripts hold all that they offer, so that a press of Tab starts no Python.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ecr_vend.command_tree import Argument, Command, tree

if TYPE_CHECKING:
    import argparse


def bash(parser: argparse.ArgumentParser) -> str:
    """Return a script for bash."""
    top, name = tree(parser), parser.prog
    function = f"_{name.replace('-', '_')}"
    cases = "".join(
        f"    {shlex.quote(' '.join(one.words))}) options={shlex.quote(_options(one))}"
        f" values={shlex.quote(' '.join(_values(one)))} files={int(_takes_files(one))} ;;\n"
        for one in top.every()
    )
    options = "".join(
        f"    {'|'.join(shlex.quote(' '.join((*one.words, flag))) for flag in option.flags)})"
        f" {function}_offer {_bash_value(option)}; return 0 ;;\n"
        for one in top.every()
        for option in one.options
        if option.takes
    )
    paths = "|".join(shlex.quote(" ".join(one.words)) for one in top.every() if one.words)
    return f"""\
# bash completion for {name}
{function}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
  local path= word options= values= files=0
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
    case ${{path:+$path }}$word in
    {paths}) path=${{path:+$path }}$word ;;
    esac
  done
  case ${{path:+$path }}$previous in
{options}  esac
  case $path in
{cases}  esac
  [[ $current == -* ]] && values=$options
  {function}_offer -W "$values" -- "$current"
  ((files && ${{#COMPREPLY[@]}} == 0)) && {function}_offer -f -- "$current"
  return 0
}}
# As bash 3.2 can do it, which is macOS's.
{function}_offer() {{
  local found
  COMPREPLY=()
  while IFS= read -r found; do COMPREPLY+=("$found"); done < <(compgen "$@")
}}
complete -F {function} {name}
"""


def zsh(parser: argparse.ArgumentParser) -> str:
    """Return a script for zsh, `_ecr-vend` in a folder of its `fpath`."""
    name = parser.prog
    functions = "\n".join(_zsh_function(one, name) for one in tree(parser).every())
    return f"""\
#compdef {name}

{functions}
if [[ $funcstack[1] == _{name} ]]; then
  _{name} "$@"
else
  compdef _{name} {name}
fi
"""


def fish(parser: argparse.ArgumentParser) -> str:
    """Return a script for fish."""
    name = parser.prog
    lines = [f"# fish completion for {name}", f"complete -c {name} -f"]
    for one in tree(parser).every():
        when = _fish_condition(one)
        for inner in one.commands:
            summary = _fish_quoted(inner.summary)
            lines.append(f"complete -c {name} -n {when} -a {inner.words[-1]} -d {summary}")
        lines += [
            f"complete -c {name} -n {when}{_fish_argument(argument)}"
            for argument in one.arguments
            if argument.flags or argument.choices or argument.files
        ]
    return "\n".join(lines) + "\n"


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}
"""Shell → what makes its script."""


def _options(one: Command) -> str:
    return " ".join(flag for option in one.options for flag in option.flags)


def _values(one: Command) -> list[str]:
    words = [inner.words[-1] for inner in one.commands]
    return [*words, *(choice for value in one.values for choice in value.choices)]


def _takes_files(one: Command) -> bool:
    return any(value.files for value in one.values)


def _bash_value(option: Argument) -> str:
    kind = "-f" if option.files else f"-W {shlex.quote(' '.join(option.choices))}"
    return f'{kind} -- "$current"'


def _zsh_function(one: Command, program: str) -> str:
    specs = [_zsh_spec(argument) for argument in one.arguments]
    after = ""
    if one.commands:
        specs += ["'1: :->command'", "'*:: :->rest'"]
        told = " ".join(shlex.quote(f"{inner.words[-1]}:{inner.summary}") for inner in one.commands)
        calls = "".join(
            f"      {inner.words[-1]}) {_zsh_name(inner, program)} ;;\n" for inner in one.commands
        )
        after = (
            f"  local -a commands=({told})\n"
            "  case $state in\n"
            "    command) _describe command commands ;;\n"
            "    rest) case $words[1] in\n"
            f"{calls}"
            "    esac ;;\n"
            "  esac\n"
        )
    listed = " ".join(specs)
    return (
        f"{_zsh_name(one, program)}() {{\n"
        "  local context state state_descr line\n"
        "  typeset -A opt_args\n"
        f"  _arguments -C {listed}\n{after}}}\n"
    )


def _zsh_name(one: Command, program: str) -> str:
    return "-".join((f"_{program}", *one.words))


def _zsh_spec(argument: Argument) -> str:
    summary = argument.summary
    for special in "\\:[]":
        summary = summary.replace(special, f"\\{special}")
    value = " :_files" if argument.files else f" :({' '.join(argument.choices)})"
    # An action that offers nothing, where none at all would keep a unique option from going in.
    value = value if argument.files or argument.choices else " :{:}"
    if not argument.flags:
        return shlex.quote(f"*:{value}")
    value = f":{value}" if argument.takes else ""
    flags = list(argument.flags)
    once = f"({' '.join(flags)})" if len(flags) > 1 else ""
    return " ".join(shlex.quote(f"{once}{flag}[{summary}]{value}") for flag in flags)


def _fish_condition(one: Command) -> str:
    if not one.words:
        return "__fish_use_subcommand"
    seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in one.words)
    below = " ".join(inner.words[-1] for inner in one.commands)
    return f'"{seen}{f"; and not __fish_seen_subcommand_from {below}" if below else ""}"'


def _fish_argument(argument: Argument) -> str:
    said = "".join(
        f" -l {flag[2:]}" if flag.startswith("--") else f" -s {flag[1:]}" for flag in argument.flags
    )
    if argument.flags and argument.takes:
        said += " -r" if argument.files else " -x"
    if argument.choices:
        said += f" -a {_fish_quoted(' '.join(argument.choices))}"
    if argument.files:
        said += " -F"
    return f"{said} -d {_fish_quoted(argument.summary)}"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
